"""What may be set, and what is never told."""

from pathlib import Path

import pydantic
import pytest

from candlewick.settings import Settings


@pytest.mark.parametrize("token", ["SECRET123\nabc", "SECRET 123", "SECRET€", "SECRET/../x"])
@pytest.mark.parametrize("name", ["oanda_token", "oanda_account"])
def test_a_credential_that_cannot_be_sent_is_refused_and_not_told(
    tmp_path: Path, name: str, token: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match="was it copied whole") as caught:
        Settings(_env_file=None, home=tmp_path, **{name: token})
    assert name in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_line_break_at_the_end_does_no_harm(tmp_path: Path) -> None:
    assert Settings(_env_file=None, home=tmp_path, oanda_token="abc-123\n").oanda_token is not None  # noqa: S106
