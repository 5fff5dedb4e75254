"""Whatever the supervisor gave up is asked for again."""

import xmlrpc.client
from types import SimpleNamespace

import pytest

from candlewick.local import revive


class EndOfEventsError(Exception):
    pass


class Supervisor:
    """Sends the listener events, and remembers what it asks for."""

    def __init__(self, *events: tuple[str, str]) -> None:
        self.events = list(events)
        self.started: list[tuple[str, bool]] = []
        self.acknowledged = 0

    def wait(self, *_streams: object) -> tuple[dict[str, str], str]:
        if not self.events:
            raise EndOfEventsError
        name, process = self.events.pop(0)
        return {"eventname": name}, f"processname:{process} groupname:programs from_state:BACKOFF"

    def ok(self, *_streams: object) -> None:
        self.acknowledged += 1

    def start_process(self, name: str, wait: bool) -> None:  # noqa: FBT001
        self.started.append((name, wait))
        if name == "programs:gone":
            raise xmlrpc.client.Fault(10, "BAD_NAME")


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(revive.time, "sleep", taken.append)
    return taken


def listen(monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor) -> None:
    rpc = SimpleNamespace(supervisor=SimpleNamespace(startProcess=supervisor.start_process))
    monkeypatch.setattr(revive.childutils, "getRPCInterface", lambda _environment: rpc)
    monkeypatch.setattr(
        revive.childutils, "listener", SimpleNamespace(wait=supervisor.wait, ok=supervisor.ok)
    )
    with pytest.raises(EndOfEventsError):
        revive.main()


def test_a_program_given_up_is_asked_for_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    supervisor = Supervisor(("PROCESS_STATE_FATAL", "pulsar"), ("PROCESS_STATE_FATAL", "pulsar"))
    listen(monkeypatch, supervisor)
    assert supervisor.started == [("programs:pulsar", False)] * 2
    assert supervisor.acknowledged == 2
    assert all(0 < nap <= revive.LONGEST_WAIT for nap in naps)


def test_other_events_are_let_pass(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    supervisor = Supervisor(("PROCESS_STATE_RUNNING", "pulsar"))
    listen(monkeypatch, supervisor)
    assert (supervisor.started, supervisor.acknowledged, naps) == ([], 1, [])


def test_a_refusal_does_not_end_the_listener(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    supervisor = Supervisor(("PROCESS_STATE_FATAL", "gone"), ("PROCESS_STATE_FATAL", "pulsar"))
    listen(monkeypatch, supervisor)
    assert [name for name, _ in supervisor.started] == ["programs:gone", "programs:pulsar"]
    assert len(naps) == 2
