"""Statements that are compiled once, on both databases: the same values, the same rows, the same errors."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from gateway.core.errors import StoreUnavailable
from gateway.storage.bulk import insert_rows
from gateway.storage.engine import is_unique_violation
from gateway.storage.prepared import Prepared, all_rows, run_sql
from gateway.storage.store import Store
from gateway.storage.tables import Change, Contact, Cursor, Manager, table_of
from tests.support.clock import MONDAY

CHANGE, CONTACT, CURSOR, MANAGER = (table_of(model) for model in (Change, Contact, Cursor, Manager))
MOVE = Prepared(
    update(CURSOR)
    .where(CURSOR.c.name == bindparam("which"))
    .values(value=bindparam("to"), updated_at=func.coalesce(bindparam("at", type_=CURSOR.c.updated_at.type), MONDAY))
)
WHERE = Prepared(select(CURSOR).where(CURSOR.c.name == bindparam("which")))
SINCE = Prepared(
    select(CHANGE.c.object_id)
    .where(CHANGE.c.at >= bindparam("since"), CHANGE.c.at <= bindparam("since"), CHANGE.c.kind == "test")
    .order_by(CHANGE.c.id.desc())
    .limit(2)
)
FORGET = Prepared(delete(CHANGE).where(CHANGE.c.object_id == bindparam("which")))
CURSOR_ROW = {"name": "a", "value": {"имя": [1, None, "a'b\"%s?"]}, "updated_at": MONDAY}
CONTACT_ROW = {"id": "c", "name": "Иван", "created_at": MONDAY, "updated_at": MONDAY}


def changes(connection: Connection) -> None:
    insert_rows(connection, CHANGE, [{"kind": "test", "object_id": name, "at": MONDAY} for name in "abc"])


async def test_values_and_columns_are_converted_by_their_types(any_store: Store) -> None:
    await any_store.write(lambda connection: insert_rows(connection, CURSOR, [CURSOR_ROW]))
    assert any_store.peek(lambda c: WHERE.first(c, which="a"))._asdict() == CURSOR_ROW
    later = MONDAY.replace(year=2027)
    moved = await any_store.write(lambda c: MOVE.change(c, which="a", to={"at": 7}, at=later))
    assert moved == 1
    row = any_store.peek(lambda c: WHERE.first(c, which="a"))
    assert (row.value, row.updated_at) == ({"at": 7}, later)


async def test_what_it_reads_is_what_sqlalchemy_reads(any_store: Store) -> None:
    row = {"id": "m", "login": "anna", "name": "Анна", "role": "manager", "extensions": ["101"], "created_at": MONDAY}
    await any_store.write(lambda c: c.execute(insert(MANAGER), row).rowcount)
    query = select(MANAGER, (MANAGER.c.disabled_at.is_(None)).label("works"), text("1 + 1"))
    plain = any_store.peek(lambda c: tuple(c.execute(query).one()))
    assert tuple(any_store.peek(lambda c: Prepared(select(*query.selected_columns)).first(c)))[:-1] == plain[:-2]


async def test_null_is_a_value_like_any_other(any_store: Store) -> None:
    await any_store.write(lambda connection: insert_rows(connection, CURSOR, [CURSOR_ROW]))
    await any_store.write(lambda c: MOVE.change(c, which="a", to={}, at=None))
    assert any_store.peek(lambda c: WHERE.first(c, which="a")).updated_at == MONDAY
    assert any_store.peek(lambda c: WHERE.rows(c, which=None)) == []


async def test_one_name_may_stand_in_several_places_beside_values_of_the_statement(any_store: Store) -> None:
    await any_store.write(changes)
    assert [row.object_id for row in any_store.peek(lambda c: SINCE.rows(c, since=MONDAY))] == ["c", "b"]
    assert any_store.peek(lambda c: SINCE.value(c, since=MONDAY)) == "c"
    later = MONDAY.replace(year=2027)
    assert any_store.peek(lambda c: (SINCE.first(c, since=later), SINCE.value(c, since=later))) == (None, None)


async def test_a_change_says_how_many_rows_it_met(any_store: Store) -> None:
    await any_store.write(changes)
    assert await any_store.write(lambda c: FORGET.change(c, which="b")) == 1
    assert await any_store.write(lambda c: FORGET.change(c, which="b")) == 0


async def test_a_row_that_is_there_already_is_told_as_sqlalchemy_tells_it(any_store: Store) -> None:
    await any_store.write(lambda c: insert_rows(c, CONTACT, [CONTACT_ROW]))
    with pytest.raises(IntegrityError) as caught:
        await any_store.write(lambda c: insert_rows(c, CONTACT, [CONTACT_ROW]))
    assert is_unique_violation(caught.value)
    assert "Иван" not in str(caught.value), "errors go to the log, people's names do not"


async def test_an_error_undoes_its_own_unit_alone(any_store: Store) -> None:
    def twice(connection: Connection) -> None:
        insert_rows(connection, CHANGE, [{"kind": "test", "object_id": "lost", "at": MONDAY}])
        insert_rows(connection, CONTACT, [CONTACT_ROW])
        insert_rows(connection, CONTACT, [CONTACT_ROW])

    told = await asyncio.gather(
        any_store.write(changes), any_store.write(twice), any_store.write(changes), return_exceptions=True
    )
    assert [type(each) for each in told] == [type(None), IntegrityError, type(None)]
    found = await any_store.read(lambda c: list(c.execute(select(CHANGE.c.object_id)).scalars()))
    assert sorted(found) == list("aabbcc")


async def test_it_works_on_a_connection_whose_transaction_did_not_begin_yet(any_store: Store) -> None:
    def begun_by_itself() -> list[str]:
        with any_store.writer.engine.connect() as connection:
            changes(connection)
            FORGET.change(connection, which="a")
            connection.commit()
            changes(connection)
            connection.rollback()
        return any_store.peek(lambda c: list(c.execute(select(CHANGE.c.object_id)).scalars()))

    assert sorted(await asyncio.to_thread(begun_by_itself)) == ["b", "c"]


async def test_a_reader_can_change_nothing(any_store: Store) -> None:
    with pytest.raises((DBAPIError, StoreUnavailable)) as caught:
        await any_store.read(lambda c: FORGET.change(c, which="a"))
    assert "read" in str(caught.value).lower()


async def test_a_value_that_is_missing_is_named(any_store: Store) -> None:
    with pytest.raises((KeyError, ProgrammingError), match="which"):
        any_store.peek(lambda c: WHERE.rows(c))


async def test_a_moment_without_a_zone_is_refused(any_store: Store) -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        any_store.peek(lambda c: SINCE.rows(c, since=MONDAY.replace(tzinfo=None)))


async def test_a_list_whose_length_only_the_run_tells_is_refused(any_store: Store) -> None:
    several = Prepared(select(CURSOR).where(CURSOR.c.name.in_(bindparam("names", expanding=True))))
    with pytest.raises(TypeError, match="another shape in each run"):
        any_store.peek(lambda c: several.rows(c, names=["a", "b"]))


async def test_an_error_that_comes_with_a_later_row_is_told_as_sqlalchemy_tells_it(any_store: Store) -> None:
    broken = Prepared(select(func.abs(CURSOR.c.name.cast(BigInteger))).order_by(CURSOR.c.name.desc()))
    rows = [{**CURSOR_ROW, "name": name} for name in ("1", "-9223372036854775808")]
    await any_store.write(lambda connection: insert_rows(connection, CURSOR, rows))
    with pytest.raises((DBAPIError, StoreUnavailable), match=r"overflow|out of range"):
        any_store.peek(lambda c: broken.rows(c))


@pytest.mark.peer("postgresql")
async def test_a_connection_that_was_cut_is_told_and_the_next_write_gets_a_new_one(
    any_store: Store, request: pytest.FixtureRequest
) -> None:
    if any_store.url.get_backend_name() == "sqlite":
        pytest.skip("a file has no connection that somebody else can cut")

    def cut(connection: Connection) -> None:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with any_store.writer.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({own}, 10000)")
        run_sql(connection, "SELECT 1", (), all_rows)

    with pytest.raises(StoreUnavailable):
        await any_store.write(cut)
    await any_store.write(changes)
    assert any_store.peek(lambda c: SINCE.value(c, since=MONDAY)) == "c"
