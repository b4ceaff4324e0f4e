"""What the engine promises: WAL, FULL, immediate locks; and the warnings where a database promises less."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from gateway.storage.engine import durability_warnings, is_unique_violation, sqlite_warnings, writing_engine
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store


async def test_sqlite_commits_are_durable(store: Store) -> None:
    def pragma(name: str) -> object:
        with store.writer.engine.connect() as connection:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("foreign_keys") == 1


@pytest.mark.parametrize(
    ("version", "warned"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False)]
)
def test_an_sqlite_that_can_corrupt_a_shared_database_is_warned_about(version: tuple[int, ...], warned: bool) -> None:
    assert bool(sqlite_warnings(version)) is warned


@pytest.mark.peer("postgresql")
def test_a_postgresql_that_forgets_commits_is_warned_about(postgresql_url: str) -> None:
    engine: Engine = writing_engine(StorageSettings(url=postgresql_url).resolved(""))
    with engine.begin() as connection:
        connection.execute(text("SET synchronous_commit = off"))
    warnings = durability_warnings(engine)
    engine.dispose()
    assert any("synchronous_commit=off" in str(sentence) for sentence in warnings)


def test_only_a_unique_violation_is_one() -> None:
    unique = IntegrityError("insert", {}, sqlite3.IntegrityError("UNIQUE constraint failed: x.y"))
    foreign = IntegrityError("insert", {}, sqlite3.IntegrityError("FOREIGN KEY constraint failed"))
    assert is_unique_violation(unique)
    assert not is_unique_violation(foreign)
    assert not is_unique_violation(ValueError())


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:////tmp/x.db", "sqlite"),
    ],
)
def test_urls_get_the_driver_that_ships(url: str, driver: str) -> None:
    assert StorageSettings(url=url).resolved("/x/leadgate.db").drivername == driver


@pytest.mark.parametrize("url", ["mysql://h/d", "not a url"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database"):
        StorageSettings(url=url)


def test_the_password_is_not_shown() -> None:
    assert "geheim" not in repr(StorageSettings(url="postgresql://u:geheim@h/d"))


async def test_the_database_itself_says_what_a_commit_survives(any_store: Store) -> None:
    found = any_store.durability()
    if any_store.url.get_backend_name() == "sqlite":
        assert str(found.level) == "each commit is on the disk (journal_mode=wal, synchronous=FULL)"
        assert found.standby == ""
    else:  # the tests' server runs without fsync, and has no standby
        assert str(found.level) == "the last commits may be lost in a crash (synchronous_commit=off, fsync=off)"
        assert found.standby == "none"


async def test_what_a_commit_survives_is_told_while_somebody_writes(store: Store) -> None:
    """A gateway that starts with much to do writes already when it says so."""
    writer = sqlite3.connect(str(store.url.database), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert "synchronous=FULL" in str(store.durability().level)
        assert isinstance(store.warnings(), list)
    finally:
        writer.execute("ROLLBACK")
        writer.close()
