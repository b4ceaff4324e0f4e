"""What a scenario is, and the words in which its truth is told: what a person beside both phones would say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.peers.asterisk.stage import Stage

Truth = dict[str, Any]
"""Fields of the public call record."""
Drive = Callable[[Stage], Coroutine[Any, Any, None]]
Judge = Callable[[Stage], Truth | list[Truth]]

DIRECT, TRANSFERABLE, GROUP, QUEUE, AFTER_HOURS, MENU, VOICEMAIL, RECORDED, UNSERVED = range(1, 10)
FREE_ANNOUNCEMENT, EMPTY_QUEUE, QUEUE_WITH_KEY, MOBILE, CONFERENCE, GREETING, NO_PHONE, ROUTED, FREEPBX = range(11, 20)
FOLLOWED, ROBOT = 21, 22
"""The behaviours of our public numbers, see conf/pbx/extensions.conf."""


ROBOTS = ("PJSIP/??9",)
"""What the gateway's configuration must call robots: phone 9 of each team."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call (or what belongs together) and what must be said about it."""

    name: str
    team: int
    drive: Drive
    truth: Judge

    def truths(self, stage: Stage) -> list[Truth]:
        """One for each call that must be reported, and no call beside them."""
        told = self.truth(stage)
        return told if isinstance(told, list) else [told]


class Repertoire(list[Scenario]):
    """Scenarios that are played side by side: each has a team of phones of its own."""

    def play(self, team: int, truth: Judge) -> Callable[[Drive], Drive]:
        """Add the decorated function, which drives the phones."""

        def add(drive: Drive) -> Drive:
            self.append(Scenario(drive.__name__, team, drive, truth))
            return drive

        return add


def inbound(stage: Stage, behaviour: int, **more: object) -> Truth:
    """The outside person called."""
    return {"direction": "inbound", "caller": f"+{stage.caller}", "dialled": f"+{stage.did(behaviour)}", **more}


def answered(stage: Stage, behaviour: int, by: int = 1, **more: object) -> Truth:
    """He spoke with the owner of phone ``by``."""
    spoke = {"answered": True, "outcome": "answered", "missed_reason": None, "answered_by": stage.phone(by)}
    return inbound(stage, behaviour, **(spoke | more))


def missed(stage: Stage, behaviour: int, reason: str, **more: object) -> Truth:
    """He spoke with nobody."""
    silent = {
        "answered": False,
        "outcome": "missed",
        "missed_reason": reason,
        "answered_by": None,
        "talk_seconds": None,
    }
    return inbound(stage, behaviour, **(silent | more))


def transfer(stage: Stage, kind: str, *, arrived: bool = True) -> Truth:
    """The first phone sent the caller to the third."""
    return {"kind": kind, "by": stage.phone(1), "to": stage.phone(3), "answered": arrived}


def outbound(stage: Stage, **more: object) -> Truth:
    """The first phone called the customer."""
    return {"direction": "outbound", "caller": stage.phone(1), "dialled": f"+{stage.customer}", **more}


def reached(stage: Stage) -> Truth:
    """And spoke with him."""
    return outbound(stage, answered=True, outcome="answered", answered_by=f"+{stage.customer}", missed_reason=None)


def not_reached(stage: Stage, outcome: str) -> Truth:
    """And did not speak with him."""
    return outbound(stage, answered=False, outcome=outcome, answered_by=None)


def internal(stage: Stage, **more: object) -> Truth:
    """The second phone called the first."""
    return {"direction": "internal", "caller": stage.phone(2), "dialled": stage.phone(1), **more}


async def click(stage: Stage, *, seconds: int = 20) -> None:
    """Click to call: the PBX calls phone 1 for so long, then the customer."""
    await stage.pbx.action(
        "Originate", Channel=f"PJSIP/{stage.phone(1)}", Context="from-internal", Exten=stage.customer, Priority="1",
        CallerID=f"<{stage.customer}>", Timeout=str(seconds * 1000), Async="true",
    )  # fmt: skip
