"""`python -m candlewick.local`: get the servers, start nothing; what `make setup` runs."""

import sys

from candlewick.errors import CandlewickError
from candlewick.local import downloads
from candlewick.local.console import ConsoleReport, new_console
from candlewick.settings import Settings


def main() -> int:
    report = ConsoleReport(new_console(stderr=True))
    try:
        if Settings().pulsar_url is None:
            downloads.ensure_pulsar(downloads.cache_folder(), report.transfer)
    except CandlewickError as error:
        sys.stderr.write(f"candlewick: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
