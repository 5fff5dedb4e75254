"""Files of the build, whatever name is asked for."""

from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from web.static import file


@pytest.mark.parametrize("name", ["none.js", "../secret", "a\0b", "a" * 300, "assets/\0", "."])
def test_what_is_no_file_of_it_is_not_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "dist"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    with pytest.raises(HTTPException) as caught:
        file(name, folder)
    assert caught.value.status_code == 404
