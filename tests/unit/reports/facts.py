"""Facts for tests, and hypothesis strategies of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gateway.reports.facts import CallFact, DutyFact, LeadFact
from gateway.reports.scope import Scope
from gateway.routing.calendars import Schedules
from gateway.routing.settings import HoursSettings

MOSCOW = ZoneInfo("Europe/Moscow")
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 29)
START = datetime(2026, 11, 15, 21, 0, tzinfo=UTC)
"""Midnight of FIRST in Moscow."""
END = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
_DAY = ("09:00-18:00",)
HOURS = Schedules.of(
    HoursSettings(mon=_DAY, tue=_DAY, wed=_DAY, thu=_DAY, fri=_DAY), timezone="Europe/Moscow", region="RU"
)


def scope(**changes: Any) -> Scope:
    values: dict[str, Any] = {"first": FIRST, "last": LAST, "zone": MOSCOW, "now": NOW, "hours_of": HOURS.of_line}
    return Scope(**{**values, **changes})


def call(number: int = 1, **changes: Any) -> CallFact:
    values: dict[str, Any] = {
        "id": f"c{number}", "at": NOW, "outcome": "answered", "reason": None, "line": "+74950000001", "queue": None,
        "contact_id": "p1", "manager_id": "m1", "after_hours": False, "wait": 5.0, "talk": 60.0,
    }  # fmt: skip
    return CallFact(**{**values, **changes})


def duty(number: int = 1, **changes: Any) -> DutyFact:
    values: dict[str, Any] = {
        "id": f"d{number}", "at": NOW - timedelta(hours=2), "state": "open", "reason": "no_answer", "channel": "call",
        "line": None, "owner_id": "m1", "contact_id": "p1", "tries": 1, "attempts": 0,
        "due_at": NOW - timedelta(hours=1), "in_time": None, "closed_at": None, "after_hours": False,
    }  # fmt: skip
    return DutyFact(**{**values, **changes})


def lead(number: int = 1, **changes: Any) -> LeadFact:
    values: dict[str, Any] = {
        "id": f"l{number}", "at": NOW - timedelta(days=1), "channel": "call", "status": "open", "stage": "new",
        "manager_id": "m1", "contact_id": "p1", "source": "yandex", "has_utm": True, "medium": "cpc", "campaign": None,
        "line": None, "after_hours": False, "amount": None, "currency": None, "closed_at": None, "answered_at": None,
    }  # fmt: skip
    return LeadFact(**{**values, **changes})


moments = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None) - timedelta(seconds=1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
managers = st.sampled_from([None, "m1", "m2", "m3"])


@st.composite
def some_calls(draw: st.DrawFn) -> list[CallFact]:
    def one(number: int) -> CallFact:
        outcome = draw(st.sampled_from(["answered", "missed", "no_answer", "busy", None]))
        return call(
            number,
            at=draw(moments),
            outcome=outcome,
            line=draw(st.sampled_from([None, "+74950000001", "+74950000002"])),
            contact_id=draw(st.sampled_from([None, "p1", "p2", "p3"])),
            after_hours=draw(st.sampled_from([None, True, False])),
            wait=draw(st.none() | st.floats(0, 600)),
            talk=draw(st.none() | st.floats(0, 600)),
        )

    return [one(number) for number in range(draw(st.integers(0, 25)))]


@st.composite
def some_duties(draw: st.DrawFn) -> list[DutyFact]:
    def one(number: int) -> DutyFact:
        at = draw(moments)
        state = draw(st.sampled_from(["open", "claimed", "attempted", "reached_by_us", "reached_by_client", "closed"]))
        over = state in {"reached_by_us", "reached_by_client", "closed"}
        closed_at = at + draw(st.timedeltas(timedelta(0), timedelta(days=3))) if over else None
        due_at = at + draw(st.timedeltas(timedelta(0), timedelta(days=1)))
        return duty(
            number,
            at=at,
            state=state,
            owner_id=draw(managers),
            tries=draw(st.integers(1, 9)),
            attempts=draw(st.integers(0, 4)),
            due_at=due_at,
            closed_at=closed_at,
            in_time=closed_at <= due_at if closed_at and state != "closed" else None,
            after_hours=draw(st.sampled_from([None, True, False])),
        )

    return [one(number) for number in range(draw(st.integers(0, 25)))]


@st.composite
def some_leads(draw: st.DrawFn) -> list[LeadFact]:
    def one(number: int) -> LeadFact:
        at = draw(moments)
        return lead(
            number,
            at=at,
            channel=draw(st.sampled_from(["call", "mail", "form"])),
            status=draw(st.sampled_from(["open", "won", "lost", "spam"])),
            manager_id=draw(managers),
            contact_id=draw(st.sampled_from([None, "p1"])),
            source=draw(st.sampled_from([None, "yandex", "site"])),
            has_utm=draw(st.booleans()),
            amount=draw(st.none() | st.integers(0, 10**9)),
            currency=draw(st.sampled_from([None, "RUB", "RUB", "USD"])),
            answered_at=draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda late: at + late)),
        )

    return [one(number) for number in range(draw(st.integers(0, 25)))]
