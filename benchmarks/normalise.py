"""A raw Kraken frame to the bytes that Pulsar gets, in messages a CPU-second.

The limit is decoding alone: msgspec, typed, the same frames. With `CANDLEWICK_BENCH_CRYPTOFEED` naming a
Python that has cryptofeed installed, its handler with `to_dict` and JSON runs beside it, on the same content
in the older form that it reads.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figure import Figure
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import encode
from streaming.live.venue import Events
from streaming.venues import kraken

FRAMES = 20_000
REPEAT = 5
ROUNDS = 4
_PEER = Path(__file__).with_name("peer_cryptofeed.py")


def frames() -> list[bytes]:
    """Half tickers, half trades, of one pair; every fourth trade frame has two trades.

    A ticker's volume, mean and change are new each time, as behind a trade; its low and high are the day's.
    """
    made = []
    for number in range(FRAMES):
        price, cents = 62310 + number % 50, number % 10
        moment = f"2026-08-20T14:{number // 1000 % 60:02d}:{number // 20 % 60:02d}.{number % 1_000_000:06d}Z"
        if number % 2:
            made.append(
                f'{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","bid":{price}.{cents},'
                f'"bid_qty":0.56251979,"ask":{price + 1}.{cents},"ask_qty":0.00044780,"last":{price}.{cents},'
                f'"volume":{3156 + number // 80}.{number % 80 * 1250000:08d},'
                f'"vwap":{84174 + number // 1000}.{cents},'
                f'"low":83163.6,"high":85247.4,"change":-{429 + number % 50}.{cents},'
                f'"change_pct":-0.51,"timestamp":"{moment}"}}]}}'.encode()
            )
            continue
        trades = [
            f'{{"symbol":"BTC/USD","side":"buy","price":{price}.{cents},"qty":0.01250000,"ord_type":"market",'
            f'"trade_id":{98120441 + number + extra},"timestamp":"{moment}"}}'
            for extra in range(2 if number % 8 == 0 else 1)
        ]
        made.append(f'{{"channel":"trade","type":"update","data":[{",".join(trades)}]}}'.encode())
    return made


def run() -> Iterator[Figure]:
    wire = frames()
    adapter = kraken.Kraken("ws://127.0.0.1:1", "http://127.0.0.1:1")
    adapter.use([Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")])

    def ours() -> int:
        size = 0
        for frame in wire:
            for item in adapter.read(frame, 1_787_234_592_004_511_000):
                if isinstance(item, Events):
                    for event in item.events:
                        size += len(encode(event))
        return size

    def bare() -> None:
        for frame in wire:
            if frame.startswith(b'{"channel":"ticker"'):
                kraken._tickers.decode(frame)  # noqa: SLF001  (the very decoder that the adapter uses)
            else:
                kraken._trades.decode(frame)  # noqa: SLF001

    detail: dict[str, object] = {"frames": FRAMES}
    # In turns, since the pace of a shared machine changes within a minute.
    rounds = [(*_cpu_pair(ours, bare), _peer(wire)) for _ in range(ROUNDS)]
    mine, limit = min(one for one, _, _ in rounds), min(one for _, one, _ in rounds)
    peers = [peer for _, _, peer in rounds if peer is not None]
    if peers:
        detail["cryptofeed"] = round(max(peers))
        detail["ratio_to_cryptofeed"] = round(FRAMES / mine / max(peers), 2)
    yield Figure("normalise", FRAMES / mine, "frames/CPU-s", FRAMES / limit, detail=detail)


def _cpu_pair(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The least CPU seconds of both, run alternately."""
    pairs = [(_cpu(first), _cpu(second)) for _ in range(REPEAT)]
    return min(one for one, _ in pairs), min(other for _, other in pairs)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _peer(wire: list[bytes]) -> float | None:
    """Frames a CPU-second of cryptofeed, where a Python that has it is named."""
    python = os.environ.get("CANDLEWICK_BENCH_CRYPTOFEED")
    if not python:
        return None
    answer = subprocess.run(
        [python, "-P", str(_PEER)], input=b"\n".join(wire), capture_output=True, check=True, timeout=300
    )
    return float(json.loads(answer.stdout)["frames_per_cpu_second"])
