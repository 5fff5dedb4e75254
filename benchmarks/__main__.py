"""`python -m benchmarks NAME... [--json]`; without a name all of them, one after the other."""

import argparse
import importlib
import sys

NAMES = (
    "decode",
    "publish",
    "land",
    "candles",
    "backfill",
    "query",
    "normalise",
    "worker",
    "connections",
    "serve",
    "fanout",
    "demo",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=" ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    for name in arguments.names or NAMES:
        for figure in importlib.import_module(f"benchmarks.{name}").run():
            print(figure.as_json() if arguments.json else figure.as_text(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
