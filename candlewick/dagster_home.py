"""Dagster's home: its configuration file, and what its processes find in their environment."""

import shutil
from pathlib import Path

from candlewick import access
from candlewick.settings import Settings

# `dagster.yaml` and `workspace.yaml` lie beside the packages.
CHECKOUT = Path(__file__).parents[1]
WORKSPACE = CHECKOUT / "workspace.yaml"

# Planned events and materialisations of a range are then stored in one statement: a month of one series
# costs 1.2 s instead of 3.3 s.
_EVENTS_AT_ONCE = 1000


def folder(settings: Settings) -> Path:
    return settings.home / "dagster"


def prepare(settings: Settings) -> None:
    """Writes `dagster.yaml` where Dagster looks for it."""
    folder(settings).mkdir(parents=True, exist_ok=True)
    fresh = folder(settings) / "dagster.yaml.new"
    shutil.copyfile(CHECKOUT / "dagster.yaml", fresh)
    fresh.replace(folder(settings) / "dagster.yaml")


def database_url(settings: Settings) -> str:
    """Dagster's own database, with the driver that dagster-postgres is written for."""
    url = access.database_url(settings, access.OWNER, access.DAGSTER_DATABASE)
    return f"postgresql+psycopg2://{url.partition('://')[2]}"


def environment(settings: Settings) -> dict[str, str]:
    """Variables for Dagster's processes and `python -m pipeline_defs.recover`; one holds a password."""
    return {
        "DAGSTER_HOME": str(folder(settings)),
        "DAGSTER_EVENT_BATCH_SIZE": str(_EVENTS_AT_ONCE),
        "CANDLEWICK_DAGSTER_DATABASE_URL": database_url(settings),
        "CANDLEWICK_DAGSTER_CODE_PORT": str(settings.ports.dagster_code),
    }
