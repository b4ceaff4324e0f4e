"""Many rows by one statement, on both databases."""

from __future__ import annotations

from sqlalchemy import select

from gateway.storage.bulk import insert_rows
from gateway.storage.store import Store
from gateway.storage.tables import Contact, Cursor, table_of
from tests.support.clock import MONDAY

CURSOR, CONTACT = table_of(Cursor), table_of(Contact)


async def test_rows_come_back_as_they_were_put_in(any_store: Store) -> None:
    rows = [{"name": f"c{n}", "value": {"имя": [n, None, "a'b\"c"]}, "updated_at": MONDAY} for n in range(3)]
    await any_store.write(lambda connection: insert_rows(connection, CURSOR, rows))
    found = await any_store.read(lambda c: c.execute(select(CURSOR).order_by(CURSOR.c.name)).mappings().all())
    assert [dict(row) for row in found] == rows


async def test_more_rows_than_one_statement_takes_are_several(any_store: Store) -> None:
    rows = [{"name": f"{n:05d}", "value": {}, "updated_at": MONDAY} for n in range(6000)]
    await any_store.write(lambda connection: insert_rows(connection, CURSOR, rows))
    names = await any_store.read(lambda c: list(c.execute(select(CURSOR.c.name).order_by(CURSOR.c.name)).scalars()))
    assert names == [row["name"] for row in rows]


async def test_columns_left_out_are_empty_and_no_rows_are_no_statement(any_store: Store) -> None:
    await any_store.write(lambda connection: insert_rows(connection, CONTACT, []))
    row = {"id": "c", "created_at": MONDAY, "updated_at": MONDAY}
    await any_store.write(lambda connection: insert_rows(connection, CONTACT, [row]))
    assert any_store.peek(lambda c: c.execute(select(CONTACT.c.name)).scalar_one()) is None
