"""A live worker that leaves all series but one to others; `benchmarks/connections.py` starts several.

`python -m benchmarks.connection SYMBOL`; the configuration is the worker's own, in the environment
(`streaming/live/process.py`).
"""

import sys

from candlewick.live import wanted
from streaming.live import process


def main() -> None:
    symbol, decode = sys.argv[1], wanted.decode

    def decode_mine(data: bytes) -> wanted.Wanted:
        message = decode(data)
        return wanted.Wanted(message.at_us, tuple(one for one in message.series if one.symbol == symbol))

    wanted.decode = decode_mine
    process.main()


if __name__ == "__main__":
    main()
