"""`python -m streaming.live VENUE`: the worker of one live venue.

Reads the settings and becomes the worker's process (`process.py`), which does without what reads them: that
is 10 MB of the 45 that a worker takes.
"""

import argparse
import os
import sys

from candlewick import access
from candlewick.settings import Settings
from streaming.live.process import CONFIGURATION, VENUES, Configuration, encode


def configuration(settings: Settings, venue: str) -> Configuration:
    """What a worker needs of the settings."""
    token, account = settings.oanda_token, settings.oanda_account
    is_kraken = venue == "kraken"
    return Configuration(
        venue=venue,
        home=str(settings.home),
        pulsar_url=access.pulsar_url(settings),
        pulsar_token=access.pulsar_token(settings, access.PULSAR_STREAMER),
        metrics_port=settings.ports.kraken if is_kraken else settings.ports.oanda,
        stream_url=settings.kraken_ws_url if is_kraken else settings.oanda_stream_url,
        rest_url=settings.kraken_rest_url if is_kraken else settings.oanda_rest_url,
        token=token.get_secret_value() if token and not is_kraken else None,
        account=account.get_secret_value() if account and not is_kraken else None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m streaming.live", description=__doc__)
    parser.add_argument("venue", choices=sorted(VENUES))
    venue = parser.parse_args().venue
    os.environ[CONFIGURATION] = encode(configuration(Settings(), venue))
    # The venue is for whoever looks at the list of processes.
    command = [sys.executable, "-m", "streaming.live.process", venue]
    os.execv(command[0], command)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main()
