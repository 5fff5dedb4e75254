"""A demo cannot meet real data, whatever else is set."""

from pathlib import Path

import pytest

from candlewick.settings import DEMO_HOME, DEMO_PORT_BASE, Settings


def test_a_demo_has_its_own_home_ports_and_venue() -> None:
    demo = Settings(_env_file=None, demo=True)  # type: ignore[call-arg]
    assert demo.home == DEMO_HOME.absolute()
    assert demo.ports.postgres == DEMO_PORT_BASE
    assert demo.dukascopy_url == f"http://127.0.0.1:{demo.ports.simulator}/datafeed"
    assert demo.dukascopy_json_url == f"http://127.0.0.1:{demo.ports.simulator}/v1"


def test_a_demo_leaves_real_servers_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANDLEWICK_DEMO", "1")
    monkeypatch.setenv("CANDLEWICK_HOME", str(tmp_path))
    monkeypatch.setenv("CANDLEWICK_DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("CANDLEWICK_PULSAR_URL", "pulsar://real")
    monkeypatch.setenv("CANDLEWICK_ARCHIVE", "s3://real")
    monkeypatch.setenv("CANDLEWICK_DUKASCOPY_URL", "https://real")
    demo = Settings(_env_file=None)  # type: ignore[call-arg]
    assert demo.home == tmp_path
    assert demo.database_url is demo.pulsar_url is demo.archive is None
    assert demo.dukascopy_url.startswith("http://127.0.0.1:")


def test_without_a_demo_nothing_changes() -> None:
    real = Settings(_env_file=None)  # type: ignore[call-arg]
    assert real.home == Path(".candlewick").absolute()
    assert real.ports.pulsar == 6650
    assert "127.0.0.1" not in real.dukascopy_url
