"""Many rows by one statement.

The sqlite3 module gives up the interpreter lock around every step. A writer that has to win it back from a busy event
loop for each row of an ``executemany`` waits longer than it writes; ``INSERT ... VALUES (...), (...)`` is one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table

from gateway.storage.prepared import Processor, row_count, run_sql

MAX_PARAMETERS = 16_000
"""Parameters in one statement: SQLite takes 32,766, PostgreSQL 65,535."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``, which all have the same columns. Columns that they leave out get their server's default."""
    if not rows:
        return
    columns = tuple(rows[0])
    dialect = connection.dialect
    processors = _processors(table, columns, dialect)
    most = MAX_PARAMETERS // len(columns)
    for start in range(0, len(rows), most):
        part = rows[start : start + most]
        values: list[Any] = []
        for row in part:
            values += [
                row[name] if process is None else process(row[name])
                for name, process in zip(columns, processors, strict=True)
            ]
        run_sql(connection, _statement(table, columns, len(part), dialect), values, row_count)


@lru_cache(maxsize=64)
def _processors(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[Processor | None, ...]:
    """What makes of each value what the driver takes, as the column's type says."""
    return tuple(table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)


@lru_cache(maxsize=1024)
def _statement(table: Table, columns: tuple[str, ...], count: int, dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote_identifier
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(columns))})"
    names = ", ".join(quote(name) for name in columns)
    # names come from our own table definitions, values are bound
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES {', '.join([row] * count)}"  # noqa: S608
