"""Statements of the hottest paths: compiled once, then handed to the driver as they are.

What SQLAlchemy does for each run of a statement (a key for its cache, a context, a result with its metadata) costs ten
times what the driver needs. A `Prepared` does it once for each kind of database. It is written with SQLAlchemy like any
other statement, converts values by the types of the columns, and its errors are SQLAlchemy's.

    _OWNER = Prepared(select(CONTACT.c.owner_id).where(CONTACT.c.id == bindparam("contact_id")))
    owner_id = _OWNER.value(connection, contact_id=contact_id)

It is for statements of one shape: no ``IN`` over a list whose length only the run tells.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Delete, Dialect, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
Processor = Callable[[Any], Any]


def all_rows(cursor: DBAPICursor) -> Sequence[Sequence[Any]]:
    """What a statement found, for `run_sql`."""
    return cursor.fetchall()


def row_count(cursor: DBAPICursor) -> int:
    """How many rows a statement changed, for `run_sql`."""
    return cursor.rowcount


def run_sql(connection: Connection, sql: str, values: Any, take: Callable[[DBAPICursor], T]) -> T:
    """What ``take`` makes of the cursor after ``sql``.

    It runs in the transaction of ``connection``, begun where there is none. ``values`` as the driver takes them. Raises
    what SQLAlchemy raises.
    """
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
        return take(cursor)
    except Exception as error:
        _raise_as_sqlalchemy(connection, sql, values, error)
        raise
    finally:
        cursor.close()


def _raise_as_sqlalchemy(connection: Connection, sql: str, values: Any, error: Exception) -> None:
    """Raise the driver's own errors as their kin of SQLAlchemy; leave all others alone."""
    dialect = connection.dialect
    driver_error = dialect.loaded_dbapi.Error
    if not isinstance(error, driver_error):
        return
    is_lost = dialect.is_disconnect(error, connection.connection, None)
    if is_lost:
        connection.invalidate(error)
    raise DBAPIError.instance(
        sql,
        values,
        error,
        driver_error,
        hide_parameters=connection.engine.hide_parameters,
        connection_invalidated=is_lost,
        dialect=dialect,
    ) from error


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement as one kind of database takes it."""

    sql: str
    to_driver: tuple[tuple[str, Processor], ...]
    """Which of the run's values are converted, and how."""
    fixed: Mapping[str, Any]
    """Values that the statement has itself, converted."""
    in_order: tuple[str, ...] | None
    """The names of all values in the order of their marks; None where the driver takes them by name."""
    row: Callable[[Iterable[Any]], Any] | None
    """Makes a row; None for a statement that returns none."""
    from_driver: tuple[tuple[int, Processor], ...]
    """Which columns are converted, and how."""

    def values(self, given: dict[str, Any]) -> Any:
        """All values as the driver takes them."""
        for name, convert in self.to_driver:
            given[name] = convert(given[name])
        if self.fixed:
            given.update(self.fixed)
        return [given[name] for name in self.in_order] if self.in_order is not None else given

    def rows(self, fetched: Sequence[Sequence[Any]]) -> list[Any]:
        """What the driver gave, with the names of the columns and their types."""
        assert self.row is not None
        if not self.from_driver:
            return [self.row(each) for each in fetched]
        found = []
        for each in fetched:
            values = list(each)
            for place, convert in self.from_driver:
                values[place] = convert(values[place])
            found.append(self.row(values))
        return found


class Prepared:
    """One statement. Its runs take the values of its parameters by their names."""

    __slots__ = ("_plans", "_statement")

    def __init__(self, statement: Select[Any] | Update | Delete) -> None:
        self._statement = statement
        self._plans: dict[type[Dialect], _Plan] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """All rows, as named tuples."""
        plan = self._plan(connection)
        found = run_sql(connection, plan.sql, plan.values(values), all_rows)
        return plan.rows(found) if found else []

    def first(self, connection: Connection, **values: Any) -> Any:
        """The first row; None where there is none."""
        found = self.rows(connection, **values)
        return found[0] if found else None

    def value(self, connection: Connection, **values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        found = self.rows(connection, **values)
        return found[0][0] if found else None

    def change(self, connection: Connection, **values: Any) -> int:
        """How many rows an UPDATE or DELETE met."""
        plan = self._plan(connection)
        return run_sql(connection, plan.sql, plan.values(values), row_count)

    def _plan(self, connection: Connection) -> _Plan:
        kind = type(connection.dialect)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = _plan_of(self._statement, connection.dialect)
        return plan


def _plan_of(statement: Select[Any] | Update | Delete, dialect: Dialect) -> _Plan:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise TypeError(f"this statement has another shape in each run and can't be prepared: {compiled}")
    to_driver: dict[str, Processor] = {}
    fixed: dict[str, Any] = {}
    for parameter, name in compiled.bind_names.items():  # a name may stand for several of the same type
        convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if not parameter.required:
            value = parameter.effective_value
            fixed[name] = convert(value) if convert is not None else value
        elif convert is not None:
            to_driver[name] = convert
    row, from_driver = _row_of(statement, dialect) if isinstance(statement, Select) else (None, ())
    return _Plan(
        sql=str(compiled),
        to_driver=tuple(to_driver.items()),
        fixed=fixed,
        in_order=tuple(compiled.positiontup or ()) if compiled.positional else None,
        row=row,
        from_driver=from_driver,
    )


def _row_of(
    statement: Select[Any], dialect: Dialect
) -> tuple[Callable[[Iterable[Any]], Any], tuple[tuple[int, Processor], ...]]:
    """The maker of rows, and what is converted in each."""
    columns = list(statement.selected_columns)
    types: list[TypeEngine[Any]] = [column.type for column in columns]
    converted = [kind.dialect_impl(dialect).result_processor(dialect, None) for kind in types]
    named = namedtuple("Row", [column.key or "" for column in columns], rename=True)  # type: ignore[misc]
    return named._make, tuple((place, convert) for place, convert in enumerate(converted) if convert is not None)
