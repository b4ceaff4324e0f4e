"""What opens a lead, what joins one, what touches none."""

from __future__ import annotations

import pytest

from gateway.core.types import Direction, Kind
from gateway.leads.life import Step, decide

IN, OUT, WITHIN = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL


@pytest.mark.parametrize(
    ("direction", "kind", "has_lead", "step"),
    [
        (IN, Kind.MESSAGE, False, Step.OPEN),
        (IN, Kind.MESSAGE, True, Step.JOIN),
        (OUT, Kind.MESSAGE, False, Step.NOTHING),
        (OUT, Kind.MESSAGE, True, Step.JOIN),
        (WITHIN, Kind.MESSAGE, False, Step.NOTHING),
        (WITHIN, Kind.MESSAGE, True, Step.NOTHING),
        (IN, Kind.SPAM, False, Step.NOTHING),
        (IN, Kind.SPAM, True, Step.NOTHING),
        (IN, Kind.TEST, False, Step.NOTHING),
        (IN, Kind.BULK, True, Step.NOTHING),
        (IN, Kind.AUTO_REPLY, False, Step.NOTHING),
        (IN, Kind.AUTO_REPLY, True, Step.JOIN),
        (IN, Kind.BOUNCE, False, Step.NOTHING),
        (IN, Kind.BOUNCE, True, Step.JOIN),
    ],
)
def test_what_an_interaction_does(direction: Direction, kind: Kind, has_lead: bool, step: Step) -> None:
    assert decide(direction, kind, has_lead=has_lead, open_for_outbound=False) is step


def test_our_own_calls_open_leads_only_where_configured() -> None:
    assert decide(OUT, Kind.MESSAGE, has_lead=False, open_for_outbound=True) is Step.OPEN
    assert decide(OUT, Kind.AUTO_REPLY, has_lead=False, open_for_outbound=True) is Step.NOTHING
