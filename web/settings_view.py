"""What is set, where it comes from, and never a secret."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from candlewick.settings import Settings

_NO_SETTINGS = frozenset({"demo"})


def listed(settings: Settings, sources: dict[str, str]) -> list[dict[str, Any]]:
    """Every setting: whether it is set, by what, and its value where that is no secret. Pure."""
    return [
        _one(name, getattr(settings, name), sources.get(name, "default"))
        for name in type(settings).model_fields
        if name not in _NO_SETTINGS
    ]


def _one(name: str, value: object, source: str) -> dict[str, Any]:
    field = Settings.model_fields[name]
    secret = "SecretStr" in str(field.annotation) or _holds_password(value)
    shown = None if secret or value is None else str(value)
    return {
        "name": f"CANDLEWICK_{name.upper()}",
        "set": value is not None and (isinstance(value, SecretStr) or source != "default"),
        "source": source if value is not None else "default",
        "secret": secret,
        "value": shown,
    }


def _holds_password(value: object) -> bool:
    """Whether an address has somebody's name and password in it."""
    if not isinstance(value, str) or "://" not in value:
        return False
    try:
        return "@" in urlsplit(value).netloc
    except ValueError:
        return True
