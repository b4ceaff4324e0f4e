"""Which channels, bridges and waiting callers a demo PBX has now, kept from the events that it sends."""

from __future__ import annotations

from collections.abc import Mapping

Headers = Mapping[str, str]

_SNAPSHOT = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)  # fmt: skip
"""The headers that Asterisk writes for a channel wherever one is named."""


class Switchboard:
    """The state that list actions answer from."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, str]] = {}
        self._born: dict[str, float] = {}
        self._bridges: dict[str, dict[str, str]] = {}
        self._members: dict[str, list[str]] = {}
        self._waiting: dict[tuple[str, str], tuple[dict[str, str], float]] = {}

    def apply(self, event: Headers, now: float) -> None:
        """Take in an event that is sent at ``now`` (any clock in seconds)."""
        uniqueid, name = event.get("Uniqueid", ""), event.get("Event")
        if name == "Newchannel":
            self._channels[uniqueid] = {}
            self._born[uniqueid] = now
        for prefix in ("", "Dest"):
            known = self._channels.get(event.get(prefix + "Uniqueid", ""))
            if known is not None:
                known.update({key: event[prefix + key] for key in _SNAPSHOT if prefix + key in event})
        if name == "Hangup":
            self._hang_up(uniqueid)
        elif name in ("BridgeCreate", "BridgeDestroy", "BridgeEnter", "BridgeLeave"):
            self._bridge(name, event, uniqueid)
        elif name in ("QueueCallerJoin", "QueueCallerLeave"):
            key = event.get("Queue", ""), uniqueid
            self._waiting.pop(key, None)
            if name == "QueueCallerJoin":
                self._waiting[key] = (
                    {header: event.get(header, "") for header in ("Queue", "Position", *_SNAPSHOT)},
                    now,
                )

    def _hang_up(self, uniqueid: str) -> None:
        self._channels.pop(uniqueid, None)
        self._born.pop(uniqueid, None)
        for members in self._members.values():
            if uniqueid in members:
                members.remove(uniqueid)
        for key in [key for key in self._waiting if key[1] == uniqueid]:
            del self._waiting[key]

    def _bridge(self, name: str, event: Headers, uniqueid: str) -> None:
        bridge = event.get("BridgeUniqueid", "")
        if name == "BridgeDestroy":
            self._bridges.pop(bridge, None)
            self._members.pop(bridge, None)
            return
        self._bridges[bridge] = {key: value for key, value in event.items() if key.startswith("Bridge")}
        members = self._members.setdefault(bridge, [])
        if uniqueid in members:
            members.remove(uniqueid)
        if name == "BridgeEnter" and uniqueid in self._channels:
            members.append(uniqueid)

    def channels(self, now: float) -> list[dict[str, str]]:
        """The items of CoreShowChannels."""
        inside = {uniqueid: bridge for bridge, members in self._members.items() for uniqueid in members}
        return [
            {
                "Event": "CoreShowChannel",
                **channel,
                "BridgeId": inside.get(uniqueid, ""),
                "Application": "",
                "ApplicationData": "",
                "Duration": _clock_face(now - self._born[uniqueid]),
            }
            for uniqueid, channel in self._channels.items()
        ]

    def bridges(self) -> list[dict[str, str]]:
        """The items of BridgeList."""
        return [
            {"Event": "BridgeListItem", **bridge, "BridgeNumChannels": str(len(self._members[uniqueid]))}
            for uniqueid, bridge in self._bridges.items()
        ]

    def members(self, bridge: str) -> list[dict[str, str]] | None:
        """The items of BridgeInfo; None for a bridge that does not exist."""
        if bridge not in self._bridges:
            return None
        return [{"Event": "BridgeInfoChannel", **self._channels[uniqueid]} for uniqueid in self._members[bridge]]

    def waiting(self, now: float) -> list[dict[str, str]]:
        """The items of QueueStatus, callers only."""
        return [
            {"Event": "QueueEntry", **entry, "Wait": str(int(now - joined))} for entry, joined in self._waiting.values()
        ]


def _clock_face(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
