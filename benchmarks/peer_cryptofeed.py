"""cryptofeed's Kraken handler, `to_dict` and JSON, on frames of its older protocol made from ours.

Runs in a Python of its own that has cryptofeed: frames on standard input, a figure on standard output.
"""

import asyncio
import json
import sys
import time

REPEAT = 5


def older(frame: bytes) -> str:
    """The same content as WebSocket v1 has it."""
    message = json.loads(frame)
    if message["channel"] == "ticker":
        (row,) = message["data"]
        bid, ask = f"{row['bid']:.5f}", f"{row['ask']:.5f}"
        last = [f"{row['last']:.5f}", "0.01250000"]
        day = [f"{row['volume']:.8f}"] * 2
        payload = {
            "a": [ask, 1, f"{row['ask_qty']:.8f}"],
            "b": [bid, 1, f"{row['bid_qty']:.8f}"],
            "c": last,
            "v": day,
            "p": ["84174.60000"] * 2,
            "t": [135262, 135262],
            "l": ["83163.60000"] * 2,
            "h": ["85247.40000"] * 2,
            "o": ["84174.60000"] * 2,
        }
        return json.dumps([340, payload, "ticker", "XBT/USD"])
    rows = [
        [f"{row['price']:.5f}", f"{row['qty']:.8f}", "1787234592.004511", "b", "m", ""]
        for row in message["data"]
    ]
    return json.dumps([337, rows, "trade", "XBT/USD"])


async def main() -> None:
    from cryptofeed.defines import TICKER, TRADES  # type: ignore[import-not-found]  # noqa: PLC0415
    from cryptofeed.exchanges import Kraken  # type: ignore[import-not-found]  # noqa: PLC0415
    from cryptofeed.symbols import Symbols  # type: ignore[import-not-found]  # noqa: PLC0415

    wire = [older(line) for line in sys.stdin.buffer.read().splitlines()]
    Symbols.set(Kraken.id, {"BTC-USD": "XBT/USD"}, {"instrument_type": {"BTC-USD": "spot"}})
    size = 0

    async def take(data: object, _receipt: float) -> None:
        nonlocal size
        size += len(json.dumps(data.to_dict(numeric_type=str)))  # type: ignore[attr-defined]

    feed = Kraken(symbols=["BTC-USD"], channels=[TRADES, TICKER], callbacks={TRADES: take, TICKER: take})
    best = 0.0
    for _ in range(REPEAT):
        began = time.process_time()
        for message in wire:
            await feed.message_handler(message, None, 1787234592.0)
        best = max(best, len(wire) / (time.process_time() - began))
    print(json.dumps({"frames_per_cpu_second": best, "bytes": size}))


asyncio.run(main())
