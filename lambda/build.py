"""Packs the Lambda's zip: `python lambda/build.py build/lambda.zip`.

The same sources give the same bytes: entries sorted, of one date and one mode, and stored rather than
compressed, since compressors differ.
"""

import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# What availability needs, and nothing else of the project.
MODULES = (
    "candlewick/__init__.py",
    "candlewick/calendars.py",
    "candlewick/data/calendars.json",
    "candlewick/data/instruments.csv",
    "candlewick/dukascopy/__init__.py",
    "candlewick/dukascopy/availability.py",
    "candlewick/dukascopy/availability_messages.py",
    "candlewick/errors.py",
    "candlewick/instruments.py",
    "candlewick/times.py",
)

_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644


def entries() -> Iterator[tuple[str, Path]]:
    """Names in the zip and the files that they come from."""
    yield "handler.py", HERE / "handler.py"
    for name in MODULES:
        yield name, ROOT / name
    for package in import_module("tzdata").__path__:
        base = Path(package)
        for file in base.rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                yield f"tzdata/{file.relative_to(base).as_posix()}", file


def build(target: Path) -> None:
    """Write the zip, replacing one that is there only once the new one is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, file in sorted(entries()):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = _MODE << 16
            info.create_system = 3
            archive.writestr(info, file.read_bytes())
    part.replace(target)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "lambda.zip"
    build(target)
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
