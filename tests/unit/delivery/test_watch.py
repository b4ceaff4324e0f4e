"""When a CRM counts as late, and in which words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.delivery.events import wanted
from gateway.delivery.outbox import Backlog
from gateway.delivery.settings import CrmSettings
from gateway.delivery.watch import lateness, spoken
from tests.support.clock import MONDAY


def backlog(minutes: float | None, waiting: int = 1) -> Backlog:
    """What waits, the oldest for so long."""
    oldest = None if minutes is None else MONDAY - timedelta(minutes=minutes)
    return Backlog(crm="office", waiting=waiting, sending=0, held=0, dead=3, oldest=oldest)


@pytest.mark.parametrize(
    ("found", "alarm", "words"),
    [
        (None, 60, ""),
        (backlog(None), 60, ""),
        (backlog(59), 60, ""),
        (backlog(61), 60, "1 delivery waits, the oldest for 1 h 1 min"),
        (backlog(61, 12), 60, "12 deliveries wait, the oldest for 1 h 1 min"),
        (backlog(100_000), 0, ""),
    ],
)
def test_a_crm_is_late_when_its_oldest_delivery_waits_for_longer_than_it_may(
    found: Backlog | None, alarm: int, words: str
) -> None:
    crm = CrmSettings(name="office", adapter="memory", alarm_minutes=alarm)
    assert str(lateness(found, crm, MONDAY)) == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(5, "5 min"), (60, "1 h 0 min"), (1439, "23 h 59 min"), (1500, "1 d 1 h")]
)
def test_an_age_is_spoken_shortly(minutes: int, words: str) -> None:
    assert str(spoken(timedelta(minutes=minutes))) == words


@pytest.mark.parametrize(
    ("patterns", "event", "is_wanted"),
    [
        (("*",), "call.finished", True),
        (("*",), "call.ringing", False),
        (("call.*",), "call.answered", False),
        (("*", "call.ringing"), "call.ringing", True),
    ],
)
def test_news_of_the_moment_go_only_to_who_names_them(patterns: tuple[str, ...], event: str, is_wanted: bool) -> None:
    assert wanted(patterns, event) is is_wanted
