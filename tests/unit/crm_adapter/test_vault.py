"""Tokens in a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from crm_adapter.vault import FileVault


async def test_what_was_saved_is_there_after_a_restart_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "crm" / "office.token.json"
    assert await FileVault(path).load() == {}
    await FileVault(path).save({"refresh_token": "one"})
    await FileVault(path).save({"refresh_token": "two"})
    assert await FileVault(path).load() == {"refresh_token": "two"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["office.token.json"]


@pytest.mark.parametrize("content", ["[]", "half"])
async def test_a_file_that_holds_something_else_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"no tokens|Expecting"):
        await FileVault(path).load()
