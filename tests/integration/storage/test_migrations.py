"""Migrations give exactly the tables of the program, on both databases, and refuse what is newer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, select, text

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
