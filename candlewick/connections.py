"""Whether what the settings name can be reached: one question to each, as harmless as there is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import httpx
import psycopg

from candlewick import access
from candlewick.bus_admin import BusAdmin
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind
from candlewick.settings import Settings
from candlewick.store.database import query
from candlewick.venues import kraken

_TIMEOUT_S = 8.0


class Target(StrEnum):
    OANDA = "oanda"
    KRAKEN = "kraken"
    DUKASCOPY = "dukascopy"
    DATABASE = "database"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it can be used, and in one line what it said or what to do."""

    ok: bool
    text: str
    remedy: str = ""


def ask(settings: Settings, target: Target) -> Answer:
    """Asks one of them; never raises for one that does not answer, and never tells a secret."""
    try:
        return Answer(ok=True, text=_QUESTIONS[target](settings))
    except CandlewickError as error:
        return Answer(ok=False, text=error.problem, remedy=error.remedy)


def _oanda(settings: Settings) -> str:
    if settings.oanda_token is None or settings.oanda_account is None:
        raise CandlewickError(
            "no account is set", "set CANDLEWICK_OANDA_TOKEN and CANDLEWICK_OANDA_ACCOUNT, then start anew"
        )
    account = settings.oanda_account.get_secret_value()
    headers = {"Authorization": f"Bearer {settings.oanda_token.get_secret_value()}"}
    url = f"{settings.oanda_rest_url}/v3/accounts/{account}/instruments"
    answer = _get("OANDA", url, headers=headers, params={"instruments": "EUR_USD"})
    if answer.status_code in {401, 403}:
        raise CandlewickError(
            f"OANDA refuses the token ({answer.status_code})",
            "a practice token is for the practice hosts only, a live one for the live hosts",
        )
    if not answer.is_success:
        raise CandlewickError(
            f"OANDA answers {answer.status_code}", "is CANDLEWICK_OANDA_ACCOUNT an account of this token?"
        )
    return "OANDA takes the token and the account"


def _kraken(settings: Settings) -> str:
    with httpx.Client(base_url=settings.kraken_rest_url, timeout=_TIMEOUT_S) as client:
        status = kraken.ask(client, "/0/public/SystemStatus", {}).get("status", "unknown")
    return f"Kraken is {status}"


def _dukascopy(settings: Settings) -> str:
    answer = _get("Dukascopy", f"{settings.dukascopy_url}/EURUSD/2024/00/02/10h_ticks.bi5")
    if answer.status_code >= 500 or answer.status_code in {403, 429}:
        raise CandlewickError(
            f"Dukascopy answers {answer.status_code}",
            "it does so for a while now and then; it is asked again",
        )
    return f"Dukascopy answers ({answer.status_code}, {len(answer.content):,} bytes)"


def _database(settings: Settings) -> str:
    try:
        url = access.database_url(settings, access.READER)
        with psycopg.connect(url, connect_timeout=int(_TIMEOUT_S)) as connection:
            row = connection.execute(query("server_version")).fetchone()
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()
        raise CandlewickError(
            f"the database does not answer: {said[0] if said else 'no reason given'}",
            "`candlewick status` shows whether it runs",
        ) from error
    return f"PostgreSQL {row[0] if row else 'of an unknown version'} answers"


def _broker(settings: Settings) -> str:
    token = access.pulsar_token(settings, access.PULSAR_GUARD)
    url = access.pulsar_admin_url(settings)
    with BusAdmin(url, token, timeout_s=_TIMEOUT_S, patience_s=_TIMEOUT_S) as admin:
        count = sum(len(admin.hour_topics(kind)) for kind in Kind)
    return f"the broker answers, it has {count} topics of hours"


def _get(
    who: str, url: str, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None
) -> httpx.Response:
    try:
        return httpx.get(url, headers=headers, params=params, timeout=_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CandlewickError(
            f"{who} does not answer ({type(error).__name__})", "is the network there, and the address right?"
        ) from None


_QUESTIONS: dict[Target, Callable[[Settings], str]] = {
    Target.OANDA: _oanda,
    Target.KRAKEN: _kraken,
    Target.DUKASCOPY: _dukascopy,
    Target.DATABASE: _database,
    Target.BROKER: _broker,
}
