"""A live worker's process: `python -m streaming.live` becomes it."""

import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from streaming import lifecycle
from streaming.live.venue import Venue
from streaming.live.worker import LiveWorker

CONFIGURATION = "CANDLEWICK_LIVE_CONFIGURATION"
INTERVAL_S = 2.0


class Configuration(msgspec.Struct, frozen=True):
    """What a worker is told, in the environment: it holds secrets."""

    venue: str
    home: str
    pulsar_url: str
    pulsar_token: str | None
    metrics_port: int
    stream_url: str
    rest_url: str
    token: str | None
    account: str | None


def encode(configuration: Configuration) -> str:
    return msgspec.json.encode(configuration).decode()


def _kraken(found: Configuration) -> Venue:
    from streaming.venues.kraken import Kraken  # noqa: PLC0415  (a worker loads its own venue only)

    return Kraken(found.stream_url, found.rest_url)


def _oanda(found: Configuration) -> Venue:
    from streaming.venues.oanda import Oanda  # noqa: PLC0415

    return Oanda(found.stream_url, found.rest_url, found.token, found.account)


VENUES: dict[str, Callable[[Configuration], Venue]] = {"kraken": _kraken, "oanda": _oanda}


def main() -> None:
    # Taken out, so that no child and no dump of the environment has it.
    found = msgspec.json.decode(os.environ.pop(CONFIGURATION), type=Configuration)
    worker = LiveWorker(
        VENUES[found.venue](found),
        found.pulsar_url,
        found.pulsar_token,
        metrics_port=found.metrics_port,
        log=lifecycle.LIBRARY_LOG,
    )
    gc.collect()
    gc.freeze()
    lifecycle.run_at(worker, Path(found.home), found.pulsar_url, found.pulsar_token, interval_s=INTERVAL_S)
    # All is drained. A call that a closed client of the library never answers must not keep the process.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
