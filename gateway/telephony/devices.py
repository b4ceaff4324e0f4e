"""How each telephone is: free, in use, or not to be reached. From the PBX's own events, for those who route calls.

``DeviceStateChange`` (class call, Asterisk 12 and newer) says it of each change, the action ``DeviceStateList`` of all
at the begin of a session. Where the account may not ask, a telephone is unknown until it first changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused

EVENT = "DeviceStateChange"
LIST_ACTION = "DeviceStateList"
LIST_END = "DeviceStateListComplete"
MOST = 20_000
"""Telephones of one PBX that are remembered."""

_TECHNOLOGIES = frozenset({"PJSIP", "SIP", "IAX2", "SCCP", "DAHDI", "MGCP", "UNISTIM"})
"""Kinds of channels that are telephones; Custom, Queue, MeetMe and confbridge states are none."""
_STATES = {
    "NOT_INUSE": "free",
    "INUSE": "busy",
    "BUSY": "busy",
    "RINGING": "busy",
    "RINGINUSE": "busy",
    "ONHOLD": "busy",
    "UNAVAILABLE": "off",
    "INVALID": "off",
}
"""``ast_devstate2str`` (main/devicestate.c); UNKNOWN is left out: a telephone that nobody watches has it too."""


class DeviceStates:
    """The telephones of one PBX."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}

    def state_of(self, extension: str) -> str | None:
        """``free``, ``busy``, ``off``; None where nothing is known."""
        return self._states.get(extension)

    def feed(self, event: Mapping[str, str]) -> None:
        """Take one event; others than `EVENT` are nothing to it."""
        if event.get("Event") != EVENT:
            return
        technology, _, name = event.get("Device", "").partition("/")
        extension = name.partition("@")[0]
        state = _STATES.get(event.get("State", ""))
        if technology not in _TECHNOLOGIES or not extension:
            return
        if state is None:
            self._states.pop(extension, None)
        elif extension in self._states or len(self._states) < MOST:
            self._states[extension] = state

    def forget(self) -> None:
        """The connection is lost: nobody knows any more."""
        self._states.clear()

    async def ask(self, connection: AmiConnection) -> None:
        """All states now. Raises AmiTimeout and AmiClosed."""
        try:
            listed = await connection.listing(LIST_ACTION)
        except ActionRefused:  # an older Asterisk, or an account without the right: they come with their changes
            return
        for event in listed:
            self.feed(event)


class AllDevices:
    """The telephones of all PBXs; an extension that two have is the first one's who knows it."""

    def __init__(self, pbxs: Iterable[DeviceStates] = ()) -> None:
        self._pbxs = list(pbxs)

    def add(self, states: DeviceStates) -> None:
        """One PBX more."""
        self._pbxs.append(states)

    def state_of(self, extension: str) -> str | None:
        """``free``, ``busy``, ``off``; None where nothing is known."""
        return next((state for pbx in self._pbxs if (state := pbx.state_of(extension)) is not None), None)
