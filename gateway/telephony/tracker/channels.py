"""Birth, state, dialplan steps, caller id and death of channels.

Events: Newchannel, Newstate, Newexten, NewCallerid, Rename, HangupRequest, Hangup (class ``call``; Newexten is
``dialplan`` since Asterisk 16, and not every manager account may read that).
"""

from __future__ import annotations

from gateway.telephony.tracker import bridges, media
from gateway.telephony.tracker.model import RINGING, UP, Channel
from gateway.telephony.tracker.names import public_number
from gateway.telephony.tracker.queue import leave_by_dialplan, step_into_queue
from gateway.telephony.tracker.state import Event, State

STAGES = {
    "dial": "dial", "followme": "dial", "page": "dial", "retrydial": "dial", "queue": "queue",
    "background": "ivr", "waitexten": "ivr", "read": "ivr", "readexten": "ivr", "disa": "ivr", "directory": "ivr",
    "backgrounddetect": "ivr", "speechbackground": "ivr", "agi": "program", "eagi": "program", "deadagi": "program",
    "externalivr": "program", "stasis": "program", "playback": "announcement", "controlplayback": "announcement",
    "wait": "announcement", "musiconhold": "announcement", "playtones": "announcement", "saydigits": "announcement",
    "saynumber": "announcement", "zapateller": "announcement", "busy": "busy", "congestion": "refused",
    "voicemail": "voicemail", "minivmrecord": "voicemail",
}  # fmt: skip
"""Dialplan application -> what the caller went through, as far as it tells why nobody answered."""

_HANGUP_HANDLER = "h"
"""The extension that runs when a call is over."""


def newchannel(state: State, event: Event) -> None:
    """A channel is born."""
    channel = state.born(event)
    if channel is None:
        state.adopt(event)


def newstate(state: State, event: Event) -> None:
    """A channel rings or is answered."""
    channel = state.adopt(event)
    if channel is None or not channel.person:
        return
    if channel.state == RINGING:
        mark_rung(state, channel)
    elif channel.state == UP and channel.bridge is not None:
        bridges.review(state, channel.call)


def mark_rung(state: State, channel: Channel) -> None:
    """A person's phone rings."""
    if not channel.rang and channel.person:
        channel.rang = True
        state.touched[channel.call] = None


def newexten(state: State, event: Event) -> None:
    """A channel takes one step in the dialplan."""
    if event.get("Extension") == _HANGUP_HANDLER:
        return
    channel = state.adopt(event)
    if channel is None:
        return
    application = event.get("Application", "").lower()
    call = channel.call
    if application == "mixmonitor":
        media.monitor_started(call, event.get("AppData", ""))
    stage = STAGES.get(application)
    if stage == "voicemail":
        call.voicemail = True
    if application.startswith("app") or channel is not call.root:  # AppDial, AppDial2, AppQueue: being dialled, no step
        return
    channel.last_app = application
    if channel.dialled and call.target is None:
        call.target = _target(event.get("Extension", ""))
    if call.queue_channel == channel.uniqueid and stage != "queue":
        leave_by_dialplan(call)
    if stage == "queue":
        step_into_queue(call, channel, event.get("AppData", "").partition(",")[0])
    if stage is not None and (not call.stages or call.stages[-1] != stage):
        call.stages.append(stage)


def _target(extension: str) -> str | None:
    """Where click to call connects the manager; ``s`` and the like are no destination."""
    return extension if len(extension) > 1 and extension[0] in "+*#0123456789" else None


def new_callerid(state: State, event: Event) -> None:
    """The dialplan, or the line, sets a channel's caller id."""
    channel = state.known(event)
    if channel is None or channel.state == UP:
        return
    channel.effective_number = event.get("CallerIDNum", "")
    if not channel.dialled and "Prohibited" in event.get("CID-CallingPres", ""):
        channel.withheld = True
    elif public_number(channel.number, state.region) is None and not channel.caller_name:
        channel.caller_name = event.get("CallerIDName", "")


def rename(state: State, event: Event) -> None:
    """Masquerade: another name for the same leg."""
    channel = state.known(event)
    if channel is not None:
        state.rename(channel, event.get("Newname", ""))


def hangup_request(state: State, event: Event) -> None:
    """A channel's far end hung up; for the caller's that says who ended the call."""
    channel = state.known(event)
    if channel is not None:
        channel.requested = True
        if channel is channel.call.root and not channel.dialled:
            channel.call.caller_hung_up = True


def hangup(state: State, event: Event) -> None:
    """A channel ends. One that was never known says too little to make a call of."""
    channel = state.known(event)
    if channel is None:
        return
    cause = event.get("Cause", "")
    channel.cause = int(cause) if cause.isdecimal() else None
    channel.tech_cause = event.get("TechCause", "")
    bridges.leave(state, channel)
    state.hang_up(channel)
    bridges.review(state, channel.call)
