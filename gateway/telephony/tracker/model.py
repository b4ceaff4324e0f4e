"""The things that a call is made of: channels, bridges, transfers, and the call itself.

Plain slotted objects that only hold facts; the handlers of each family of events change them, ``summary`` reads them.
Five thousand calls may be open at once, so an object keeps what a record needs and no event.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.telephony.record import TransferKind

RING = 4
RINGING = 5
UP = 6
"""Channel states (include/asterisk/channelstate.h): calling, being rung, answered."""


@dataclass(slots=True, eq=False)
class Channel:
    """One leg on the PBX: a phone, a trunk line, or half of a Local channel."""

    uniqueid: str
    name: str
    technology: str
    endpoint: str
    half: int
    """1 or 2 for a Local channel, which is no phone; 0 for any other."""
    context: str
    """The context it was born in: for SIP the endpoint's own."""
    exten: str
    """What it dialled, if it is a caller; else the dialplan's word."""
    number: str
    """Caller id at birth."""
    caller_name: str
    trunk: bool | None
    """Whether it leads outside; None when nothing tells."""
    person: bool
    """Whether somebody may sit behind it: no Local channel, no announcer, no robot."""
    call: Call
    born_at: float
    """Seconds since the epoch."""
    state: int = 0
    effective_number: str = ""
    """Caller id as the dialplan last set it before it dialled."""
    withheld: bool = False
    """The number came along, marked as not to be shown."""
    dialled: bool = False
    """It was called by the PBX; else it is a caller."""
    dial_number: str | None = None
    """The number in the dial string that made it."""
    stage: int = 0
    """How many stages its call had gone through when it was dialled."""
    rang: bool = False
    dial_status: str = ""
    """The first final DialStatus; ANSWER wins over any other."""
    cause: int | None = None
    """Hangup cause (Q.850)."""
    tech_cause: str = ""
    """What the channel driver said: a SIP code. Asterisk 20.19 and 22.7 on."""
    talked: bool = False
    bridge: Bridge | None = None
    left: Bridge | None = None
    """The bridge it left without having been seen to enter."""
    hung_up_at: float | None = None
    requested: bool = False
    """Its own far end hung up (``HangupRequest``)."""
    last_app: str = ""

    @property
    def alive(self) -> bool:
        """Not hung up yet."""
        return self.hung_up_at is None


@dataclass(slots=True, eq=False)
class Bridge:
    """A place where channels hear each other."""

    uniqueid: str
    talks: bool = True
    """False for a holding bridge: parking and the like, where nobody hears anybody."""
    joins_calls: bool = True
    """False for a conference room: its guests stay calls of their own."""
    members: list[Channel] = field(default_factory=list)
    unseen: list[Channel] = field(default_factory=list)
    """Who left without having been seen to enter: the gateway came later than they did."""


@dataclass(slots=True)
class PendingTransfer:
    """A transfer, and whom the transferred person may meet without it counting as answered."""

    kind: TransferKind
    by: str | None
    to: str | None
    key: tuple[str, ...]
    """Tells a report of the same transfer from another transfer."""
    known: tuple[str, ...]
    """Uniqueids of the transferring channels."""
    answered: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """All channels of one conversation and its attempts, whatever their linkedids."""

    linkedid: str
    started_at: float
    serial: int
    """Order of arrival; ids are not ordered as text."""
    linkedids: list[str] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    originated: bool = False
    """The PBX called the first channel (click to call)."""
    target: str | None = None
    """What an originated call was connected to."""
    request: str | None = None
    """Which wish for a call it came from (click to call of ours)."""
    did: str | None = None
    """The dialled number from a variable, where the trunk sends everything to ``s``."""
    stages: list[str] = field(default_factory=list)
    """What the caller went through, see ``channels.STAGES``."""
    caller_hung_up: bool = False
    answered: bool = False
    answered_at: float | None = None
    answered_by: str | None = None
    outside: Channel | None = None
    """The outside person's channel once it talks; None between colleagues."""
    talking_since: float | None = None
    talked: float = 0.0
    """Seconds, without the running conversation."""
    rang: list[str] = field(default_factory=list)
    transfers: list[PendingTransfer] = field(default_factory=list)
    queue: str | None = None
    queue_channel: str = ""
    """Uniqueid of the channel that waits in the queue."""
    queue_joined: bool = False
    queue_result: str = ""
    """``waiting``, ``abandoned``, ``timeout``, ``empty`` or ``connected``."""
    recording: str | None = None
    recording_exact: bool = False
    """The path came from MixMonitor itself, not from the dialplan's argument."""
    voicemail: bool = False
    gap: bool = False
    shown: int = 0
    """The phase last reported: 0 none, 1 ringing, 2 answered."""
    ended_at: float | None = None
    quiet_since: float = 0.0
    """Receive time of the last hangup."""

    @property
    def root(self) -> Channel | None:
        """The channel that began it: the one whose own id is the call's; else the first caller, else the first leg."""
        first = None
        for channel in self.channels:
            if not channel.person:
                continue
            if channel.uniqueid == self.linkedid:
                return channel
            if first is None or (first.dialled and not channel.dialled and not self.originated):
                first = channel
        return first
