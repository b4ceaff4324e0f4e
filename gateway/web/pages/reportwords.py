"""Names and numbers of the reports in the reader's language: the same for the page and for the files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_skeleton, get_day_names
from babel.numbers import format_decimal, format_percent, get_currency_symbol

from gateway.core import money
from gateway.core.phone import for_people
from gateway.reports.catalogue import Report
from gateway.reports.facts import NOBODY
from gateway.reports.table import TOTAL, Column, Line, Table
from gateway.web.pages.formats import KEPT, duration
from gateway.web.pages.words import Words


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


NAMES = {
    "channel": {"call": _("Calls"), "mail": _("Mails"), "form": _("Forms")},
    "reason": {
        "no_answer": _("nobody picked up"),
        "busy": _("all phones were busy"),
        "rejected": _("the call was rejected"),
        "unavailable": _("no phone could be reached"),
        "caller_hung_up": _("the caller hung up"),
        "queue_abandoned": _("the caller left the queue"),
        "queue_timeout": _("the queue took too long"),
        "ivr_abandoned": _("the caller left the voice menu"),
        "announcement": _("the caller heard only an announcement"),
        "voicemail": _("the caller reached the voicemail"),
    },
    "fault": {
        "no_owner": _("Nobody's"),
        "no_source": _("Without an advertising source"),
        "no_contact": _("Without a number or address"),
        "not_answered": _("Open, nobody answered yet"),
        "spam": _("Spam"),
        "not_delivered": _("Did not reach a CRM"),
    },
}
NONE = {
    "manager": _("Nobody"),
    "own": _("Not known"),
    "reason": _("no reason known"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A report as its template draws it."""

    report: Report
    title: str
    explain: str
    table: Table
    heads: list[str]
    lines: list[tuple[Line, str]]
    """Each line with its name; the total is the last."""
    charted: int
    """Place of the column that is drawn."""
    values: list[float | None]
    """Of that column, without the total."""
    highest: float
    """The largest number that is drawn."""
    words: Any
    """Writes the values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure above all tables."""

    label: str
    value: str
    title: str
    """Of the report that it is from."""
    link: str


class ReportWords:
    """Writes reports in one language."""

    def __init__(self, words: Words) -> None:
        self.gettext = words.texts.gettext
        self._locale = words.locale

    def shown(self, report: Report, table: Table) -> Shown:
        """All that a template needs."""
        lines = [*table.lines, *([table.total] if table.total else [])]
        charted = next((n for n, column in enumerate(table.columns) if column.key == report.charted), 0)
        values = [line.cells[charted].value for line in table.lines]
        drawn = [cell.value for line in table.lines for cell in line.cells] if report.chart == "heat" else values
        return Shown(
            report=report,
            title=self.gettext(report.title),
            explain=self.gettext(report.explain),
            table=table,
            heads=[self.gettext(column.label) for column in table.columns],
            lines=[(line, self.name(report, line)) for line in lines],
            charted=charted,
            values=values,
            highest=max((value for value in drawn if value is not None), default=0.0),
            words=self,
        )

    def tile(self, report: Report, table: Table, column_key: str, link: str) -> Tile:
        """The total of one column."""
        found = table.cell(TOTAL, column_key)
        column, cell = found if found is not None else (table.columns[0], None)
        value = self.value(column, cell.value if cell else None, table.currency)
        return Tile(label=self.gettext(column.label), value=value, title=self.gettext(report.title), link=link)

    def name(self, report: Report, line: Line) -> str:
        """What a line is called."""
        if line.key == TOTAL:
            return self.gettext("Total")
        if report.labels == "day":
            return str(format_skeleton("MMMEd", date.fromisoformat(line.key), locale=self._locale))
        if report.labels == "weekday":
            return str(get_day_names("abbreviated", locale=self._locale)[int(line.key)])
        if line.key == NOBODY:
            return self.gettext(NONE.get(report.labels, NONE["own"]))
        known = NAMES.get(report.labels, {}).get(line.key)
        if known is not None:
            return self.gettext(known)
        label = line.label or line.key
        return for_people(label) if label.startswith("+") else label

    def line_name(self, report: Report, table: Table, key: str) -> str:
        """The name of the line with this key."""
        lines = [*table.lines, *([table.total] if table.total else [])]
        return next((self.name(report, line) for line in lines if line.key == key), key)

    def value(self, column: Column, value: float | None, currency: str | None) -> str:
        """A number as people write it; a dash where there is none."""
        if value is None:
            return "–"
        match column.unit:
            case "seconds":
                return duration(value, self.gettext)
            case "share":
                return _percent(value, self._locale)
            case "number":
                return _decimal(value, "0.0", self._locale)
            case "money":
                return self._money(value, currency)
            case _:
                return _decimal(value, "#,##0", self._locale)

    def _money(self, value: float, currency: str | None) -> str:
        units = value / 10 ** money.digits(currency) if currency else value
        symbol = get_currency_symbol(currency, locale=self._locale) if currency else ""
        return f"{_decimal(units, '#,##0', self._locale)} {symbol}".strip()

    def grid(self, report: Report, table: Table, *, raw: bool = False) -> list[list[str | float | None]]:
        """The table as rows of a file: names and headings as on the screen.

        Values as on the screen too, or as numbers (``raw``): seconds, shares from 0 to 1, whole units of money.
        """
        heads: list[str | float | None] = [self.gettext(report.title), *(self.gettext(c.label) for c in table.columns)]
        rows = [heads]
        for line in [*table.lines, *([table.total] if table.total else [])]:
            values = [
                self._raw(column, cell.value, table.currency) if raw else self.value(column, cell.value, table.currency)
                for column, cell in zip(table.columns, line.cells, strict=True)
            ]
            rows.append([self.name(report, line), *values])
        return rows

    def _raw(self, column: Column, value: float | None, currency: str | None) -> float | None:
        if value is None or column.unit != "money" or not currency:
            return value
        return float(value / 10 ** money.digits(currency))


@lru_cache(maxsize=KEPT)
def _decimal(value: float, pattern: str, locale: Locale) -> str:
    return str(format_decimal(value, format=pattern, locale=locale))


@lru_cache(maxsize=KEPT)
def _percent(value: float, locale: Locale) -> str:
    return str(format_percent(value, locale=locale))
