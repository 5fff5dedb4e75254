"""The lifecycle of a worker, in a process of its own as the supervisor runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from candlewick import health
from candlewick.health import Condition
from tests.waiting import until

WORKER = """
import sys
from pathlib import Path
from candlewick.errors import CandlewickError
from candlewick.health import Condition, Health
from candlewick.settings import Settings
from streaming import lifecycle

class Worker:
    name = "tester"
    turns = 0
    def __enter__(self): return self
    def __exit__(self, *exception): print("left", flush=True)
    def turn(self):
        self.turns += 1
        print("turn", self.turns, flush=True)
        if self.turns == 2:
            raise CandlewickError("the venue is away", "wait")
        if self.turns == 4 and sys.argv[2] == "broken":
            raise RuntimeError("a bug")
        return Health(self.name, self.turns, Condition.OK, f"turn {self.turns}")

settings = Settings(home=Path(sys.argv[1]), pulsar_url="pulsar://127.0.0.1:1")
lifecycle.run(Worker(), settings, role="guard", interval_s=0.1)
"""


def start(home: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home), how],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip


def wait_for_summary(home: Path, wanted: str) -> None:
    until(f"{wanted!r} is told", lambda: wanted in [record.summary for record in health.read_all(home)])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_even_with_the_broker_away(tmp_path: Path, signum: signal.Signals) -> None:
    process = start(tmp_path, "well")
    wait_for_summary(tmp_path, "turn 3")
    os.kill(process.pid, signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "left"
    assert f"signal={signum.name}" in err


def test_what_it_needs_being_away_is_told_and_survived(tmp_path: Path) -> None:
    process = start(tmp_path, "well")
    try:
        wait_for_summary(tmp_path, "turn 3")
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert 'condition=waiting summary="the venue is away: wait"' in err


def test_what_it_cannot_foresee_ends_it(tmp_path: Path) -> None:
    process = start(tmp_path, "broken")
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "a bug" in err
    assert out.splitlines()[-1] == "left"
    assert [record.condition for record in health.read_all(tmp_path)] == [Condition.OK]
