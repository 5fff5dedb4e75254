"""`python -m streaming.live VENUE`: the worker of one live venue."""

import argparse
from collections.abc import Callable

from candlewick import access
from candlewick.settings import Settings
from streaming import lifecycle
from streaming.live.venue import Venue
from streaming.live.worker import LiveWorker


def _kraken(settings: Settings) -> Venue:
    from streaming.venues.kraken import Kraken  # noqa: PLC0415  (a worker loads its own venue only)

    return Kraken(settings.kraken_ws_url, settings.kraken_rest_url)


def _oanda(settings: Settings) -> Venue:
    from streaming.venues.oanda import Oanda  # noqa: PLC0415

    token, account = settings.oanda_token, settings.oanda_account
    return Oanda(
        settings.oanda_stream_url,
        settings.oanda_rest_url,
        token.get_secret_value() if token else None,
        account.get_secret_value() if account else None,
    )


VENUES: dict[str, Callable[[Settings], Venue]] = {"kraken": _kraken, "oanda": _oanda}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m streaming.live", description=__doc__)
    parser.add_argument("venue", choices=sorted(VENUES))
    name = parser.parse_args().venue
    settings = Settings()
    worker = LiveWorker(
        VENUES[name](settings),
        access.pulsar_url(settings),
        access.pulsar_token(settings, access.PULSAR_STREAMER),
        metrics_port=getattr(settings.ports, name),
        log=lifecycle.LIBRARY_LOG,
    )
    lifecycle.run(worker, settings, role=access.PULSAR_STREAMER, interval_s=2.0)


if __name__ == "__main__":
    main()
