"""``leadgate callbacks`` on a real database, without a running gateway."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.__main__ import main
from gateway.storage.settings import StorageSettings
from gateway.storage.store import DATABASE_FILE, Store
from tests.support.callbacks import PETR, CallbackHouse, minute, missed
from tests.support.seed import add_manager

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(migrated_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in a folder where two persons wait, the second is Anna's; gives exit code, stdout, stderr."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(migrated_folder / DATABASE_FILE, data / DATABASE_FILE)
    config = tmp_path / "leadgate.toml"
    config.write_text(f'[gateway]\ndata = "{data}"\n', encoding="utf-8")
    asyncio.run(_fill(data, tmp_path))

    def command(*words: str) -> tuple[int, str, str]:
        try:
            code = main(["callbacks", words[0], "--config", str(config), *words[1:]])
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


async def _fill(data: Path, folder: Path) -> None:
    store = Store.open(StorageSettings(), data)
    await store.start()
    house = CallbackHouse(store, folder / "spool")
    await store.write(lambda c: add_manager(c, "m-anna", "anna", name="Anna", extensions=["102"]))
    await store.write(lambda c: add_manager(c, "m-boris", "boris", name="Boris", extensions=["103"]))
    await house.take(missed(minute(0)), missed(minute(5), who=PETR, rang=["102"]))
    await store.stop()


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    code, out, _ = run("list", "--json", *words)
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)["callbacks"]
    return found


def test_list_as_a_table_and_as_json(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    first, second = out.splitlines()[1:]
    assert "+79261234567" in first
    assert "Anna" in second
    assert [one["number"] for one in listed(run)] == ["+79261234567", PETR]
    assert [one["number"] for one in listed(run, "--manager", "anna")] == [PETR]
    assert listed(run, "--status", "over") == []
    assert len(listed(run, "--limit", "1")) == 1


def test_a_callback_from_claim_to_close_and_back(run: Run) -> None:
    key = listed(run)[0]["id"]
    for words, state in (
        (["claim", key, "--by", "anna"], "claimed"),
        (["release", key[-8:]], "open"),
        (["assign", key, "--manager", "boris"], "open"),
        (["attempt", key, "--outcome", "busy", "--note", "mailbox"], "attempted"),
        (["note", key, "wants a kitchen"], "attempted"),
        (["close", key, "--reason", "reached"], "reached_by_us"),
        (["undo", key], "attempted"),
        (["close", key, "--reason", "spam", "--note", "again"], "closed"),
        (["reopen", key], "attempted"),
    ):
        code, out, _ = run(words[0], "--json", *words[1:])
        assert (code, json.loads(out)["state"]) == (0, state), words
    code, out, err = run("show", key)
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()[1:]] == [
        "opened", "claimed", "released", "assigned", "attempted", "noted", "closed", "undone", "closed", "reopened",
    ]  # fmt: skip
    assert "wants a kitchen" in out
    assert err.startswith("attempted: +79261234567")


def test_snoozing_says_until_when(run: Run) -> None:
    key = listed(run)[0]["id"]
    code, out, _ = run("snooze", "--json", key, "--for", "2h")
    assert (code, json.loads(out)["state"]) == (0, "snoozed")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["claim", "nothing", "--by", "anna"], 1, "No callback ends with 'nothing'"),
        (["show", "%"], 1, "is no id of a callback"),
        (["show", ""], 1, "is no id of a callback"),
        (["claim", "KEY", "--by", "nobody"], 1, "no active manager 'nobody'"),
        (["claim", "KEY"], 2, "--by"),
        (["snooze", "KEY", "--for", "soon"], 1, "Write"),
        (["reopen", "KEY"], 1, "open already"),
        (["undo", "KEY"], 1, "nothing to undo"),
        (["close", "KEY", "--reason", "called_again"], 2, "invalid choice"),
        (["call", "KEY", "--by", "anna"], 1, "[pbx.originate]"),
        (["call", "KEY", "--by", "anna", "--pbx", "other"], 1, "'other'"),
        (["list", "--limit", "0"], 2, "no number from 1 to 500"),
    ],
)
def test_what_can_t_be_done_says_why(run: Run, words: list[str], code: int, sentence: str) -> None:
    key = listed(run)[0]["id"]
    found, _, err = run(*(key if word == "KEY" else word for word in words))
    assert (found, sentence in err) == (code, True), err


def test_a_second_claim_is_told_who_was_faster(run: Run) -> None:
    key = listed(run)[0]["id"]
    assert run("claim", key, "--by", "anna")[0] == 0
    code, _, err = run("claim", key, "--by", "boris")
    assert code == 1
    assert "Anna took it" in err
