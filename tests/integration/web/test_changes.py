"""The feed of changes where several gateways write to one PostgreSQL: nobody goes by a row that is still to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine

from gateway.live.changes import ChangeKind, record
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.web.queries.changes import GAP_SECONDS, changes_after, feed_ends

pytestmark = pytest.mark.peer("postgresql")


@pytest.fixture
def engine(postgresql_url: str, tmp_path: Path) -> Iterator[Engine]:
    """Connections of two gateways, and of a reader."""
    settings = StorageSettings(url=postgresql_url)
    upgrade(settings, tmp_path)
    engine = create_engine(Store.open(settings, tmp_path).url)
    yield engine
    engine.dispose()


def note(connection: Connection, lead: str, seconds_ago: float = 0.0) -> None:
    record(connection, ChangeKind.LEAD_UPDATED, lead, datetime.now(UTC) - timedelta(seconds=seconds_ago))


def shown(engine: Engine, last_id: int) -> tuple[list[str], int]:
    """What a reader who knows ``last_id`` sees, and where a new reader would begin."""
    with engine.connect() as connection:
        return [row.object_id for row in changes_after(connection, last_id, 10)], feed_ends(connection).newest


def test_a_row_that_is_committed_later_under_a_lower_id_is_waited_for(engine: Engine) -> None:
    with engine.begin() as connection:
        note(connection, "first")
    assert shown(engine, 0) == (["first"], 1)
    with engine.connect() as slow, engine.connect() as quick:
        note(slow, "slow")
        note(quick, "quick")
        quick.commit()
        assert shown(engine, 1) == ([], 1), "id 2 is not there yet: 3 must wait"
        slow.commit()
    assert shown(engine, 1) == (["slow", "quick"], 3)


def test_a_row_that_never_comes_holds_the_others_for_seconds_only(engine: Engine) -> None:
    with engine.connect() as connection:
        note(connection, "undone")
        connection.rollback()
    with engine.begin() as connection:
        note(connection, "next", GAP_SECONDS - 2)
    assert shown(engine, 0) == ([], 0)
    with engine.connect() as connection:
        note(connection, "undone as well")
        connection.rollback()
    with engine.begin() as connection:
        note(connection, "older", GAP_SECONDS + 1)
    assert shown(engine, 2) == (["older"], 4)
