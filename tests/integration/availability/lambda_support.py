"""A venue's host, and the packaged Lambda in a process of its own, for the tests beside this."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

LAMBDA = Path(__file__).parents[3] / "lambda"

# What AWS does: import the handler from the zip, decode the event, call, encode the answer.
RUN = """
import json, sys, zoneinfo
sys.path.insert(0, sys.argv[1])
zoneinfo.reset_tzpath(to=[])
import handler
class Context:
    function_name = "stack-checker"
    def get_remaining_time_in_millis(self):
        return int(sys.argv[2])
answer = handler.lambda_handler(json.load(sys.stdin), Context())
loaded = sorted({name.partition(".")[0] for name, module in sys.modules.items()
                 if "site-packages" in (getattr(module, "__file__", None) or "")})
print(json.dumps({"answer": answer, "loaded": loaded, "from": handler.__file__}))
"""


@dataclass
class VenueHost:
    """A host of the venue: `statuses` by path, 404 for the rest; `size` bytes where the status is 200.

    `retry_after` goes with every answer; while `hangs`, no request is answered.
    """

    url: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    size: int = 34_567
    refuse_head: bool = False
    retry_after: str | None = None
    hangs: Event | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


def build(target: Path) -> Path:
    subprocess.run([sys.executable, LAMBDA / "build.py", target], check=True, capture_output=True)
    return target


@dataclass(frozen=True)
class Ran:
    answer: dict[str, object]
    log: list[str]
    loaded: list[str]
    source: str


def run(package: Path, event: object, venue: str, *, millis: int = 60_000, **environment: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, str(package), str(millis)],
        input=json.dumps(event),
        env={
            "CANDLEWICK_DUKASCOPY_URL": f"{venue}/datafeed",
            "CANDLEWICK_DUKASCOPY_JSON_URL": f"{venue}/v1",
            "CANDLEWICK_DUKASCOPY_RATE": "0",
            **environment,
        },
        cwd=package.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *log, last = done.stdout.splitlines()
    result = json.loads(last)
    return Ran(result["answer"], log, result["loaded"], result["from"])
