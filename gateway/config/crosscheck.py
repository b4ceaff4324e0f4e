"""What only the whole file shows: names of schedules and people that point nowhere, lines that keep two schedules."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from gateway.config.convert import Problem
from gateway.routing.calendars import line_key
from gateway.routing.rules import RoutingSettings
from gateway.routing.settings import COMPANY, HoursSettings


def hours_problems(hours: HoursSettings | None, people: Sequence[str | None], region: str) -> list[Problem]:
    """``people``: the ``hours`` of each [[manager]]; ``region`` reads the numbers among the lines."""
    schedules = hours.schedule if hours else ()
    names = [COMPANY, *(schedule.name for schedule in schedules)] if hours else []
    found = [
        Problem(("manager", position, "hours"), _unknown(name, names))
        for position, name in enumerate(people)
        if name is not None and name not in names
    ]
    if hours is not None:
        found += _exceptions(hours, names)
        found += _lines(hours, region)
    return found


def routing_problems(routing: RoutingSettings, people: Sequence[str]) -> Iterable[Problem]:
    """``people``: the ids of all [[manager]]."""
    for position, rule in enumerate(routing.rule):
        for place, name in enumerate(rule.to):
            if name not in people:
                near = difflib.get_close_matches(name, people, n=1)
                known = f"There are: {', '.join(people)}." if people else "There is no [[manager]] at all."
                hint = f"Did you mean {near[0]}?" if near else known
                sentence = f"there is no [[manager]] with the id {name!r}. {hint}"
                yield Problem(("routing", "rule", position, "to", place), sentence)


def _exceptions(hours: HoursSettings, names: Sequence[str]) -> Iterable[Problem]:
    for position, exception in enumerate(hours.exception):
        for place, name in enumerate(exception.schedules):
            if name not in names:
                yield Problem(("hours", "exception", position, "schedules", place), _unknown(name, names))


def _lines(hours: HoursSettings, region: str) -> Iterable[Problem]:
    taken: dict[str, str] = {}
    for position, schedule in enumerate(hours.schedule):
        for place, line in enumerate(schedule.lines):
            owner = taken.setdefault(line_key(line, region), schedule.name)
            if owner != schedule.name:
                sentence = f"{line!r} keeps the hours of {owner!r} already. Remove it from one of the two."
                yield Problem(("hours", "schedule", position, "lines", place), sentence)


def _unknown(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"there is no schedule {name!r}. Did you mean {near[0]}?"
    known = f"There are: {', '.join(names)}." if names else "There is no [hours] at all."
    return f"there is no schedule {name!r}. {known}"
