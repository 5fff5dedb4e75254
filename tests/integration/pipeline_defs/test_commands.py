"""`candlewick rebuild` and `candlewick verify` as typed by a user, where all is not well."""

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from tests.platform import COMMAND

from .conftest import Stages

MONDAY = date(2021, 3, 1)
SATURDAY = ("--from", "2021-03-06", "--to", "2021-03-07")


def run(stages: Stages, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env=os.environ | stages.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_rebuild_names_archived_objects_that_cannot_be_read(stages: Stages) -> None:
    series = stages.add("GBP/NZD")
    with stages.history() as history:
        list(history.backfill(series, [MONDAY]))
        archived = history.archive.read_day(series, MONDAY)
    assert archived is not None
    whole = stages.tables(series)
    folder = Path(stages.settings.archive_url, series.venue, series.symbol, series.kind, "2021/03/01")
    damaged = folder / next(name for name, kept in archived.objects.items() if len(kept.hours) == 24)
    span = (series.name, "--from", "2021-03-01", "--to", "2021-03-02")

    assert run(stages, "rebuild", *span, "--from-archive").returncode == 0
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found = run(stages, "rebuild", *span, "--from-archive")

    assert found.returncode == 1
    assert f"{damaged.name} is damaged" in found.stderr
    assert "`candlewick backfill` of those days fetches it again" in found.stderr
    # What is stored already is no worse for it.
    assert stages.tables(series) == whole
    # Candles alone need no archive.
    assert run(stages, "rebuild", *span).returncode == 0


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_span_without_a_day_is_refused_and_not_called_equal(stages: Stages, command: str) -> None:
    series = stages.add("GBP/NZD")
    refused = run(stages, command, series.name, *SATURDAY)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "dukascopy:gbpnzd:quotes has no trading day in that span" in refused.stderr
