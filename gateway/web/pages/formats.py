"""How people read moments, spans and numbers. Pure: language, zone and now are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_time
from babel.numbers import format_currency, get_currency_symbol

from gateway.core.phone import for_people

EXCERPT = 180
KEPT = 8192
"""Moments and sums of which the spelling is kept: each costs Babel 20 to 60 µs, and the next page shows them again."""


@dataclass(frozen=True, slots=True)
class Formats:
    """Everything that depends on language and zone."""

    locale: Locale
    zone: ZoneInfo

    def when(self, moment: datetime, now: datetime) -> str:
        """``14:05`` today, ``Nov 21, 14:05`` this year, ``Nov 21, 2025`` before."""
        return _when(self, moment, now.astimezone(self.zone).date())

    def day(self, moment: datetime, now: datetime) -> str:
        """``Monday, 23 November``; the year too where it is another."""
        local = moment.astimezone(self.zone)
        pattern = "EEEE, d MMMM" if local.year == now.astimezone(self.zone).year else "EEEE, d MMMM y"
        return format_datetime(local, pattern, locale=self.locale)

    def clock(self, moment: datetime) -> str:
        """``14:05``."""
        return format_time(moment.astimezone(self.zone), "HH:mm", locale=self.locale)

    def money(self, amount: str, currency: str) -> str:
        """``12500.50`` -> ``12 500,50 ₽``; without the cents where there are none."""
        return _money(self, amount, currency)

    def full(self, moment: datetime) -> str:
        """Day, time and zone in full."""
        return _full(self, moment)


@lru_cache(maxsize=KEPT)
def _when(formats: Formats, moment: datetime, today: date) -> str:
    local = moment.astimezone(formats.zone)
    if local.year != today.year:
        return format_skeleton("yMMMd", local, locale=formats.locale)
    clock = format_time(local, "HH:mm", locale=formats.locale)
    if local.date() == today:
        return clock
    return f"{format_skeleton('MMMd', local, locale=formats.locale)}, {clock}"


@lru_cache(maxsize=KEPT)
def _full(formats: Formats, moment: datetime) -> str:
    return format_datetime(moment.astimezone(formats.zone), "d MMMM y, HH:mm:ss ZZZZ", locale=formats.locale)


@lru_cache(maxsize=KEPT)
def _money(formats: Formats, amount: str, currency: str) -> str:
    value = Decimal(amount)
    number = "#,##0" if value == value.to_integral_value() else "#,##0.00"
    gap = "\u00a0" if get_currency_symbol(currency, locale=formats.locale).isalpha() else ""
    pattern = f"{number}\u00a0¤" if formats.locale.language == "ru" else f"¤{gap}{number}"
    return format_currency(value, currency, pattern, locale=formats.locale, currency_digits=False)


def moment(value: datetime | str) -> datetime:
    """A moment as it is, or as the record of a call writes it (ISO 8601 with zone)."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def machine_time(moment: datetime) -> str:
    """For ``<time datetime>``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def span(seconds: float | None) -> str:
    """``75`` -> ``1:15``; hours too where there are any; empty for None."""
    if seconds is None or seconds < 0:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float, gettext: Callable[[str], str]) -> str:
    """How long something takes or took, in words: ``45 s``, ``12 min``, ``3 h 05``, ``2 d 4 h``."""
    seconds = max(0.0, seconds)
    minutes = round(seconds / 60)
    if seconds < 90:
        return gettext("%(num)s s") % {"num": round(seconds)}
    if minutes < 90:
        return gettext("%(num)s min") % {"num": minutes}
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return gettext("%(hours)s h %(minutes)s") % {"hours": hours, "minutes": f"{rest:02}"}
    days, hours = divmod(hours, 24)
    return gettext("%(days)s d %(hours)s h") % {"days": days, "hours": hours}


def size(count: object) -> str:
    """Bytes for people: ``1.5 MB``."""
    if not isinstance(count, int | float):
        return ""
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def number(value: str | None) -> str:
    """A phone number in the spelling of its country; extensions and anything else as they are."""
    if not value:
        return ""
    return for_people(value) if value.startswith("+") else value


def excerpt(text: str | None) -> str:
    """The beginning of a text in one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def safe_link(address: str | None) -> str | None:
    """A web page's address if it may stand in a link: only http and https, never ``javascript:``."""
    return address if address and address.lower().startswith(("http://", "https://")) else None
