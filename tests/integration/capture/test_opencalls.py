"""Which calls are stored as open, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from gateway.capture.opencalls import StoredOpenCalls
from gateway.storage.store import Store
from tests.support.clock import MONDAY
from tests.support.seed import add_interaction


def _seed(connection: Connection) -> None:
    for number, phase in enumerate(("ended", "answered", "ringing", "received")):
        add_interaction(
            connection, f"call-{phase}", channel="call", phase=phase, details={"caller": phase},
            at=MONDAY - timedelta(minutes=number), updated_at=MONDAY,
        )  # fmt: skip
    add_interaction(connection, "elsewhere", channel="call", phase="ringing", source_name="branch")
    add_interaction(connection, "form", phase="ringing", source_name="office")


async def test_open_calls_of_one_pbx_are_found_the_oldest_first(any_store: Store) -> None:
    await any_store.write(_seed)
    found = await StoredOpenCalls(any_store).open_calls("office")
    assert [(call.key, call.details["caller"]) for call in found] == [
        ("key:call-ringing", "ringing"),
        ("key:call-answered", "answered"),
    ]
    assert found[0].started_at == MONDAY - timedelta(minutes=2)
    assert found[0].heard_at == MONDAY


async def test_the_question_is_answered_from_the_index_of_open_calls(store: Store) -> None:
    await store.write(_seed)
    query = "EXPLAIN QUERY PLAN SELECT key FROM interaction WHERE source_name = 'x' AND phase IN ('ringing','answered')"
    plan = await store.read(lambda connection: connection.execute(text(query)).all())
    assert any("ix_interaction_open_calls" in row[-1] for row in plan), plan
