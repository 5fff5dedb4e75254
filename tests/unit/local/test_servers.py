"""Waiting for a program that the supervisor starts again and again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from candlewick.errors import CandlewickError
from candlewick.local import servers, supervisor
from candlewick.local.home import Home
from candlewick.local.programs import Program
from candlewick.local.supervisor import ProcessState
from candlewick.settings import Settings

Wait = Callable[..., None]
PROGRAM = Program("broker", "/bin/false", {})


@pytest.fixture
def wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Waits for a program that goes through these states: (supervisord's word, when it was started)."""

    def wait_through(*states: tuple[str, int]) -> None:
        passed = iter(states)
        seen: list[tuple[str, int]] = []

        def next_state(_home: Home) -> dict[str, ProcessState]:
            seen.append(next(passed))
            word, started = seen[-1]
            return {PROGRAM.name: ProcessState(PROGRAM.name, word, 1, started, "")}

        monkeypatch.setattr(servers, "POLL_SECONDS", 0)
        monkeypatch.setattr(supervisor, "states", next_state)
        monkeypatch.setattr(servers, "is_ready", lambda *_: seen[-1] == states[-1])
        settings = Settings(_env_file=None, home=tmp_path)  # type: ignore[call-arg]
        servers._await_ready(PROGRAM, settings, Home(tmp_path))

    return wait_through


def test_a_program_that_ended_is_waited_for_while_it_is_started_again(wait: Wait) -> None:
    wait(("STARTING", 1), ("RUNNING", 1), ("EXITED", 1), ("BACKOFF", 2), ("STARTING", 3), ("RUNNING", 3))


@pytest.mark.parametrize("word", ["BACKOFF", "EXITED"])
def test_a_program_that_ends_at_every_start_is_given_up(wait: Wait, word: str) -> None:
    with pytest.raises(CandlewickError, match="broker ended at its start"):
        wait(*((word, started) for started in range(servers.ATTEMPTS + 1)))


def test_a_program_that_the_supervisor_gave_up_is_given_up(wait: Wait) -> None:
    with pytest.raises(CandlewickError, match="broker ended at its start"):
        wait(("STARTING", 1), ("FATAL", 1), ("RUNNING", 2))
