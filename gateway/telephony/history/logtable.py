"""A log in an SQL table: Asterisk's own layouts, FreePBX's ``asteriskcdrdb``, or the customer's own columns.

Read in the order of its time column, which needs an index there; a page at a time, so memory does not grow with the
table. Only SELECT is ever sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, Row, Select, create_engine, inspect, make_url, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.exc import NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from gateway.core.types import Json
from gateway.telephony.history.columns import LogKind, mapped
from gateway.telephony.history.page import PAGE_ROWS, LogUnreadable, Page, Refused, row_reader
from gateway.telephony.history.page import Row as LogRow
from gateway.telephony.history.rows import BadRow, CelRow, LogClock, moment_of

SAMPLE_ROWS = 20
"""The newest rows show what kind of value the time column holds, and in which zone."""
NEEDED: Mapping[LogKind, tuple[str, ...]] = {
    "cel": ("eventtype", "eventtime", "uniqueid", "linkedid", "channame"),
    "cdr": ("start", "uniqueid", "channel", "disposition"),
}
_NUMBERS = ("id", "acctid", "cdr_id", "recid")
"""Columns that number the rows as they are written."""
_TIME: Mapping[LogKind, str] = {"cel": "eventtime", "cdr": "start"}

Fetch = Callable[[Select[Any]], Sequence[Row[Any]]]


class LogTable:
    """Implements ``page.Log``. A place is ``{"at": Unix time}``."""

    def __init__(
        self, url: str | URL, kind: LogKind, zone: tzinfo, *, table: str = "", columns: Mapping[str, str] | None = None
    ) -> None:
        """``table``: its name, maybe with a schema (``asteriskcdrdb.cdr``); else ``cdr`` or ``cel``. ``columns``: our
        name -> the table's, for those that are not called as usual."""
        self.kind = kind
        self._url = make_url(url)
        schema, _, name = (table or kind).rpartition(".")
        self._schema = schema or None
        self._table = name
        self._columns = dict(columns or {})
        self._zone = zone
        self._engine: Engine | None = None
        self.name = f"{self._url.render_as_string(hide_password=True)} table {table or kind}"

    def close(self) -> None:
        """Let go of the connection."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def pages(self, place: Json | None, since: float | None = None) -> Iterator[Page]:
        """See ``page.Log``."""
        begin = float(place["at"]) if isinstance(place, Mapping) and "at" in place else since
        try:
            yield from self._pages(begin)
        except NoSuchTableError:
            raise LogUnreadable(
                "%(log)s: there is no such table: set `table` of [[pbx]] %(kind)s", log=self.name, kind=self.kind
            ) from None
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error)
            raise LogUnreadable("%(log)s: can't be read: %(words)s", log=self.name, words=words) from None

    def _pages(self, begin: float | None) -> Iterator[Page]:
        engine = self._connected()
        described = inspect(engine).get_columns(self._table, schema=self._schema)
        present = [column["name"] for column in described]
        names = self._names(present)
        numbered = next((column for column in present if column.lower() in _NUMBERS), None)
        asked = sql_table(self._table, *(sql_column(column) for column in present), schema=self._schema)
        time = asked.c[names[_TIME[self.kind]]]
        query = select(*(asked.c[column].label(name) for name, column in names.items()))
        ties = (
            [numbered] if numbered else [names[name] for name in ("uniqueid", "sequence", "channel") if name in names]
        )
        ordered = query.order_by(time, *(asked.c[tie] for tie in ties))
        newest = self._fetch(engine)(query.order_by(time.desc()).limit(SAMPLE_ROWS))
        lower = self._lower_bound(newest, begin)
        read = row_reader(self.kind, self._zone)
        seen = 0
        while True:
            bounded = ordered if lower is None else ordered.where(time >= lower)
            rows = self._fetch(engine)(bounded.limit(PAGE_ROWS).offset(seen))
            yield self._page(rows, tuple(names), read)
            if len(rows) < PAGE_ROWS:
                return
            last = rows[-1]._mapping[_TIME[self.kind]]
            in_last = sum(1 for row in rows if row._mapping[_TIME[self.kind]] == last)
            seen, lower = (seen + in_last if last == lower else in_last), last

    def _connected(self) -> Engine:
        """Made at the first reading: a database that is away must not keep the gateway from starting."""
        if self._engine is None:
            if self._url.get_backend_name() == "sqlite" and not _exists(self._url.database):
                raise LogUnreadable("%(log)s: the file does not exist", log=self.name)
            try:
                self._engine = create_engine(
                    self._url, pool_size=1, max_overflow=1, pool_pre_ping=True, hide_parameters=True
                )
            except NoSuchModuleError:
                raise LogUnreadable(
                    "%(log)s: SQLAlchemy knows no such database; see docs/telephony.md", log=self.name
                ) from None
            except ModuleNotFoundError as error:
                raise LogUnreadable(
                    "%(log)s: its driver is not installed: pip install %(package)s beside Leadgate",
                    log=self.name,
                    package=error.name,
                ) from None
        return self._engine

    def _fetch(self, engine: Engine) -> Fetch:
        def fetch(query: Select[Any]) -> Sequence[Row[Any]]:
            with engine.connect() as connection:
                return connection.execute(query).all()

        return fetch

    def _names(self, present: Sequence[str]) -> dict[str, str]:
        """Our name -> column. Raises LogUnreadable where one is missing that nothing can be told without."""
        names = mapped(self.kind, self._columns, present)
        unknown = sorted(column for column in names.values() if column not in present)
        if unknown:
            raise LogUnreadable(
                "%(log)s: has no column %(columns)s; correct `columns`", log=self.name, columns=", ".join(unknown)
            )
        missing = [name for name in NEEDED[self.kind] if name not in names]
        if missing:
            raise LogUnreadable(
                "%(log)s: no column is called %(missing)s (its columns: %(present)s); name them in `columns` of "
                "[[pbx]] %(kind)s",
                log=self.name,
                missing=", ".join(missing),
                present=", ".join(present),
                kind=self.kind,
            )
        return names

    def _lower_bound(self, newest: Sequence[Row[Any]], begin: float | None) -> object | None:
        """``begin`` as a value of the time column: as a datetime, text or number, in the zone that the rows are in."""
        if begin is None or not newest:
            return None
        clock = LogClock(self._zone)
        value: object = None
        for row in newest:
            value = row._mapping[_TIME[self.kind]]
            moment = moment_of(value)
            if isinstance(moment, datetime):
                clock.seconds(moment, str(row._mapping["uniqueid"]))
        moment = moment_of(value)
        if not isinstance(moment, datetime):
            return str(begin) if isinstance(value, str) else begin
        aware = moment.tzinfo is not None
        bound = datetime.fromtimestamp(begin, UTC if aware else clock.zone)
        bound = bound if aware else bound.replace(tzinfo=None)
        return bound if isinstance(value, datetime) else bound.isoformat(sep=" ", timespec="seconds")

    def _page(
        self, rows: Sequence[Row[Any]], names: Sequence[str], read: Callable[[Mapping[str, object]], LogRow]
    ) -> Page:
        page = Page()
        for row in rows:
            fields = dict(zip(names, row, strict=True))
            try:
                taken = read(fields)
            except BadRow as why:
                page.refused.append(Refused(f"{self.name}, {fields[_TIME[self.kind]]}", why.sentence))
                continue
            page.place = {"at": taken.at if isinstance(taken, CelRow) else taken.start}
            page.rows.append((taken, page.place))
        return page


def _exists(file: str | None) -> bool:
    return file is None or file.startswith(("file:", ":memory:")) or Path(file).exists()
