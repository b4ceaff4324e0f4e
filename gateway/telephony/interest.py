"""Which events are read at all. The others, 40 to 60 % of a stream, are dropped on their first line."""

from __future__ import annotations

from gateway.telephony.ami.framing import EventFilter
from gateway.telephony.devices import EVENT, LIST_END
from gateway.telephony.tracker import EVENTS, VARIABLES

EVENT_CLASSES = "call,agent,dialplan"
"""Event classes asked for at the login: the PBX itself then holds back RTCP and test reports, DTMF, logs, CDRs."""

_LISTS = frozenset(
    {
        "BridgeInfoChannel",
        "BridgeInfoComplete",
        "BridgeListComplete",
        "BridgeListItem",
        "CoreShowChannel",
        "CoreShowChannelsComplete",
        "QueueEntry",
        "QueueStatusComplete",
    }
)
"""What the snapshot's list actions answer with (``gateway.telephony.listing``)."""

INTEREST = EventFilter(wanted=EVENTS | _LISTS | {EVENT, LIST_END}, variables=VARIABLES)
"""What the call tracker, the snapshot and the states of the telephones read."""
