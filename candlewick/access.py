"""How to reach PostgreSQL and Pulsar: addresses, roles and their secrets.

Everything that connects asks here, and never cares whether the servers are those that Candlewick
runs itself or those named in the settings. Secrets are files of the home, mode 0600, written by
`candlewick.local` when it first prepares the home.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from candlewick.errors import CandlewickError

if TYPE_CHECKING:
    # Loading what reads settings takes 10 MB, which live workers do without.
    from candlewick.settings import Settings

DATABASE = "candlewick"
DAGSTER_DATABASE = "dagster"

OWNER = "candlewick"
SUPERUSER = "postgres"
"""The embedded cluster's superuser; only set-up uses it."""
SINK = "sink"
READER = "reader"
DATABASE_ROLES = (SUPERUSER, OWNER, SINK, READER)

PULSAR_ADMIN = "admin"
PULSAR_BROKER = "broker"
PULSAR_SUPERUSERS = (PULSAR_ADMIN, PULSAR_BROKER)
PULSAR_PUBLISHER = "publisher"
PULSAR_GUARD = "guard"
PULSAR_STREAMER = "streamer"
"""Workers of live venues."""
PULSAR_RECORDER = "recorder"
"""Recorder and refresher."""
PULSAR_READER = "reader"
PULSAR_ROLES = (
    *PULSAR_SUPERUSERS,
    PULSAR_PUBLISHER,
    PULSAR_GUARD,
    PULSAR_STREAMER,
    PULSAR_RECORDER,
    PULSAR_READER,
)


def secrets_folder(settings: "Settings") -> Path:
    return settings.home / "secrets"


def database_password_file(settings: "Settings", role: str) -> Path:
    return secrets_folder(settings) / f"postgres-{role}.password"


def pulsar_token_file(settings: "Settings", role: str) -> Path:
    return secrets_folder(settings) / f"pulsar-{role}.token"


def web_token_file(settings: "Settings") -> Path:
    return secrets_folder(settings) / "web.token"


def web_token(settings: "Settings") -> str:
    """What a program shows to the HTTP API that changes something and does not come from this machine.

    Raises:
        CandlewickError: the home has not been prepared yet.
    """
    return _read_secret(web_token_file(settings), settings)


def database_password(settings: "Settings", role: str) -> str:
    """The password that `role` (one of `DATABASE_ROLES`) logs in with.

    Raises:
        CandlewickError: the home has not been prepared yet.
    """
    return _read_secret(database_password_file(settings, role), settings)


def database_user(role: str, database: str) -> str:
    """The login role's name: sink and reader are a database's own, the others the cluster's."""
    return f"{database}_{role}" if role in (SINK, READER) else role


def database_url(settings: "Settings", role: str = OWNER, database: str = DATABASE) -> str:
    """Where a role finds a database: `postgresql://user:password@host:port/name`.

    With `CANDLEWICK_DATABASE_URL` set, its own database takes the place of `candlewick`, other databases
    are named after it (`<name>_dagster`), and its own user stands for the owner and the superuser.

    Raises:
        CandlewickError: embedded servers, and the home has not been prepared yet.
    """
    if settings.database_url is None:
        user = database_user(role, database)
        password = database_password(settings, role)
        return f"postgresql://{user}:{password}@127.0.0.1:{settings.ports.postgres}/{database}"
    given = urlsplit(settings.database_url.get_secret_value())
    name = given.path.lstrip("/") or DATABASE
    if database != DATABASE:
        name = f"{name}_{database}"
    netloc = given.netloc
    if role in (SINK, READER):
        user = quote(database_user(role, name), safe="")
        password = database_password(settings, role)
        netloc = f"{user}:{password}@{given.netloc.rpartition('@')[2]}"
    return urlunsplit(given._replace(netloc=netloc, path=f"/{name}"))


def pulsar_url(settings: "Settings") -> str:
    """The broker's binary address (`pulsar://host:port`)."""
    return settings.pulsar_url or f"pulsar://127.0.0.1:{settings.ports.pulsar}"


def pulsar_admin_url(settings: "Settings") -> str:
    """The broker's HTTP address, without a trailing slash.

    Raises:
        CandlewickError: an external broker is set, but not where its HTTP address is.
    """
    if settings.pulsar_admin_url is not None:
        return settings.pulsar_admin_url.rstrip("/")
    if settings.pulsar_url is not None:
        raise CandlewickError(
            "CANDLEWICK_PULSAR_URL is set but CANDLEWICK_PULSAR_ADMIN_URL is not",
            "set it to the broker's HTTP address, for instance http://broker:8080",
        )
    return f"http://127.0.0.1:{settings.ports.pulsar_admin}"


def pulsar_token(settings: "Settings", role: str) -> str | None:
    """The token that `role` (one of `PULSAR_ROLES`) shows to the broker.

    With an external broker every role shows `CANDLEWICK_PULSAR_TOKEN`, or nothing if that is unset.

    Raises:
        CandlewickError: embedded servers, and the home has not been prepared yet.
    """
    if settings.pulsar_url is not None:
        return settings.pulsar_token.get_secret_value() if settings.pulsar_token else None
    return _read_secret(pulsar_token_file(settings, role), settings)


def _read_secret(file: Path, settings: "Settings") -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise CandlewickError(
            f"there is no platform in {settings.home} yet",
            "start it with `candlewick up`, or point CANDLEWICK_HOME at the one that you mean",
        ) from None
    except PermissionError:
        raise CandlewickError(
            f"{file} may not be read by this user", "run candlewick as the user who started the platform"
        ) from None
