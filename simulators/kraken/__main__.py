"""`python -m simulators.kraken`: the venue on one machine."""

from pathlib import Path
from typing import Annotated

import typer

from candlewick.errors import CandlewickError
from candlewick.times import SECOND_US, parse_time
from simulators.common.clock import Clock
from simulators.common.command import run
from simulators.common.faults import LiveFaults, LiveRule
from simulators.common.live_app import serve as serve_app
from simulators.kraken import recording
from simulators.kraken.app import FAULTS, Limits, Venue, shared
from simulators.kraken.pairs import BY_SYMBOL, PAIRS
from simulators.kraken.tape import RecordedTape, SyntheticTape, Tape

_NATURAL_RATE = 4.0


def serve(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 8091,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="A synthetic market; the default.")] = False,
    trades: Annotated[
        Path | None, typer.Option(help="A recorded answer of /0/public/Trades, made into frames.")
    ] = None,
    pairs: Annotated[
        str, typer.Option(help="Pairs of the synthetic market, BTC/USD,ETH/USD; all when empty.")
    ] = "",
    rate: Annotated[
        float, typer.Option(min=0, max=1_000_000, help="Trades a second, of all pairs together.")
    ] = _NATURAL_RATE,
    quotes: Annotated[float, typer.Option(min=0, help="Moves of bid or ask for each trade.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 0,
    now: Annotated[
        str | None, typer.Option(help="The venue's time, 2024-02-05T12:00:00Z; it stands still there.")
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Time runs on from --now.")] = False,
    speed: Annotated[float, typer.Option(min=0.001, help="Seconds of the venue in one.")] = 1.0,
    shift: Annotated[
        bool, typer.Option("--shift", help="Recorded trades happen now, not when they did.")
    ] = False,
    rest_rate: Annotated[
        float, typer.Option(min=0, help="REST calls a second, Trades for each pair; 0 allows everything.")
    ] = 1.0,
    attempts: Annotated[
        int, typer.Option(min=0, help="Connection attempts in ten minutes (the venue: 150); 0 is no limit.")
    ] = 0,
    since_inclusive: Annotated[
        bool, typer.Option("--since-inclusive", help="REST's since includes a trade at that moment.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="NAME[:option=value,...]; may be repeated. docs/simulators.md lists them."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written, with the port, once requests are answered.")
    ] = None,
) -> None:
    """Serve Kraken's WebSocket v2 and public REST calls from a synthetic market or from recorded trades."""
    if synthetic and trades is not None:
        raise CandlewickError("what to serve is not clear", "give either --trades FILE or --synthetic")
    start_us = None if now is None else parse_time(now)
    faults = LiveFaults(FAULTS, [LiveRule.parse(text) for text in fault or []])
    limits = Limits(rest_rate, attempts, since_inclusive)
    if trades is None:
        clock = Clock(start_us, running=running, speed=speed)
        rates = shared(_symbols(pairs), rate)
        tapes: dict[str, Tape] = {
            symbol: SyntheticTape(BY_SYMBOL[symbol], seed, part, quotes) for symbol, part in rates.items()
        }
        waits = False
    else:
        pair, rows = recording.load(trades)
        if shift:
            moved_ns = (Clock().now_us() + SECOND_US) * 1000 - rows[0].time_ns
            rows = [row._replace(time_ns=row.time_ns + moved_ns) for row in rows]
        first_us = rows[0].time_ns // 1000 - 1
        waits = start_us is None
        clock = Clock(first_us if start_us is None else start_us, running=running and not waits, speed=speed)
        tapes = {pair.symbol: RecordedTape(pair, rows)}
    serve_app(lambda: Venue(tapes, clock, faults, limits, seed=seed, starts=waits).app(), port, ready_file)


def _symbols(text: str) -> list[str]:
    symbols = [part.strip().upper() for part in text.split(",") if part.strip()]
    if unknown := [symbol for symbol in symbols if symbol not in BY_SYMBOL]:
        raise CandlewickError(f"there is no pair {unknown[0]!r}", f"there are {', '.join(BY_SYMBOL)}")
    return symbols or [pair.symbol for pair in PAIRS]


if __name__ == "__main__":
    run(serve, "kraken")
