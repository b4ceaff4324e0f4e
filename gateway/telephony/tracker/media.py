"""Recordings and other facts that come as channel variables.

MixMonitor sets MIXMONITOR_FILENAME to the full path; where VarSet is not read, the argument in the dialplan has to do.
"""

from __future__ import annotations

from gateway.core.outcalls import CALL_VARIABLE
from gateway.telephony.tracker.model import Call
from gateway.telephony.tracker.queue import queue_status
from gateway.telephony.tracker.state import Event, State

VARIABLES = frozenset({"MIXMONITOR_FILENAME", "QUEUESTATUS", "FROM_DID", "__FROM_DID", CALL_VARIABLE})
"""The channel variables whose VarSet is worth reading."""
_LONGEST_ID = 36
"""Characters of a UUID."""


def varset(state: State, event: Event) -> None:
    """A channel variable changes."""
    name = event.get("Variable", "")
    if name not in VARIABLES:
        return
    channel = state.known(event)
    value = event.get("Value", "")
    if channel is None or not value:
        return
    call = channel.call
    if name == "MIXMONITOR_FILENAME":
        if not call.recording_exact:
            call.recording, call.recording_exact = value, True
    elif name == "QUEUESTATUS":
        queue_status(call, value)
    elif name == CALL_VARIABLE:
        call.request = call.request or value[:_LONGEST_ID]
    else:
        call.did = call.did or value


def monitor_started(call: Call, arguments: str) -> None:
    """The dialplan starts MixMonitor: ``1795308.1.wav,b(…)``."""
    file = arguments.partition(",")[0]
    if file and call.recording is None:
        call.recording = file
