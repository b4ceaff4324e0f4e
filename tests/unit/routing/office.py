"""An office of Anna (101), Boris (102) and Vera (103) for tests of the rules: plain data, nothing stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.core.types import Channel, Source
from gateway.routing.decide import Case, Decision, Office, decide
from gateway.routing.people import Away, Person, Roster
from gateway.routing.presence import Device
from gateway.routing.rotation import Turn
from gateway.routing.rules import RuleSettings
from tests.support.clock import MONDAY

OFFICE_LINE, SALES_LINE = "+74950000101", "+74950000102"
CUSTOMER = "+79261234567"

ANNA = Person(id="m-anna", login="anna", name="Anna", extensions=("101",), mobile="+79035550101")
BORIS = Person(id="m-boris", login="boris", name="Boris", extensions=("102",))
VERA = Person(id="m-vera", login="vera", name="Vera", extensions=("103",))


@dataclass
class Known:
    """``decide.Facts`` as a test sets them."""

    owned_by: str | None = None
    talked: tuple[str, datetime] | None = None
    leads: dict[str, int] = field(default_factory=dict)
    stored: dict[str, dict[str, Turn]] = field(default_factory=dict)
    before: str | None = None

    def owner(self) -> tuple[str, str] | None:
        return (self.owned_by, "owner of the contact") if self.owned_by else None

    def last_talk(self) -> tuple[str, datetime] | None:
        return self.talked

    def open_leads(self, manager_id: str) -> int:
        return self.leads.get(manager_id, 0)

    def turns(self, rule: str) -> Mapping[str, Turn]:
        return self.stored.get(rule, {})

    def chosen_before(self, rule: str) -> str | None:
        return self.before


def rule(give: str, *to: str, name: str | None = None, **keys: Any) -> RuleSettings:
    """A rule as the file has it."""
    return msgspec.convert({"name": name or give, "give": give, "to": list(to), **keys}, RuleSettings)


def away(person: Person, substitute: Person | None = None, days: float = 1) -> Person:
    """The same person on vacation."""
    absence = Away(until=MONDAY + timedelta(days=days), substitute_id=substitute.id if substitute else None)
    return replace(person, away=absence)


def case(**changes: Any) -> Case:
    """A known customer calls the office on Monday at noon."""
    usual: dict[str, Any] = {
        "channel": Channel.CALL,
        "line": OFFICE_LINE,
        "number": CUSTOMER,
        "source": Source(name="office"),
        "at": MONDAY,
        "day": MONDAY.date(),
    }
    return Case(**(usual | changes))


def office(
    *people: Person,
    open_lines: Mapping[str | None, bool] | None = None,
    working: Mapping[str, bool] | None = None,
    devices: Mapping[str, Device] | None = None,
) -> Office:
    """The company; what is not said of lines, hours and telephones is not known."""
    return Office(
        roster=Roster.of(people or (ANNA, BORIS, VERA)),
        region="RU",
        line_open=lambda line, _at: (open_lines or {}).get(line),
        working=lambda person, _at: (working or {}).get(person.login),
        device=lambda person: (devices or {}).get(person.login),
        seen_within=timedelta(minutes=15),
    )


def ask(
    *rules: RuleSettings, at: Case | None = None, known: Known | None = None, where: Office | None = None
) -> Decision:
    """What the rules say."""
    return decide(rules, at or case(), known or Known(), where or office())


def who(decision: Decision) -> str | None:
    """The login of who gets the person."""
    return decision.person.login if decision.person else None
