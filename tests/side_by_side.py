"""With `-n 2`, which tests stay together: those that share a server or the platform, else those of a file.

So each server is started by one process only, and one process works while the other one waits. Without `-n`
nothing of this counts.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/faults/test_kills.py": "platform",
    "tests/faults/test_sinks.py": "platform",
    "tests/integration/end_to_end": "platform",
    "tests/integration/bus": "servers",
    "tests/integration/live": "servers",
    "tests/integration/pipeline_defs": "servers",
    "tests/integration/recording": "servers",
    "tests/integration/test_servers.py": "servers",
    "tests/integration/watch": "servers",
    "tests/integration/web": "servers",
}


ALONE = ("tests/faults/test_live_*.py", "tests/faults/test_recorder*.py")
"""Judged by seconds: `make test` runs them after all others, two files at a time, with their own servers."""


def together(file: str) -> str:
    """The name of what a file's tests share, or the file."""
    return next((TOGETHER[place] for place in TOGETHER if Path(file).is_relative_to(place)), file)


class SideBySide(LoadScopeScheduling):
    """Hands a process everything that belongs together."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    # In the order of `pytest_collection_modifyitems`, not by the number of tests.
    config.option.loadscopereorder = False
    return SideBySide(config, log)


def is_alone(item: pytest.Item) -> bool:
    return any(fnmatchcase(item.nodeid.partition("::")[0], pattern) for pattern in ALONE)


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_alone(item):
        item.add_marker(pytest.mark.alone)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest work first, so that the short fills what is left."""
    if hasattr(config, "workerinput"):
        items.sort(key=_precedence)


def _precedence(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    ranks = {"platform": 0, "servers": 1}
    return ranks.get(together(file), 3 if file.startswith("tests/unit") else 2)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fails where a test shares what its file is not listed for: it would be started twice."""
    if not hasattr(session.config, "workerinput"):
        return
    for item in session.items:
        used = {"platform", "servers"} & set(getattr(item, "fixturenames", ()))
        if used and not is_alone(item) and together(item.nodeid.partition("::")[0]) not in used:
            raise pytest.UsageError(f"{item.nodeid} takes {used}: list its file in {__file__}")
