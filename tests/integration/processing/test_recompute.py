"""Labels of stored calls derived anew, on both databases: by the function, and by the command as people run it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gateway.processing.recompute import EXAMPLES, Recomputed, recompute_calls
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Change, Interaction
from gateway.telephony.tracker.labels import Facts, Leg, label
from tests.support.clock import MONDAY, FakeClock
from tests.support.process import Installation
from tests.support.seed import add_interaction

RANG_OUT = Facts(
    direction="inbound", answered=False, originated=False, up=False, cause=16, caller_hung_up=False, voicemail=False,
    stages=("dial",), queue_result="", legs=(Leg(who="101", trunk=False, rang=True, status="NOANSWER", cause=16),),
)  # fmt: skip
RIGHT = {"outcome": "missed", "missed_reason": "no_answer"}
WRONG = {"outcome": "missed", "missed_reason": "busy"}


def _call(connection: Connection, call_id: str, labels: dict[str, Any], **columns: Any) -> None:
    """A stored call that rang out, with these labels."""
    details = {"caller": "+79261234567", **labels, "facts": {**RANG_OUT.as_json(), "linkedids": [call_id]}}
    stored = {"channel": "call", "outcome": labels["outcome"], "details": details, **columns}
    add_interaction(connection, call_id, **stored)


async def _stored(store: Store) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Of each call the column, and the two labels of the record."""
    rows = await store.read(lambda c: c.execute(select(Interaction.id, Interaction.outcome, Interaction.details)).all())
    return {
        row.id: (row.outcome, row.details.get("outcome"), row.details.get("missed_reason"))
        for row in sorted(rows, key=lambda row: str(row.id))
    }


async def _changes(store: Store) -> list[str]:
    return await store.read(lambda c: list(c.execute(select(Change.object_id).order_by(Change.id)).scalars()))


def test_the_facts_of_these_tests_mean_what_they_say() -> None:
    assert label(RANG_OUT)._asdict() == RIGHT


async def test_wrong_labels_are_mended_and_right_ones_left_alone(any_store: Store) -> None:
    def seed(connection: Connection) -> None:
        _call(connection, "a", RIGHT)
        _call(connection, "b", WRONG)
        _call(connection, "c", {"outcome": "answered", "missed_reason": None})

    await any_store.write(seed)
    done = await recompute_calls(any_store, FakeClock(MONDAY + timedelta(days=1)))
    assert (done.looked_at, done.changed, done.without_facts) == (3, 2, 0)
    assert [(one.id, one.before.outcome, one.after.missed_reason) for one in done.examples] == [
        ("b", "missed", "no_answer"),
        ("c", "answered", "no_answer"),
    ]
    assert set((await _stored(any_store)).values()) == {("missed", "missed", "no_answer")}
    assert await _changes(any_store) == ["b", "c"]
    kept = await any_store.read(lambda c: c.execute(select(Interaction.details).where(Interaction.id == "b")).scalar())
    assert kept is not None
    assert kept["caller"] == "+79261234567"
    reasons = select(Interaction.missed_reason).where(Interaction.id.in_(("b", "c")))
    assert await any_store.read(lambda c: c.execute(reasons).scalars().all()) == ["no_answer"] * 2, "what reports read"
    assert kept["facts"] == {**RANG_OUT.as_json(), "linkedids": ["b"]}


async def test_second_run_finds_nothing_to_do(store: Store) -> None:
    await store.write(lambda c: _call(c, "a", WRONG))
    assert (await recompute_calls(store, FakeClock())).changed == 1
    assert (await recompute_calls(store, FakeClock())).changed == 0
    assert await _changes(store) == ["a"]


async def test_dry_run_says_what_it_would_do_and_does_nothing(store: Store) -> None:
    await store.write(lambda c: _call(c, "a", WRONG))
    before = await _stored(store)
    done = await recompute_calls(store, FakeClock(), dry_run=True)
    assert (done.changed, len(done.examples)) == (1, 1)
    assert await _stored(store) == before
    assert await _changes(store) == []


async def test_since_leaves_earlier_calls_alone(store: Store) -> None:
    def seed(connection: Connection) -> None:
        _call(connection, "old", WRONG, at=MONDAY - timedelta(seconds=1))
        _call(connection, "new", WRONG, at=MONDAY)

    await store.write(seed)
    done = await recompute_calls(store, FakeClock(), since=MONDAY)
    assert (done.looked_at, [one.id for one in done.examples]) == (1, ["new"])


async def test_open_call_gets_no_outcome_in_the_column_before_it_has_ended(store: Store) -> None:
    await store.write(lambda c: _call(c, "a", WRONG, phase="ringing"))
    await store.write(lambda c: c.execute(Interaction.__table__.update().values(outcome=None)).rowcount)  # type: ignore[attr-defined]
    await recompute_calls(store, FakeClock())
    assert await _stored(store) == {"a": (None, "missed", "no_answer")}


async def test_letters_and_forms_are_no_calls(store: Store) -> None:
    await store.write(lambda c: add_interaction(c, "form", details={"facts": RANG_OUT.as_json(), **WRONG}))
    assert await recompute_calls(store, FakeClock()) == Recomputed()


@pytest.mark.parametrize(
    "details",
    [
        pytest.param({}, id="nothing stored"),
        pytest.param({"facts": None}, id="null"),
        pytest.param({"facts": ["inbound"]}, id="a list"),
        pytest.param({"facts": {"direction": "inbound"}}, id="too little"),
        pytest.param({"facts": {**RANG_OUT.as_json(), "legs": [{"who": "101", "new_key": 1}]}}, id="a newer shape"),
        pytest.param({"facts": {**RANG_OUT.as_json(), "legs": None}}, id="no legs"),
    ],
)
async def test_call_without_readable_facts_is_counted_and_keeps_its_labels(
    store: Store, details: dict[str, Any]
) -> None:
    await store.write(lambda c: add_interaction(c, "a", channel="call", outcome="missed", details=details))
    done = await recompute_calls(store, FakeClock())
    assert (done.looked_at, done.changed, done.without_facts) == (1, 0, 1)
    assert (await _stored(store))["a"] == ("missed", None, None)


async def test_many_calls_are_done_in_batches_and_only_the_first_are_shown(store: Store) -> None:
    def seed(connection: Connection) -> None:
        for number in range(25):
            _call(connection, f"call-{number:03}", WRONG)

    await store.write(seed)
    steps: list[int] = []
    done = await recompute_calls(store, FakeClock(), batch=10, progress=lambda so_far: steps.append(so_far.looked_at))
    assert steps == [10, 20, 25]
    assert (done.changed, len(done.examples)) == (25, EXAMPLES)
    assert await store.read(lambda c: c.execute(select(func.count(Change.id))).scalar()) == 25


async def _one_wrong_call(folder: Path) -> None:
    opened = Store.open(StorageSettings(), folder)
    await opened.start()
    await opened.write(lambda c: _call(c, "a", WRONG, at=MONDAY))
    await opened.stop()


async def test_command_tells_what_it_changed(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "gateway")
    assert installation.run("migrate").returncode == 0
    await _one_wrong_call(installation.data)
    shown = installation.run("recompute", "calls", "--dry-run")
    assert shown.returncode == 0
    assert shown.stdout.split("\n")[1].split() == ["key:a", "missed", "busy", "missed", "no_answer"]
    assert "1 of 1 calls would get other labels" in shown.stderr
    done = json.loads(installation.run("recompute", "calls", "--since", "2026-11-23", "--json").stdout)
    assert done["changed"] == 1
    assert done["examples"][0]["after"] == RIGHT
    assert "no date" in installation.run("recompute", "calls", "--since", "yesterday").stderr
    again = json.loads(installation.run("recompute", "calls", "--json").stdout)
    assert (again["looked_at"], again["changed"]) == (1, 0)
