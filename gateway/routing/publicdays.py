"""Public holidays and transferred working days of a country, from the package ``holidays``.

The package takes 20 MB and a sixth of a second to load, so it is imported only where a country is configured.
"""

from __future__ import annotations

import difflib
from datetime import date
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple


class Year(NamedTuple):
    """What is special in one year."""

    off: frozenset[date]
    """Public holidays, and days off that were transferred to a weekday."""
    working: frozenset[date]
    """Days of a weekend on which the country works, as Saturday, 27 April 2024 in Russia."""


class PublicDays:
    """The calendar of one country or part of it. Each year is computed when it is first asked for."""

    def __init__(self, country: str, subdivision: str | None = None) -> None:
        """Raises ValueError with a sentence for a country or subdivision that the package does not know."""
        check(country, subdivision)
        self._country = country
        self._subdivision = subdivision
        self._year = lru_cache(maxsize=16)(self._compute)

    def is_off(self, day: date) -> bool:
        """True on a public holiday or a day off transferred to it."""
        return day in self._year(day.year).off

    def is_working_weekend(self, day: date) -> bool:
        """True where the country works on this day of a weekend, in exchange for another day off."""
        return day in self._year(day.year).working

    def _compute(self, year: int) -> Year:
        # next year's decree may make a working day of one in December
        book = _package().country_holidays(
            self._country, subdiv=self._subdivision, years=(year, year + 1), expand=False
        )
        return Year(
            off=frozenset(day for day in book if day.year == year),
            working=frozenset(day for day in book.weekend_workdays if day.year == year),
        )


def check(country: str, subdivision: str | None) -> None:
    """Raises ValueError whose sentence begins with the key that is wrong."""
    known: dict[str, list[str]] = _package().list_supported_countries()
    if country not in known:
        raise ValueError(f"country {country!r} has no known public holidays. Write two letters as RU, KZ, DE")
    if subdivision is None or subdivision in known[country]:
        return
    if not known[country]:
        raise ValueError(f"subdivision: {country} has none that matters for holidays. Remove it")
    near = difflib.get_close_matches(subdivision.upper(), known[country], n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known[country])}"
    raise ValueError(f"subdivision {subdivision!r} is not one of {country}. {hint}")


def _package() -> ModuleType:
    import holidays

    return holidays
