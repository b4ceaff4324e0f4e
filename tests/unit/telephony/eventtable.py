"""AMI events written as a table that people can read, one event a line.

    0.0  Newchannel   trunk      Ring  Context=from-trunk Exten=74950000101 CallerIDNum=79261234567
    0.1  Newchannel   101        Down  Context=from-internal CallerIDNum=101 Of=trunk
    0.1  DialBegin    trunk>101        DialString=101

Seconds since the start, the event, the channel (``dialler>dialled`` for Dial events, ``-`` for none), its state if it
changes, headers. ``Of`` names the channel whose linkedid a new one shares; without it a channel begins a call of its
own. ``trunk`` and ``101`` stand for ``PJSIP/trunk-…`` and ``PJSIP/101-…``, ``101#2`` for a second channel of that
endpoint; ``Bridge=b`` for a BridgeUniqueid. As Asterisk does, the helper repeats what is known of a channel in each of
its events.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

START = 1795300000.0
"""2026-11-21T22:26:40Z"""
STATES = {"Down": "0", "Ring": "4", "Ringing": "5", "Up": "6"}
_PREFIXED = ("Channel", "ChannelState", "CallerIDNum", "CallerIDName", "Context", "Exten", "Uniqueid", "Linkedid")


@dataclass
class _Channels:
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def get(self, alias: str) -> dict[str, str]:
        if alias not in self.known:
            serial = len(self.known) + 1
            endpoint, _, _ = alias.partition("#")
            name = endpoint if "/" in endpoint else f"PJSIP/{endpoint}"
            local, semicolon, half = name.partition(";")
            pair = self.known.get(alias[:-1] + "1")  # the second half is numbered as the first
            full = f"{local}-{serial:08x}{semicolon}{half}" if pair is None else pair["Channel"][:-1] + half
            uniqueid = f"{START:.0f}.{serial}"
            self.known[alias] = {"Channel": full, "Uniqueid": uniqueid, "Linkedid": uniqueid, "ChannelState": "0"}
        return self.known[alias]


def events(table: str) -> list[dict[str, str]]:
    """The events of a table, each with a Timestamp."""
    channels = _Channels()
    return [_event(channels, shlex.split(line)) for line in table.strip().splitlines() if line.strip()]


def _event(channels: _Channels, cells: list[str]) -> dict[str, str]:
    seconds, name, who, *rest = cells
    event = {"Event": name, "Timestamp": f"{START + float(seconds):.6f}"}
    headers = dict(cell.split("=", 1) for cell in rest if "=" in cell)
    state = next((STATES[cell] for cell in rest if cell in STATES), None)
    dialler, arrow, dialled = who.partition(">")
    if who != "-" and dialler:
        _describe(channels, event, "", dialler, headers, None if arrow else state)
    if dialled:
        _describe(channels, event, "Dest", dialled, {}, state)
    for key, alias in [
        (key, value)
        for key, value in headers.items()
        if key.endswith("Channel") and ("/" not in value or value in channels.known)
    ]:
        del headers[key]
        _describe(channels, event, key.removesuffix("Channel"), alias, {}, None)
    if "Swap" in headers:
        event["SwapUniqueid"] = channels.get(headers.pop("Swap"))["Uniqueid"]
    if "Bridge" in headers:
        event["BridgeUniqueid"] = headers.pop("Bridge")
    headers.pop("Of", None)
    return {**event, **headers}


def _describe(
    channels: _Channels, event: dict[str, str], prefix: str, alias: str, headers: dict[str, str], state: str | None
) -> None:
    channel = channels.get(alias)
    if event["Event"] == "Newchannel":
        channel.update({key: headers.get(key, "") for key in ("CallerIDNum", "CallerIDName", "Context", "Exten")})
    if "Of" in headers:
        channel["Linkedid"] = channels.get(headers["Of"])["Linkedid"]
    if state is not None:
        channel["ChannelState"] = state
    event.update({prefix + key: channel[key] for key in _PREFIXED if key in channel})
