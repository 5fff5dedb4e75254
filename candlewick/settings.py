"""Settings: environment, then `.env`, then `candlewick.toml`. Every name starts with `CANDLEWICK_`."""

import json
import os
import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

DEFAULT_SERIES = "EUR/USD,GBP/USD,USD/JPY,AUD/USD,BTC/USD"

DEMO_HOME = Path(".candlewick-demo")
DEMO_PORT_BASE = 18650
SIMULATED_TOKEN = "simulated-token"  # noqa: S105  (the simulated venue takes it)
SIMULATED_ACCOUNT = "101-001-0000001-001"
NOT_IN_A_DEMO = frozenset(
    {"database_url", "pulsar_url", "pulsar_admin_url", "pulsar_token", "archive", "lambda_function"}
)
"""Settings that lead to servers and data of a real installation."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of one installation, all on loopback."""

    postgres: int
    pulsar: int
    pulsar_admin: int
    bookie: int
    dagster: int
    dagster_code: int
    simulator: int
    kraken: int
    oanda: int
    recorder: int
    simulated_kraken: int
    simulated_oanda: int
    web: int

    @classmethod
    def usual(cls) -> "Ports":
        return cls(5432, 6650, 8080, 3181, 3000, 4266, 8090, 9101, 9102, 9103, 8091, 8092, 8000)

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        return cls(*range(base, base + len(fields(cls))))


SOURCES = "CANDLEWICK_SOURCES"
"""Where the settings came from, for programs that the platform starts: they find all in their environment."""

_WORD = re.compile(r"[A-Za-z0-9._~+=-]+")


class Settings(BaseSettings):
    """All that can be set. Unset URLs mean the servers that Candlewick itself runs.

    `dukascopy_json_url` may be `none`. `dukascopy_rate` is requests a second to begin with; unset or 0
    mean a polite rate, and no pacing for a venue on this machine. `dukascopy_timeout` is in seconds of
    silence. `notify_url`: addresses of Apprise, separated by commas.
    """

    model_config = SettingsConfigDict(
        env_prefix="CANDLEWICK_",
        env_file=".env",
        toml_file="candlewick.toml",
        extra="ignore",
        # Some of it is secret.
        hide_input_in_errors=True,
        frozen=True,
    )

    home: Path = Path(".candlewick")
    port_base: int | None = Field(default=None, ge=1024, le=65000)
    demo: bool = False

    database_url: SecretStr | None = None
    pulsar_url: str | None = None
    pulsar_admin_url: str | None = None
    pulsar_token: SecretStr | None = None

    dukascopy_url: str = "https://datafeed.dukascopy.com/datafeed"
    dukascopy_json_url: str = "https://jetta.dukascopy.com/v1"
    dukascopy_rate: float | None = Field(default=None, ge=0)
    dukascopy_timeout: float = Field(default=60.0, gt=0)
    kraken_ws_url: str = "wss://ws.kraken.com/v2"
    kraken_rest_url: str = "https://api.kraken.com"
    oanda_stream_url: str = "https://stream-fxpractice.oanda.com"
    oanda_rest_url: str = "https://api-fxpractice.oanda.com"
    oanda_token: SecretStr | None = None
    oanda_account: SecretStr | None = None
    lambda_function: str | None = None
    archive: str | None = None
    notify_url: SecretStr | None = None
    default_series: str = DEFAULT_SERIES

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """`CANDLEWICK_X=` means the default, except for the default series, which may be none."""
        if value == "" and info.field_name != "default_series":
            return cls.model_fields[str(info.field_name)].get_default()
        return value

    @model_validator(mode="before")
    @classmethod
    def _keep_a_demo_apart(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A demo has a home and ports of its own, and meets the simulated venue only."""
        if str(values.get("demo", "")).strip().lower() not in {"1", "true", "yes", "on", "y", "t"}:
            return values
        kept = {name: value for name, value in values.items() if name not in NOT_IN_A_DEMO}
        kept = {"home": DEMO_HOME, "port_base": DEMO_PORT_BASE, "dukascopy_rate": 0, **kept}
        listens = Ports.from_base(int(kept["port_base"]))
        dukascopy = f"http://127.0.0.1:{listens.simulator}"
        oanda = f"http://127.0.0.1:{listens.simulated_oanda}"
        return {
            **kept,
            "dukascopy_url": f"{dukascopy}/datafeed",
            "dukascopy_json_url": f"{dukascopy}/v1",
            "kraken_ws_url": f"ws://127.0.0.1:{listens.simulated_kraken}/v2",
            "kraken_rest_url": f"http://127.0.0.1:{listens.simulated_kraken}",
            "oanda_stream_url": oanda,
            "oanda_rest_url": oanda,
            "oanda_token": SIMULATED_TOKEN,
            "oanda_account": SIMULATED_ACCOUNT,
        }

    @field_validator("oanda_token", "oanda_account")
    @classmethod
    def _can_be_sent(cls, secret: SecretStr | None) -> SecretStr | None:
        """As a header and in a path; what a library says of others quotes them."""
        if secret is None or _WORD.fullmatch(secret.get_secret_value().strip()):
            return secret
        raise ValueError("it may hold letters, digits, dots, dashes and underscores: was it copied whole?")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator(
        "dukascopy_url",
        "dukascopy_json_url",
        "kraken_ws_url",
        "kraken_rest_url",
        "oanda_stream_url",
        "oanda_rest_url",
    )
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @cached_property
    def ports(self) -> Ports:
        return Ports.usual() if self.port_base is None else Ports.from_base(self.port_base)

    @property
    def archive_url(self) -> str:
        """Folder or `s3://` address of the archive; by default a folder of the home."""
        return self.archive or str(self.home / "archive")

    @property
    def notify_urls(self) -> list[str]:
        """Where to tell what is wrong, as Apprise spells it; they may hold passwords."""
        given = self.notify_url.get_secret_value() if self.notify_url else ""
        # A comma may be part of an address; the next one begins with its scheme.
        return [url.strip() for url in re.split(r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)", given) if url.strip()]

    @property
    def default_spellings(self) -> list[str]:
        """What a new installation collects, as the user spelt it; may be empty."""
        return [spelling.strip() for spelling in self.default_series.split(",") if spelling.strip()]

    @classmethod
    def sources(cls) -> dict[str, str]:
        """Where what is set comes from: `environment`, `.env` or `candlewick.toml`, by its field.

        Of a program that the platform started: where the platform had it from.
        """
        told = os.environ.get(SOURCES)
        if told is not None:
            return dict(json.loads(told))
        places = {
            "candlewick.toml": TomlConfigSettingsSource(cls),
            ".env": DotEnvSettingsSource(cls),
            "environment": EnvSettingsSource(cls),
        }
        return {
            field: name for name, place in places.items() for field in place() if field in cls.model_fields
        }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls))
