import pytest

from streaming.live import filling, session


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds with a real venue takes tenths here."""
    for module, name, seconds in [
        (session, "TICK_S", 0.02),
        (session, "SNAPSHOT_S", 0.3),
        (session, "SECOND_LOOK_S", 0.1),
        (session, "OVERLAP_S", 0.1),
        (session, "FAILED_S", 0.2),
        (filling, "LATE_S", 0.02),
    ]:
        monkeypatch.setattr(module, name, seconds)
