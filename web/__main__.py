"""`python -m web`: the pages, on loopback."""

import uvicorn

from candlewick.settings import Settings
from web.app import create


def main() -> None:
    settings = Settings()
    uvicorn.run(
        create(settings),
        host="127.0.0.1",
        port=settings.ports.web,
        access_log=False,
        log_level="warning",
        # Streams of events never end by themselves.
        timeout_graceful_shutdown=2,
        server_header=False,
    )


if __name__ == "__main__":
    main()
