"""What /health says of a state, and when it is 503."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.core.ports import SourceHealth
from gateway.core.sentences import Sentence
from gateway.web.health import Backlog, DatabaseStatus, Status, health_view
from tests.support.clock import MONDAY

GOOD = Status(database=DatabaseStatus(ok=True, engine="SQLite 3.51.3"))
DOWN = SourceHealth(name="ami:office", ok=False, state="refused", detail=Sentence("The PBX refused the password."))


@pytest.mark.parametrize(
    ("changes", "word", "said"),
    [
        ({}, "ok", None),
        ({"sources": (DOWN,)}, "degraded", "ami:office: The PBX refused the password."),
        ({"spool": Backlog(count=3)}, "degraded", "3 items wait in the spool"),
        ({"journal_aside": 1}, "degraded", "set aside"),
        ({"journal": Backlog(count=9, oldest_at=MONDAY - timedelta(minutes=7))}, "degraded", "oldest for 7 min"),
        ({"journal": Backlog(count=900, oldest_at=MONDAY - timedelta(minutes=4))}, "ok", None),
        ({"outbox_held": 2}, "degraded", "2 deliveries are held"),
        ({"outbox_dead": 2}, "degraded", "given up"),
        ({"outbox": Backlog(count=5)}, "ok", None),
        ({"database": DatabaseStatus(ok=False, engine="", detail=Sentence("No disk."))}, "failing", "No disk."),
        ({"database": DatabaseStatus(ok=True, engine="SQLite 3.40.1", warnings=(Sentence("Old."),))}, "ok", None),
    ],
)
def test_each_degradation_is_said_in_words(changes: dict[str, Any], word: str, said: str | None) -> None:
    view = health_view(msgspec.structs.replace(GOOD, **changes), MONDAY)
    assert view.status == word
    if said is None:
        assert view.problems == []
    else:
        assert said in view.problems[0]


def test_ages_are_told_beside_moments() -> None:
    source = SourceHealth(name="smtp", ok=True, state="listening", last_event_at=MONDAY - timedelta(seconds=90))
    status = msgspec.structs.replace(
        GOOD, sources=(source,), outbox=Backlog(count=1, oldest_at=MONDAY - timedelta(hours=1))
    )
    view = health_view(status, MONDAY)
    assert view.sources[0].last_event_age_seconds == 90
    assert view.outbox.oldest_age_seconds == 3600
    assert view.spool.oldest_age_seconds is None


def test_a_clock_that_was_set_back_gives_no_negative_age() -> None:
    source = SourceHealth(name="smtp", ok=True, state="listening", last_event_at=MONDAY + timedelta(seconds=5))
    view = health_view(msgspec.structs.replace(GOOD, sources=(source,)), MONDAY)
    assert view.sources[0].last_event_age_seconds == 0
