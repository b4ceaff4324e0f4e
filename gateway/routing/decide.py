"""Who gets this person: the rules asked one after the other, each with a sentence of what it said and why. Pure.

What the rules need to know is behind `Facts`, so that a rule that is not asked costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from gateway.core.assignment import NOBODY, Tried
from gateway.core.phone import region_of
from gateway.core.types import Channel, Source
from gateway.routing.calendars import line_key
from gateway.routing.people import Person, Roster
from gateway.routing.presence import Device
from gateway.routing.rotation import Turn, choose
from gateway.routing.rules import RuleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who came, how and to which of our addresses."""

    channel: Channel
    line: str | None
    number: str | None
    """The person's number in E.164."""
    source: Source
    at: datetime
    day: date
    """The local day of ``at``, for the limits of a day."""


class Facts(Protocol):
    """What is stored about the person and the managers. Asked only for what a rule needs."""

    def owner(self) -> tuple[str, str] | None:
        """Id of the manager whose contact it is, and whose word that is, as ``owner of the contact``."""
        ...

    def last_talk(self) -> tuple[str, datetime] | None:
        """Id of the manager who talked with the person last, and when."""
        ...

    def open_leads(self, manager_id: str) -> int:
        """How many leads the manager works on."""
        ...

    def turns(self, rule: str) -> Mapping[str, Turn]:
        """What the managers of a rotation are owed."""
        ...

    def chosen_before(self, rule: str) -> str | None:
        """Whom this rotation gave the same person minutes ago: he keeps him."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What is known of the company at this moment."""

    roster: Roster
    region: str
    line_open: Callable[[str | None, datetime], bool | None]
    """Whether what was dialled is in its hours; None where no hours are known."""
    working: Callable[[Person, datetime], bool | None]
    """Whether a manager is in his own hours; None where none are known."""
    device: Callable[[Person], Device | None]
    """How a manager's telephone is; None where nobody knows."""
    seen_within: timedelta
    """So long after the last click somebody counts as being there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who gets the person."""

    person: Person | None
    rule: str
    trail: tuple[Tried, ...]
    turns: Sequence[Turn] = ()
    """What to store of the rotation that decided."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What one rule said."""

    person: Person | None
    why: str
    turns: Sequence[Turn] = field(default=())


def decide(
    rules: Sequence[RuleSettings], case: Case, facts: Facts, office: Office, *, ask_all: bool = False
) -> Decision:
    """The first rule that gives somebody. ``ask_all``: the others are asked too, for the trail only."""
    trail: list[Tried] = []
    decided: Decision | None = None
    for rule in rules:
        found = _Asking(rule, case, facts, office).ask()
        trail.append(Tried(rule.name, found.person is not None, found.why))
        if found.person is None or decided is not None:
            continue
        decided = Decision(person=found.person, rule=rule.name, trail=(), turns=found.turns)
        if not ask_all:
            break
    if decided is None:
        return Decision(person=None, rule=NOBODY, trail=tuple(trail))
    return Decision(person=decided.person, rule=decided.rule, trail=tuple(trail), turns=decided.turns)


class _Asking:
    """One rule asked about one case."""

    def __init__(self, rule: RuleSettings, case: Case, facts: Facts, office: Office) -> None:
        self._rule = rule
        self._case = case
        self._facts = facts
        self._office = office

    def ask(self) -> _Found:
        if misfit := self._misfit():
            return _Found(None, misfit)
        match self._rule.give:
            case "owner":
                return self._owner()
            case "last":
                return self._last()
            case "manager":
                return self._first_of()
            case _:
                return self._in_turn()

    def _misfit(self) -> str:
        """Why the rule is not for this case; empty where it is."""
        rule, case = self._rule, self._case
        if rule.channels and case.channel.value not in rule.channels:
            return f"only for {' and '.join(rule.channels)}, this is a {case.channel.value}"
        if rule.lines and not self._is_line():
            return f"{case.line or 'no line'} is not one of its lines"
        if rule.sources and case.source.name not in rule.sources:
            return f"came from {case.source.name or 'an unknown source'}, not from {' or '.join(rule.sources)}"
        for key, wanted in rule.utm.items():
            if not _matches(case.source.utm.get(key), wanted):
                return f"utm_{key} is {case.source.utm.get(key) or 'not given'}, not {wanted}"
        return self._wrong_number() or self._wrong_time()

    def _is_line(self) -> bool:
        region = self._office.region
        if not self._case.line:
            return False
        return line_key(self._case.line, region) in {line_key(line, region) for line in self._rule.lines}

    def _wrong_number(self) -> str:
        rule, number = self._rule, self._case.number
        if not rule.countries and not rule.prefixes:
            return ""
        if number is None:
            return "the person's number is not known"
        if rule.prefixes and not number.startswith(rule.prefixes):
            return f"{number} begins with none of {', '.join(rule.prefixes)}"
        if rule.countries and (country := region_of(number)) not in rule.countries:
            return f"{number} is of {country or 'no country'}, not of {', '.join(rule.countries)}"
        return ""

    def _wrong_time(self) -> str:
        if self._rule.during == "any":
            return ""
        is_open = self._office.line_open(self._case.line, self._case.at)
        if is_open is None:
            return f"only while {self._rule.during}, and no hours are known"
        if is_open is not (self._rule.during == "open"):
            return f"only while {self._rule.during}, and it is {'open' if is_open else 'closed'}"
        return ""

    def _owner(self) -> _Found:
        owner = self._facts.owner()
        if owner is None:
            return _Found(None, "the person belongs to nobody")
        return self._take(owner[0], owner[1])

    def _last(self) -> _Found:
        talk = self._facts.last_talk()
        if talk is None:
            return _Found(None, "nobody has talked with the person")
        manager_id, at = talk
        if self._case.at - at > timedelta(days=self._rule.within_days):
            return _Found(None, f"the last talk was on {at:%Y-%m-%d}, more than {self._rule.within_days} days ago")
        return self._take(manager_id, f"talked with the person on {at:%Y-%m-%d %H:%M} UTC")

    def _take(self, manager_id: str, as_what: str) -> _Found:
        person = self._office.roster.by_id.get(manager_id)
        if person is None:
            return _Found(None, f"the {as_what} is no manager any more")
        taker, why = self._taker(person)
        return _Found(taker, f"{person.name}: {as_what}{'; ' if why else ''}{why}")

    def _first_of(self) -> _Found:
        said: list[str] = []
        for login in self._rule.to:
            person, why = self._candidate(login)
            if person is not None:
                return _Found(person, "; ".join([*said, why or person.name]))
            said.append(why)
        return _Found(None, "; ".join(said))

    def _in_turn(self) -> _Found:
        rule, day = self._rule, self._case.day
        turns = self._facts.turns(rule.name)
        weights: dict[str, int] = {}
        said: list[str] = []
        for login in rule.to:
            person, why = self._candidate(login)
            if person is not None and rule.max_a_day is not None:
                taken = turns[person.id].on(day).taken if person.id in turns else 0
                if taken >= rule.max_a_day:
                    person, why = None, f"{login} was given {taken} today, the most"
            if person is None:
                said.append(why)
            else:
                weights[person.id] = weights.get(person.id, 0) + rule.weights.get(login, 1)
        if not weights:
            return _Found(None, "; ".join(said))
        by_id = self._office.roster.by_id
        before = self._facts.chosen_before(rule.name)
        if before in weights:
            return _Found(by_id[before], f"{by_id[before].name} was given this person just now")
        chosen, new = choose(weights, turns, day)
        return _Found(by_id[chosen], "; ".join([*said, f"it is the turn of {by_id[chosen].name}"]), new)

    def _candidate(self, login: str) -> tuple[Person | None, str]:
        person = self._office.roster.named(login)
        if person is None:
            return None, f"there is no manager {login}"
        taker, why = self._taker(person)
        return taker, why or (f"{person.name} can't take it" if taker is None else "")

    def _taker(self, person: Person) -> tuple[Person | None, str]:
        """Who takes what is meant for ``person``, and a sentence where that is not simply himself."""
        if person.disabled:
            return None, f"{person.name} is disabled"
        if person.away is not None and not self._rule.substitute:
            return None, f"{person.name} is away, and the rule takes nobody instead"
        taker, said = self._office.roster.stand_in(person)
        if taker is None:
            return None, said
        if hindrance := self._hindrance(taker):
            return None, "; ".join(filter(None, (said, hindrance)))
        return taker, said

    def _hindrance(self, person: Person) -> str:
        """Why somebody who is not away can't take the person; empty where he can."""
        rule, office = self._rule, self._office
        if "working" in rule.only and office.working(person, self._case.at) is False:
            return f"{person.name} is outside of his hours"
        if "online" in rule.only and not self._is_online(person):
            return f"{person.name} is not online"
        if "free" in rule.only and office.device(person) is Device.BUSY:
            return f"{person.name} is in a call"
        if rule.max_open is not None and (count := self._facts.open_leads(person.id)) >= rule.max_open:
            return f"{person.name} has {count} open leads, the most is {rule.max_open}"
        return ""

    def _is_online(self, person: Person) -> bool:
        """By the telephone; for mails and forms also by the pages. Who is known nowhere counts as online."""
        device = self._office.device(person)
        if device in (Device.FREE, Device.BUSY):
            return True
        if self._case.channel is Channel.CALL:
            return device is None
        if person.seen_at is not None:
            return self._case.at - person.seen_at <= self._office.seen_within
        return device is None


def _matches(given: str | None, wanted: str) -> bool:
    if given is None:
        return False
    given, wanted = given.casefold(), wanted.casefold()
    return given.startswith(wanted[:-1]) if wanted.endswith("*") else given == wanted
