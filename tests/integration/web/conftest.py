"""The web server as a program has it, on a real database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
import uvicorn
from pydantic import SecretStr

from candlewick import access
from candlewick.settings import Settings
from candlewick.store import Store
from tests.integration.store.landing import Landing
from tests.waiting import until
from web.app import create


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a web server that runs in a thread, as loopback clients see it."""
    app = create(settings, changes_a_minute=100_000)
    port = settings.ports.web
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until("the web server answers", lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def landing(database_url: str) -> Iterator[Landing]:
    """A store without any series."""
    with Store(database_url) as store, psycopg.connect(database_url, autocommit=True) as connection:
        yield Landing(database_url, store, connection)


@pytest.fixture
def settings(postgres_server: Settings, landing: Landing) -> Settings:
    """Settings whose database is the test's own, with the reader's role in it; no venue can be reached."""
    found = postgres_server.model_copy(
        update={
            "database_url": SecretStr(landing.url),
            "dukascopy_url": "http://127.0.0.1:9/datafeed",
            "dukascopy_json_url": "none",
            "kraken_rest_url": "http://127.0.0.1:9",
            "oanda_rest_url": "http://127.0.0.1:9",
        }
    )
    landing.store.prepare_roles(
        access.database_password(found, access.SINK), access.database_password(found, access.READER)
    )
    return found


@pytest.fixture
def web(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings) as client:
        yield client
