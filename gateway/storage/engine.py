"""Engines for the two databases, set up so that a commit is durable and a lock is taken when the transaction begins.

SQLite: WAL with ``synchronous=FULL`` (NORMAL lost acknowledged commits in every second simulated power cut), BEGIN
IMMEDIATE for the writer (a deferred transaction that upgrades fails at once with SQLITE_BUSY_SNAPSHOT, whatever the
busy time-out), checkpoints only from the writer.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from gateway.core.errors import StoreUnavailable
from gateway.core.sentences import Sentence

BUSY_SECONDS = 5.0
"""How long SQLite waits for another process's lock before it says that it is locked."""

FIXED_SQLITE = (3, 51, 3)
"""From this version on two connections can't corrupt a WAL database while one checkpoints (fixed 2026-03-13)."""


def writing_engine(url: URL) -> Engine:
    """The engine of the one writer (and of the migrations)."""
    engine = create_engine(url, **_options(url, connections=1))
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite_writer)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def reading_engine(url: URL, connections: int) -> Engine:
    """The engine of the readers: it can't change anything."""
    engine = create_engine(url, **_options(url, connections=connections))
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite_reader)
        event.listen(engine, "begin", _begin_deferred)
    else:
        engine = engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine


def peeking_engine(url: URL) -> Engine:
    """The engine of one kept connection for point reads: each statement alone sees what was committed last."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", **_options(url, connections=1))
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite_reader)
        return engine
    return engine.execution_options(postgresql_readonly=True)


def _options(url: URL, connections: int) -> dict[str, Any]:
    # errors go to the log: without their parameters, which are people's names and numbers
    common: dict[str, Any] = {"pool_size": connections, "max_overflow": 2, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        return common | {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    return common | {"pool_pre_ping": True, "pool_timeout": 10, "connect_args": {"connect_timeout": 5}}


def _set_up_sqlite_writer(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves; the module's own would be deferred
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _set_up_sqlite_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("query_only=ON", "wal_autocheckpoint=0", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What a commit of the database in use survives, for the start log and /health."""

    level: Sentence
    """In words, with the setting that makes it so."""
    standby: str = ""
    """PostgreSQL: ``none``, ``asynchronous`` (a failover may lose the last commits) or ``synchronous``."""


def durability(engine: Engine) -> Durability:
    """Asks the database itself, so that the answer is about what runs and not about what was meant."""
    if engine.dialect.name == "sqlite":
        values = {"setting": _sqlite_setting(engine)}
        return Durability(level=Sentence("each commit is on the disk (%(setting)s)", values))
    with engine.connect() as connection:
        commit = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        fsync = connection.exec_driver_sql("SHOW fsync").scalar_one()
        names = connection.exec_driver_sql("SHOW synchronous_standby_names").scalar_one()
        copies = connection.exec_driver_sql("SELECT count(*) FROM pg_stat_replication").scalar_one()
    values = {"setting": f"synchronous_commit={commit}, fsync={fsync}"}
    safe = (
        Sentence("the last commits may be lost in a crash (%(setting)s)", values)
        if "off" in (commit, fsync)
        else Sentence("each commit is on the disk (%(setting)s)", values)
    )
    standby = "synchronous" if names and commit != "local" else "asynchronous" if copies else "none"
    return Durability(level=safe, standby=standby)


def _sqlite_setting(engine: Engine) -> str:
    """Asked without a transaction: that of a writer waits for the lock, and gives up where somebody writes for long."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        (mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
        (number,) = cursor.execute("PRAGMA synchronous").fetchone()
    finally:
        connection.close()
    level = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}.get(number, "unknown")
    return f"journal_mode={mode}, synchronous={level}"


def durability_warnings(engine: Engine) -> list[Sentence]:
    """Sentences for the start log and /health: what the database in use does not promise."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return sqlite_warnings(sqlite3.sqlite_version_info)
        synchronous = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        fsync = connection.exec_driver_sql("SHOW fsync").scalar_one()
    warnings = []
    if synchronous == "off":
        warnings.append(
            Sentence("PostgreSQL runs with synchronous_commit=off: a crash loses what it had acknowledged; set it on.")
        )
    if fsync == "off":
        warnings.append(Sentence("PostgreSQL runs with fsync=off: a power cut can destroy the database; set it on."))
    return warnings


def sqlite_warnings(version: tuple[int, ...]) -> list[Sentence]:
    if version >= FIXED_SQLITE:
        return []
    wanted, found = ".".join(map(str, FIXED_SQLITE)), ".".join(map(str, version))
    sentence = Sentence(
        "SQLite %(found)s is older than %(wanted)s, which fixed a rare corruption when two programs use one database "
        "at once: open the database with other programs only while Leadgate is stopped, or use PostgreSQL.",
        {"found": found, "wanted": wanted},
    )
    return [sentence]


def is_unique_violation(error: BaseException) -> bool:
    """True where a row was there already: a normal path (somebody else was quicker), not a fault."""
    if not isinstance(error, IntegrityError):
        return False
    if isinstance(error.orig, sqlite3.IntegrityError):
        return "UNIQUE" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) == "23505"


def as_unavailable(error: DBAPIError, database: str) -> StoreUnavailable | None:
    """The StoreUnavailable that a driver's error means, or None where the fault is in the statement."""
    lost = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    if lost or _is_broken_file(error):
        return StoreUnavailable(
            "the database %(database)s can't be used now: %(words)s", database=database, words=_driver_words(error)
        )
    return None


def _driver_words(error: DBAPIError) -> str:
    """What the driver says, on one line."""
    return " ".join(str(error.orig).split())


def _is_broken_file(error: DBAPIError) -> bool:
    """True where SQLite says that the file is damaged, or never was a database (https://sqlite.org/rescode.html)."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the higher bits tell details
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
