"""How a fault is written: `NAME[:option=value,...]`, or a JSON object with the same names."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from candlewick.errors import CandlewickError

OPTIONS = ConfigDict(
    frozen=True,
    extra="forbid",
    alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    validate_by_name=True,
    validate_by_alias=True,
)
"""For the model of a rule: options are spelled with dashes, and unknown ones are refused."""

RuleModel = TypeVar("RuleModel", bound=BaseModel)


def parse_rule(model: type[RuleModel], written: object, names: Iterable[str]) -> RuleModel:
    """A rule from its text or its JSON object.

    Raises:
        CandlewickError: no such fault or option, or a value out of bounds.
    """
    try:
        if not isinstance(written, str):
            return model.model_validate(written)
        name, _, options = written.partition(":")
        pairs = [option.partition("=") for option in options.split(",") if option]
        return model.model_validate({"fault": name, **{key.strip(): value for key, _, value in pairs}})
    except ValidationError as error:
        first = error.errors()[0]
        where = "-".join(str(part) for part in first["loc"]) or "rule"
        raise CandlewickError(
            f"fault {written!r}: {where}: {first['msg']}",
            f"write NAME[:option=value,...]; faults are {', '.join(names)}",
        ) from None
