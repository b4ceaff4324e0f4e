"""What a demo PBX says when it is told to call somebody: the events of the first leg of an Originate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.demo.mischief import Mischief

Headers = dict[str, str]
ANSWERED = "4"
"""``Reason`` in OriginateResponse: the control frame that the leg ended with (include/asterisk/frame.h); 4 answered."""
NO_SUCH_PLACE = "0"


def first_leg(request: Mapping[str, str], *, serial: int, now: float, mischief: Mischief) -> Iterator[Headers]:
    """The events of an asynchronous Originate, the last of them OriginateResponse.

    A Local channel leads nowhere here, as no dialplan runs: it is given up at once. ``now``: seconds since the epoch.
    """
    channel = request.get("Channel", "")
    uniqueid = f"{int(now)}.{serial}"
    named = f"{channel}-{serial:08x}" + (";1" if channel.startswith("Local/") else "")
    reason = NO_SUCH_PLACE if channel.startswith("Local/") else mischief.first_leg
    about = {"Channel": named, "Uniqueid": uniqueid, "Linkedid": uniqueid, "Context": "from-internal", "Exten": "s"}
    events: list[Headers] = [{"Event": "Newchannel", "ChannelState": "0", **about}]
    name, equals, value = request.get("Variable", "").partition("=")
    if equals:
        events.append({"Event": "VarSet", **about, "Variable": name, "Value": value})
    if reason != ANSWERED:
        events.append({"Event": "Hangup", **about, "Cause": "0"})
    events.append(
        {
            "Event": "OriginateResponse",
            **({"ActionID": request["ActionID"]} if "ActionID" in request else {}),
            "Response": "Success" if reason == ANSWERED else "Failure",
            "Channel": channel,
            "Context": request.get("Context", ""),
            "Exten": request.get("Exten", ""),
            "Reason": reason,
            "Uniqueid": uniqueid if reason == ANSWERED else "<null>",
        }
    )
    for event in events:
        if event["Event"] not in mischief.hides:
            yield event if mischief.undated else event | {"Timestamp": f"{now:.6f}"}
