"""AMI Redirect of a caller to his manager, for a PBX whose dialplan must stay as it is.

A call from outside is asked about when its channel is born, and moved when the answer comes before anybody's phone
rang. Whatever goes wrong, the call goes on where the dialplan leads it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.core.errors import LeadgateError
from gateway.core.phone import is_withheld
from gateway.telephony.lines import LineRules
from gateway.telephony.tracker.names import parse_channel

log = logging.getLogger(__name__)

RING, RINGING, UP = "4", "5", "6"
"""ast_channel_state: a caller at our side, a phone that rings, a line that is open."""
STALE = timedelta(seconds=1)
"""What the gateway reads so late (after a reconnect) is asked about no more: somebody's phone rings since long."""
NO_NUMBER = "s"
"""The extension of lines that don't say what was dialled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A caller who has just come in from outside."""

    channel: str
    """Its full name, as ``PJSIP/mango-00000017``."""
    call: str
    """Linkedid of the call, which is the channel's Uniqueid."""
    caller: str | None
    """As the line sent it; None when withheld."""
    dialled: str | None


Ask = Callable[[Arrival], Awaitable[str | None]]
"""The extension that this caller shall ring; None: leave him alone. Never raises, and answers in a bounded time."""
Move = Callable[[Arrival, str], Awaitable[None]]
"""Sends the channel to the extension. Raises LeadgateError."""


def arrival_of(event: Mapping[str, str], lines: LineRules) -> Arrival | None:
    """The caller whose channel this Newchannel is; None for a phone of ours, for a leg of a call that is there already
    and for a call that the PBX makes."""
    uniqueid = event.get("Uniqueid", "")
    if event.get("Event") != "Newchannel" or event.get("ChannelState") != RING or not uniqueid:
        return None
    if event.get("Linkedid", uniqueid) != uniqueid:
        return None
    channel = event.get("Channel", "")
    technology, endpoint, half, _ = parse_channel(channel)
    context = event.get("Context", "")
    if not endpoint or half or lines.is_robot(technology, endpoint):
        return None
    if not lines.is_trunk(technology, endpoint, context):
        return None
    number, dialled = event.get("CallerIDNum", ""), event.get("Exten", "")
    return Arrival(
        channel=channel,
        call=uniqueid,
        caller=None if is_withheld(number) else number,
        dialled=dialled if dialled not in ("", NO_NUMBER) else None,
    )


@dataclass(slots=True, eq=False)
class Redirects:
    """Listens to one PBX. All on the event loop; ``feed`` never waits."""

    lines: LineRules
    ask: Ask
    move: Move
    now: Callable[[], datetime]
    _here: dict[str, bool] = field(default_factory=dict)
    """Calls from outside that are on the PBX -> whether nobody's phone has rung yet."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def feed(self, event: Mapping[str, str], at: datetime) -> None:
        """Take one event, received at ``at``."""
        kind = event.get("Event")
        if kind == "Newchannel":
            self._arrived(event, at)
        elif kind == "Newstate" and event.get("ChannelState") in (RINGING, UP):
            self._reached(event)
        elif kind == "BridgeEnter":
            self._taken(event.get("Linkedid", ""))
        elif kind == "Hangup":
            self._here.pop(event.get("Uniqueid", ""), None)

    def forget(self) -> None:
        """The connection is gone: nobody knows what is on the PBX now."""
        self._here.clear()
        for task in self._tasks:
            task.cancel()

    def _arrived(self, event: Mapping[str, str], at: datetime) -> None:
        arrival = arrival_of(event, self.lines)
        if arrival is None or arrival.call in self._here:
            return
        self._here[arrival.call] = True
        if self.now() - at > STALE:
            return
        task = asyncio.create_task(self._send(arrival), name=f"redirect:{arrival.call}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reached(self, event: Mapping[str, str]) -> None:
        """A phone rings or is lifted. The caller's own line may be opened by a greeting: that is nobody yet."""
        call = event.get("Linkedid", "")
        if event.get("Uniqueid") != call:
            self._taken(call)

    def _taken(self, call: str) -> None:
        if call in self._here:
            self._here[call] = False

    async def _send(self, arrival: Arrival) -> None:
        try:
            extension = await self.ask(arrival)
            if extension and self._here.get(arrival.call):
                self._here[arrival.call] = False
                await self.move(arrival, extension)
        except LeadgateError as error:
            extra = {"action": "not_redirected", "channel": arrival.channel, "reason": str(error)}
            log.warning("A caller was not sent to his manager: the call goes on as without Leadgate.", extra=extra)
        except Exception:
            log.exception("Sending a caller to his manager failed.", extra={"action": "redirect_failed"})
