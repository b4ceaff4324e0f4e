"""What is kept beside the rows by triggers: an index of words for the search, and which days' figures have changed.

And an index by which the reports find the callbacks of a day.

docs/decisions/0010-derived-rows-are-kept-by-triggers.md tells why triggers, and why trigrams without positions.
"""

# ruff: noqa: S608 - the statements are put together from names of this file
from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

CHARACTERS = 4000
"""Of one text are searched: what is behind them is quoted letters."""
SEARCHED = {
    "contact": ("name", "company"),
    "lead": ("subject", "text"),
    "interaction": ("name", "subject", "text"),
}
"""Table -> its columns with words; handles are besides them, by their own number."""
DAYS_LOCK = 7_253_016
"""PostgreSQL's advisory lock of whoever writes to ``report_day``, until the end of his transaction."""


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "report_day",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", name="pk_report_day"),
    )
    op.create_index("ix_callback_first_at", "callback", ["first_at", "id"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for name, event, body in _touches("substr({}, 1, 10)"):
            connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW BEGIN {body} END")
        _index_sqlite(connection)
    else:
        for name, event, body in _touches("to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"):
            _function_trigger(connection, name, event, body)
        _index_postgresql(connection)


def _touches(day: str) -> list[tuple[str, str, str]]:
    """Name, event and statements of each trigger that says of which days the figures changed.

    ``day``: how the database writes the UTC day of a moment.
    """
    found = []
    calls = "channel, direction, phase, kind, outcome, missed_reason, line, queue, contact_id, lead_id, manager_id, "
    calls += "occurred_at, after_hours, wait_seconds, talk_seconds, source_name"
    for event, rows in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), (f"UPDATE OF {calls}", ("OLD", "NEW"))):
        days = " UNION ".join(
            f"SELECT {day.format(f'{r}.occurred_at')} AS day WHERE {r}.channel = 'call'" for r in rows
        )
        body = _touch("call", f"SELECT day FROM ({days}) AS days")
        body += _touch("lead", _of("lead", "created_at", "id", rows, "lead_id", day))
        if len(rows) == 2:
            first_try = "(SELECT callback_id FROM callback_try WHERE interaction_id = NEW.id)"
            body += _touch("duty", f"SELECT {day.format('first_at')} AS day FROM callback WHERE id = {first_try}")
        found.append((f"report_interaction_{event[:6].lower()}", f"{event} ON interaction", body))
    for table, kind, at in (("lead", "lead", "created_at"), ("callback", "duty", "first_at")):
        for event, rows in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), ("UPDATE", ("OLD", "NEW"))):
            days = " UNION ".join(f"SELECT {day.format(f'{r}.{at}')} AS day" for r in rows)
            body = _touch(kind, f"SELECT day FROM ({days}) AS days")
            found.append((f"report_{table}_{event.lower()}", f"{event} ON {table}", body))
    parts = (("callback_try", "duty", "callback", "first_at", "callback_id"),
             ("stage_change", "lead", "lead", "created_at", "lead_id"))  # fmt: skip
    for table, kind, parent, at, key in parts:
        for event, rows in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), ("UPDATE", ("OLD", "NEW"))):
            body = _touch(kind, _of(parent, at, "id", rows, key, day))
            found.append((f"report_{table}_{event.lower()}", f"{event} ON {table}", body))
    return found


def _of(table: str, at: str, key: str, rows: tuple[str, ...], reference: str, day: str) -> str:
    """The days of the rows that a row refers to, and referred to before."""
    keys = ", ".join(f"{row}.{reference}" for row in rows)
    return f"SELECT DISTINCT {day.format(at)} AS day FROM {table} WHERE {key} IN ({keys})"


def _touch(kind: str, days: str) -> str:
    return (
        f"INSERT INTO report_day (kind, day, version) SELECT '{kind}', found.day, 1 FROM ({days}) AS found WHERE true "
        "ON CONFLICT (kind, day) DO UPDATE SET version = report_day.version + 1; "
    )


def _function_trigger(connection: sa.Connection, name: str, event: str, body: str) -> None:
    """Two gateways write the days of today in any order; the lock is what keeps them from a deadlock."""
    locked = f"BEGIN PERFORM pg_advisory_xact_lock({DAYS_LOCK}); {body} RETURN NULL; END"
    connection.exec_driver_sql(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {locked} $$")
    connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW EXECUTE FUNCTION {name}()")


def _index_sqlite(connection: sa.Connection) -> None:
    """An index of trigrams of each table with words. SQLite streams the statements that fill it: memory is bounded."""
    options = "words, content='', detail=none, tokenize='trigram'"
    try:
        with connection.begin_nested():
            for table in (*SEARCHED, "handle"):
                connection.exec_driver_sql(f"CREATE VIRTUAL TABLE search_{table} USING fts5({options})")
    except DBAPIError:
        log.warning("This SQLite has no index of trigrams (3.34 has): searches read the rows themselves.",
                    extra={"action": "search_without_index"})  # fmt: skip
        return
    connection.exec_driver_sql(
        "CREATE TABLE search_entry (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL, "
        "UNIQUE (object_id, kind))"
    )
    for table, columns in SEARCHED.items():
        _fill(connection, table, columns)
        for name, event, body in _watch(table, columns):
            connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END")
    connection.exec_driver_sql("INSERT INTO search_handle (rowid, words) SELECT id, value FROM contact_handle")
    for event, body in (
        ("INSERT", "INSERT INTO search_handle (rowid, words) VALUES (NEW.id, NEW.value);"),
        ("DELETE", _gone("search_handle", "OLD.id", "OLD.value")),
        ("UPDATE OF value", _gone("search_handle", "OLD.id", "OLD.value")
         + "INSERT INTO search_handle (rowid, words) VALUES (NEW.id, NEW.value);"),
    ):  # fmt: skip
        name = f"search_handle_{event[:6].lower()}"
        connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {event} ON contact_handle BEGIN {body} END")


def _words(row: str, columns: tuple[str, ...]) -> str:
    """What is searched of a row, as one text; empty where there is nothing."""
    joined = " || char(10) || ".join(f"coalesce({row}.{column}, '')" for column in columns)
    return f"trim(substr({joined}, 1, {CHARACTERS}), char(10))"


def _fill(connection: sa.Connection, table: str, columns: tuple[str, ...]) -> None:
    words = _words(table, columns)
    connection.exec_driver_sql(
        f"INSERT INTO search_entry (kind, object_id) SELECT '{table}', id FROM {table} WHERE {words} <> ''"
    )
    connection.exec_driver_sql(
        f"INSERT INTO search_{table} (rowid, words) SELECT number, {words} FROM search_entry "
        f"JOIN {table} ON {table}.id = object_id WHERE search_entry.kind = '{table}'"
    )


def _watch(table: str, columns: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Triggers that keep the index of one table. The index takes a text out only when it is told what it was."""
    old, new = _words("OLD", columns), _words("NEW", columns)
    entry = f"FROM search_entry WHERE object_id = NEW.id AND kind = '{table}'"
    put = (
        f"INSERT OR IGNORE INTO search_entry (kind, object_id) SELECT '{table}', NEW.id WHERE {new} <> ''; "
        f"INSERT INTO search_{table} (rowid, words) SELECT number, {new} {entry} AND {new} <> ''; "
    )
    take = (
        f"INSERT INTO search_{table} (search_{table}, rowid, words) SELECT 'delete', number, {old} FROM search_entry "
        f"WHERE object_id = OLD.id AND kind = '{table}' AND {old} <> ''; "
    )
    drop = f"DELETE FROM search_entry WHERE object_id = OLD.id AND kind = '{table}';"
    return [
        (f"search_{table}_insert", f"INSERT ON {table} WHEN {new} <> ''", put),
        (f"search_{table}_delete", f"DELETE ON {table} WHEN {old} <> ''", take + drop),
        (f"search_{table}_update", f"UPDATE OF {', '.join(columns)} ON {table} WHEN {old} <> {new}", take + put),
    ]


def _gone(index: str, number: str, words: str) -> str:
    return f"INSERT INTO {index} ({index}, rowid, words) VALUES ('delete', {number}, {words}); "


def _index_postgresql(connection: sa.Connection) -> None:
    """Trigrams again, of pg_trgm. Without the right to add it, or without the extension, searches read the rows."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError:
        log.warning(
            "PostgreSQL's extension pg_trgm can't be added: searches read the rows themselves, which is slow.",
            extra={"action": "search_without_index"},
        )
        return
    for table, columns in {**SEARCHED, "contact_handle": ("value",)}.items():
        for column in columns:
            words = column if table == "contact_handle" else f"substr({column}, 1, {CHARACTERS})"
            connection.exec_driver_sql(
                f"CREATE INDEX search_{table}_{column} ON {table} USING gin (({words}) gin_trgm_ops)"
            )
