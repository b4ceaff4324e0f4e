"""The search's indexes on SQLite: what was taken out of them is there, unreadable to searches, until it is merged away.

FTS5 writes a deletion as an entry of its own; both go when their parts of the index are merged
(https://www.sqlite.org/fts5.html#the_merge_command). Three letters at a time a name could be put together from them, so
whoever erases a person merges the whole index.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

PAGES = 300
"""Pages that one step merges: some milliseconds."""


def indexes(connection: Connection) -> Sequence[str]:
    """Their names; none on PostgreSQL, whose vacuum does this, and where SQLite is too old to have them."""
    if connection.dialect.name != "sqlite":
        return ()
    query = text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE search_%'")
    return tuple(connection.execute(query).scalars())


def begin_merge(connection: Connection) -> None:
    """Mark all parts of each index to become one."""
    for index in indexes(connection):
        _merge(connection, index, -PAGES)


def merge_some(connection: Connection) -> bool:
    """One step of it; False when nothing is left to do."""
    moved = [_merge(connection, index, PAGES) for index in indexes(connection)]
    return any(moved)


def _merge(connection: Connection, index: str, pages: int) -> bool:
    """Whether it did anything: as the manual says, by the number of rows that changed."""
    before = connection.execute(text("SELECT total_changes()")).scalar_one()
    # the name is that of a table of ours, as the database tells it
    # nosemgrep: no-sql-is-made-of-text
    connection.execute(text(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', :pages)"), {"pages": pages})  # noqa: S608
    return bool(connection.execute(text("SELECT total_changes()")).scalar_one() - before >= 2)
