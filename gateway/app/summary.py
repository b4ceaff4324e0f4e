"""The daily summary: the figures of the days since the last working day, by mail, in each reader's language."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from markupsafe import escape
from sqlalchemy import Connection, or_, select

from gateway.core.clock import Clock, NewId
from gateway.core.errors import StoreUnavailable
from gateway.core.languages import texts_for
from gateway.outgoing.queue import Letter, put_letter
from gateway.reports.catalogue import Report, reports
from gateway.reports.scope import Scope, WorkingTime
from gateway.reports.settings import SummarySettings
from gateway.reports.table import Table
from gateway.storage.store import Store
from gateway.storage.tables import Manager
from gateway.web.pages.reportwords import ReportWords, Tile
from gateway.web.pages.words import Words

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
LATE = timedelta(hours=6)
"""After a stop, a summary that is later than this is no longer of use."""
MOST_DAYS = 10
"""Of one summary: longer holidays are read on the page."""
FIGURES = (
    ("days", "all"), ("days", "missed"), ("days", "share"), ("callbacks", "all"), ("callbacks", "share"),
    ("callbacks", "open"), ("callbacks", "overdue"), ("response", "median"), ("channels", "all"),
    ("channels", "answer"), ("channels", "won"),
)  # fmt: skip
"""Report, column of its total."""

HoursOf = Callable[[str | None], WorkingTime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who gets it."""

    id: str
    email: str
    language: str


@dataclass(slots=True, eq=False, kw_only=True)
class DailySummary:
    """A Service. Each reader gets one letter a day, whatever restarts: the day is part of its key."""

    settings: SummarySettings
    store: Store
    clock: Clock
    new_id: NewId
    zone: ZoneInfo
    language: str
    hours_of: HoursOf
    link: str
    """Address of the pages, for the last line."""
    on_put: Callable[[], None]
    """Called after letters were put out."""
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self.settings.at is not None:
            self._task = asyncio.create_task(self._work(), name="summary")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                if await self.look():
                    self.on_put()
            except StoreUnavailable as error:
                log.warning("The summary was put off.", extra={"action": "summary_put_off", "reason": str(error)})
            except Exception:
                log.exception("The summary failed.", extra={"action": "summary_failed"})
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> int:
        """Put out the letters that are due and were not; how many."""
        now = self.clock.now()
        days = self._due(now)
        if days is None:
            return 0
        scope = Scope(first=days[0], last=days[1], zone=self.zone, now=now, hours_of=self.hours_of)
        readers = await self.store.read(self._readers)
        if not readers:
            return 0
        tables = await self.store.read(lambda c: {key: _reports()[key].build(c, scope) for key, _ in FIGURES})
        letters = [(reader, self._letter(reader, tables, scope)) for reader in readers]

        def put(connection: Connection) -> int:
            made = [
                put_letter(connection, letter, key=f"summary:{days[1]}:{reader.id}", at=now, new_id=self.new_id)
                for reader, letter in letters
            ]
            return sum(letter_id is not None for letter_id in made)

        return await self.store.write_in_race(put)

    def _due(self, now: datetime) -> tuple[date, date] | None:
        """The days to tell of, where it is time; None before, long after, and on days on which nobody works."""
        at, local = self.settings.at, now.astimezone(self.zone)
        today = local.date()
        due = datetime.combine(today, at or time(), self.zone)
        if at is None or not due <= local < due + LATE or not self._works(today):
            return None
        last = today - timedelta(days=1)
        first = next((day for back in range(MOST_DAYS) if self._works(day := last - timedelta(days=back))), last)
        return first, last

    def _works(self, day: date) -> bool:
        hours = self.hours_of(None)
        start = datetime.combine(day, time(), self.zone)
        return hours is None or hours.working_time_between(start, start + timedelta(days=1)) > timedelta()

    def _readers(self, connection: Connection) -> Sequence[Reader]:
        wanted = self.settings.to
        named = (
            or_(Manager.login.in_(wanted), Manager.id.in_(wanted)) if wanted else Manager.role.in_(("owner", "chief"))
        )
        query = select(Manager.id, Manager.email, Manager.language).where(
            named, Manager.email.is_not(None), Manager.disabled_at.is_(None)
        )
        rows = connection.execute(query.order_by(Manager.id))
        return [Reader(id=row.id, email=row.email, language=row.language or self.language) for row in rows]

    def _letter(self, reader: Reader, tables: Mapping[str, Table], scope: Scope) -> Letter:
        texts = texts_for(reader.language, self.language)
        locale = Locale.parse(reader.language)
        words = ReportWords(Words(texts=texts, locale=locale))
        days = [str(format_skeleton("MMMEd", day, locale=locale)) for day in dict.fromkeys((scope.first, scope.last))]
        title = texts.gettext("Summary: %(days)s") % {"days": " – ".join(days)}
        figures = [(tile.label, tile.value) for tile in self._tiles(words, tables)]
        address = f"{self.link}/reports?from={scope.first}&to={scope.last}"
        lines = [f"{label}: {value}" for label, value in figures]
        text = "\n".join([title, "", *lines, "", texts.gettext("All figures, and what is behind them:"), address, ""])
        rows = "".join(f"<tr><td>{escape(label)}</td><td><b>{escape(value)}</b></td></tr>" for label, value in figures)
        html = f'<h3>{escape(title)}</h3><table>{rows}</table><p><a href="{escape(address)}">{escape(address)}</a></p>'
        return Letter(to=(reader.email,), subject=title, text=text, html=html, purpose="summary", manager_id=reader.id)

    def _tiles(self, words: ReportWords, tables: Mapping[str, Table]) -> list[Tile]:
        known = _reports()
        return [words.tile(known[key], tables[key], column, "") for key, column in FIGURES]


def _reports() -> Mapping[str, Report]:
    return {report.key: report for report in reports(())}
