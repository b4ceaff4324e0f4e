"""What the rows of one call say about each channel as a whole. A CEL row alone does not tell whether its channel was
called or calls, and a phone's ringing is in no row at all; seen from the end of the call both are plain. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.telephony.history.rows import CelRow
from gateway.telephony.tracker.labels import BUSY_CAUSE, NO_ANSWER_CAUSE, UNREACHABLE_CAUSES
from gateway.telephony.tracker.names import ChannelName, parse_channel

RANG_SECONDS = 1.0
"""A phone that ended with "no answer" rang if it lived so long; one that is off ends at once."""
GAVE_UP_SECONDS = 1.0
"""A phone that ends so shortly around its caller was given up by him; else its time was over."""

_DIGITS = re.compile(r"\+?[0-9]{2,}")


@dataclass(slots=True, eq=False)
class Story:
    """One channel, from its first row to its last."""

    uniqueid: str
    channel: str
    name: ChannelName
    own_call: bool
    """It was born with a linkedid of its own: it calls, or the PBX began the call with it."""
    born_at: float
    last_at: float
    exten: str
    outgoing: bool = False
    """A row shows it as AppDial, AppDial2 or AppQueue: it was called."""
    originated: bool = False
    """The PBX called it to begin a call (click to call, call files)."""
    queue: bool = False
    """A queue called it."""
    answered: bool = False
    number: str = ""
    """Its last caller id number: of a called one, the number that was called."""
    cause: int | None = None
    hung_up_at: float | None = None
    hung_up_itself: bool = False
    dialstatus: str = ""
    dials: tuple[str, ...] = ()
    """The arguments of its Dial steps."""

    @property
    def dialled(self) -> bool:
        """Whether it was called."""
        return self.originated or not self.own_call

    @property
    def rang(self) -> bool:
        """Whether it rang: it was called, and did not fail at once."""
        if self.answered:
            return True
        if self.cause == BUSY_CAUSE or self.cause in UNREACHABLE_CAUSES:
            return False
        return self.cause != NO_ANSWER_CAUSE or self.last_at - self.born_at >= RANG_SECONDS


def stories_of(rows: Iterable[CelRow]) -> dict[str, Story]:
    """By uniqueid, in the order of birth."""
    found: dict[str, Story] = {}
    for row in rows:
        story = found.get(row.uniqueid)
        if story is None:
            story = found[row.uniqueid] = Story(
                uniqueid=row.uniqueid, channel=row.channel, name=parse_channel(row.channel),
                own_call=row.uniqueid == row.linkedid, born_at=row.at, last_at=row.at, exten=row.exten,
            )  # fmt: skip
            # half 1 of a Local channel is always called by something; where it began the call, by the PBX
            story.originated = story.own_call and story.name.half == 1
        _continue(story, row)
    return found


def _continue(story: Story, row: CelRow) -> None:
    application = row.application.lower()
    story.last_at = max(story.last_at, row.at)
    story.number = row.number or story.number
    story.outgoing |= application.startswith("app")
    story.originated |= application == "appdial2" and story.own_call
    story.queue |= application == "appqueue"
    if application == "dial" and row.arguments and row.arguments not in story.dials:
        story.dials = (*story.dials, row.arguments)
    if row.kind == "ANSWER":
        story.answered = True
    elif row.kind == "HANGUP":
        story.cause = _number(row.extra.get("hangupcause"))
        story.hung_up_at = row.at
        story.hung_up_itself = row.extra.get("hangupsource") == row.channel
        story.dialstatus = str(row.extra.get("dialstatus") or "")


def dial_string(story: Story, all_stories: Iterable[Story]) -> str:
    """What was dialled to make this channel: the part of a Dial that names it, else the number that it shows."""
    technology, endpoint = story.name.technology, story.name.endpoint
    for other in all_stories:
        for arguments in other.dials:
            for part in arguments.split(",")[0].split("&"):
                kind, _, rest = part.partition("/")
                if kind == technology and endpoint in re.split(r"[@/]", rest):
                    return rest
    return story.number if _DIGITS.fullmatch(story.number) else ""


def dial_status(story: Story, caller: Story | None) -> str:
    """How the ringing of an unanswered phone ended, in the words of DialEnd."""
    if story.cause == BUSY_CAUSE:
        return "BUSY"
    if story.cause in UNREACHABLE_CAUSES:
        return "CHANUNAVAIL"
    if caller is not None and caller.hung_up_itself and _together(story, caller):
        return "CANCEL"
    return "NOANSWER"


def caller_of(stories: Mapping[str, Story], rows: Sequence[CelRow]) -> Story | None:
    """The channel that began the call: the one whose own id is the call's."""
    named = stories.get(rows[0].linkedid)
    return named or next((story for story in stories.values() if story.own_call), None)


def _together(story: Story, caller: Story) -> bool:
    ends = (story.hung_up_at, caller.hung_up_at)
    return ends[0] is not None and ends[1] is not None and abs(ends[0] - ends[1]) <= GAVE_UP_SECONDS


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else int(value) if isinstance(value, str) and value.isdecimal() else None
