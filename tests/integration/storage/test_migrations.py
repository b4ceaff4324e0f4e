"""Migrations give exactly the tables of the program, on both databases, and refuse what is newer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    insert,
    select,
    text,
)

from gateway.core.errors import SchemaTooNew, StoreUnavailable
from gateway.storage.engine import writing_engine
from gateway.storage.migrations import current, head, upgrade, upgrade_engine
from gateway.storage.settings import StorageSettings
from gateway.storage.tables import Base, Contact
from tests.support.clock import MONDAY


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty database of each kind."""
    url = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    opened = writing_engine(StorageSettings(url=url).resolved(""))
    yield opened
    opened.dispose()


def test_migrations_give_the_tables_of_the_program(engine: Engine) -> None:
    upgrade_engine(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_upgrade_of_the_oldest_schema_keeps_its_data(engine: Engine) -> None:
    upgrade_engine(engine, "0001")
    with engine.begin() as connection:
        row = {"id": "c1", "name": "Иван", "created_at": MONDAY, "updated_at": MONDAY}
        connection.execute(insert(Contact), row)
    upgrade_engine(engine)
    with engine.connect() as connection:
        found = connection.execute(select(Contact.name, Contact.created_at)).one()
        assert current(connection) == head()
    assert tuple(found) == ("Иван", MONDAY)


def _a_row(table: Table, number: int) -> dict[str, Any]:
    """Some value for every column, as its type asks for."""
    row: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type
        if isinstance(kind, DateTime):
            row[column.name] = MONDAY
        elif isinstance(kind, Boolean):
            row[column.name] = True
        elif isinstance(kind, Integer | Numeric | Float):
            row[column.name] = number
        elif isinstance(kind, LargeBinary):
            row[column.name] = b"raw"
        elif isinstance(kind, JSON):
            row[column.name] = {}
        else:
            row[column.name] = "2026-11-23 09:00:00.000000" if column.name.endswith("_at") else f"{number}"
    return row


def test_an_upgrade_keeps_a_row_of_every_table_of_the_oldest_schema(engine: Engine) -> None:
    """Rows are compared column by column; what newer schemas add to them is not looked at."""
    upgrade_engine(engine, "0001")
    tables = MetaData()
    tables.reflect(engine)
    own = [table for table in tables.sorted_tables if table.name != "alembic_version"]
    before: dict[str, Sequence[Any]] = {}
    with engine.begin() as connection:
        for table in own:
            connection.execute(insert(table).values(_a_row(table, 1)))
            before[table.name] = connection.execute(select(table)).mappings().all()
    assert upgrade_engine(engine).after == head()
    now = MetaData()
    now.reflect(engine)
    with engine.connect() as connection:
        for table in own:
            kept = [column for column in table.columns if column.name in now.tables[table.name].columns]
            found = connection.execute(select(*kept)).mappings().all()
            assert [dict(row) for row in found] == [{c.name: row[c.name] for c in kept} for row in before[table.name]]


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    assert upgrade_engine(engine).changed
    assert not upgrade_engine(engine).changed


def test_a_database_of_a_newer_program_is_refused_with_the_way_out(engine: Engine) -> None:
    upgrade_engine(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=r"schema 9999.*newer version.*backup"):
        upgrade_engine(engine)


def test_a_failed_upgrade_leaves_the_old_schema(tmp_path: Path) -> None:
    folder = tmp_path
    with sqlite3.connect(folder / "leadgate.db") as connection:
        connection.execute("CREATE TABLE session (x)")  # the upgrade will meet it half-way
    with pytest.raises(StoreUnavailable, match="already exists"):
        upgrade(StorageSettings(), folder)
    with sqlite3.connect(folder / "leadgate.db") as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"session"}


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "leadgate.db").write_text("this is a text file, not a database " * 100)
    with pytest.raises(Exception, match="file is not a database"):
        upgrade(StorageSettings(), tmp_path)
