"""Migrations give exactly the tables of the program, on both databases, and refuse what is newer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
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
from gateway.storage.migrations import configuration, current, head, upgrade, upgrade_engine
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


COMPARED: dict[str, Any] = {"compare_type": True, "compare_server_default": True}


def _of_the_program(name: str | None, kind: str, _parents: Any) -> bool:
    """The search's own tables and indexes are of one database only: tests/integration/storage/test_search_index.py."""
    return kind not in {"table", "index"} or not (name or "").startswith("search_")


def test_migrations_give_the_tables_of_the_program(engine: Engine) -> None:
    upgrade_engine(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={**COMPARED, "include_name": _of_the_program})
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
        elif isinstance(kind, Date):
            row[column.name] = MONDAY.date()
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


def _revisions() -> list[str]:
    """All released schemas, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()][::-1]


def _own_tables(engine: Engine) -> list[Table]:
    """Those with data of their own, in the order in which they can be filled."""
    found = MetaData()
    found.reflect(engine)
    derived = {"alembic_version", "report_day"}  # the numbers of days grow with every row that triggers see
    return [t for t in found.sorted_tables if t.name not in derived and not t.name.startswith("search_")]


def _fill(engine: Engine, number: int) -> dict[str, dict[str, Any]]:
    """A row, with ``number`` in every column, in every table; as the database gives them back."""
    tables = _own_tables(engine)
    with engine.begin() as connection:
        for table in tables:
            connection.execute(insert(table).values(_a_row(table, number)))
    return {name: rows[-1] for name, rows in _rows(engine, tables).items()}


def _rows(engine: Engine, tables: Iterable[Table]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    with engine.connect() as connection:
        for table in tables:
            query = select(*table.columns).order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    return found


def test_upgrades_keep_a_row_of_every_table_of_every_released_schema(engine: Engine) -> None:
    """Each schema gets its rows, and all go to the newest; what newer schemas add to them is not looked at."""
    stored: list[dict[str, dict[str, Any]]] = []
    for number, revision in enumerate(_revisions(), 101):
        upgrade_engine(engine, revision)
        stored.append(_fill(engine, number))
    assert revision == head()
    newest = _rows(engine, _own_tables(engine))
    for tables in stored:
        for name, row in tables.items():
            assert row in [{column: found[column] for column in row if column in found} for found in newest[name]], name


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
