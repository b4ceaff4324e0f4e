"""Bytes to AMI events that could be: five bytes each, over a few channels, so that a short input is a whole call.

Mutated text seldom says two things that fit each other; here each mutation is another course of events, and none is
spent on the wire format.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.telephony.tracker import EVENTS, VARIABLES

EVENT_BYTES = 5
"""Kind, the channel it is about, the other one, what it says, seconds since the one before."""
_BEGAN = 1_795_308_119

_KINDS = (*sorted(EVENTS), "VarSet", "Unknown")
_NAMES = (
    "PJSIP/trunk-00000001", "PJSIP/101-00000002", "PJSIP/102-00000003", "Local/101@from-queue-0001;1",
    "Local/101@from-queue-0001;2", "SIP/trunk-00000005", "DAHDI/i1/79261234567-6", "Message/ast_msg_queue",
)  # fmt: skip
_NUMBERS = ("79261234567", "+74951234567", "101", "102", "", "anonymous", "74950000000", "<unknown>")
_CONTEXTS = ("from-trunk", "from-internal", "from-queue", "macro-dial", "ext-group", "", "default", "ivr-1")
_SAID = (
    "ANSWER", "CANCEL", "BUSY", "NOANSWER", "CHANUNAVAIL", "Success", "Fail", "App", "600", "101", "74951234567",
    "Dial", "VoiceMail", "Queue", "Playback", "TIMEOUT", "16", "17", "19", "26", "4", "5", "6", "s",
)  # fmt: skip
_SAYING = (
    "Exten", "DestExten", "Extension", "DialStatus", "Result", "Cause", "Queue", "Application", "ApplicationData",
    "AppData", "Value",
)  # fmt: skip
_PARTS = (
    "Swap", "LocalTwo", "TransferTarget", "Transferee", "Transferer", "SecondTransferer", "OrigTransferer", "Dest",
    "Target",
)  # fmt: skip
_VARIABLES = tuple(sorted(VARIABLES))


def _channel(prefix: str, number: int) -> dict[str, str]:
    return {
        f"{prefix}Channel": _NAMES[number],
        f"{prefix}Uniqueid": f"{_BEGAN}.{number}",
        f"{prefix}CallerIDNum": _NUMBERS[number],
        f"{prefix}CallerIDName": _NUMBERS[-number],
        f"{prefix}ConnectedLineNum": _NUMBERS[number ^ 1],
        f"{prefix}Context": _CONTEXTS[number],
    }


def _of_one(byte: int) -> dict[str, str]:
    linkedid = f"{_BEGAN}.{byte >> 5}"
    return {
        **_channel("", byte % 8),
        **_channel("LocalOne", byte % 8),
        "Linkedid": linkedid,
        "LocalOneLinkedid": linkedid,
    }


def _of_other(byte: int) -> dict[str, str]:
    parts = [_channel(prefix, byte % 8) for prefix in _PARTS]
    for part, prefix in zip(parts[: byte >> 4], _PARTS, strict=False):
        del part[f"{prefix}Uniqueid"]  # nobody is there
    linked = {"DestLinkedid": f"{_BEGAN}.{byte >> 5}"} if byte & 8 else {}
    said = {"Variable": _VARIABLES[byte % len(_VARIABLES)], "DestType": _SAID[byte % len(_SAID)]}
    return {name: value for part in (*parts, linked, said) for name, value in part.items()}


def _said(byte: int) -> dict[str, str]:
    said = _SAID[byte % len(_SAID)]
    return {
        **dict.fromkeys(_SAYING, said),
        "ChannelState": str(byte & 7),
        "DestChannelState": str(byte >> 5),
        "BridgeUniqueid": f"bridge-{byte >> 6}",
        "BridgeId": f"bridge-{byte >> 6}",
        "BridgeTechnology": "holding_bridge" if byte & 1 else "simple_bridge",
        "BridgeCreator": "Parking" if byte & 2 else "",
        "DialString": f"{said}@trunk",
        "TechCause": f"SIP {said}",
        "Newname": _NAMES[byte & 7],
    }


_OF_ONE, _OF_OTHER, _OF_WORDS = ([make(byte) for byte in range(256)] for make in (_of_one, _of_other, _said))


def events_of(data: bytes) -> Iterator[dict[str, str]]:
    """Each with every header that any handler reads; a rest of fewer than five bytes says nothing."""
    now = _BEGAN
    for at in range(0, len(data) - EVENT_BYTES + 1, EVENT_BYTES):
        kind, one, other, what, passed = data[at : at + EVENT_BYTES]
        now += passed - 16  # clocks of a PBX go back, too
        event = {**_OF_ONE[one], **_OF_OTHER[other], **_OF_WORDS[what]}
        event["Event"], event["Timestamp"] = _KINDS[kind % len(_KINDS)], str(now)
        yield event
