"""What goes on in a PBX at the moment of (re)connecting, as its own list actions tell it. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.sentences import Sentence

Listed = Mapping[str, str]
"""One list event, header names as Asterisk writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The answers to CoreShowChannels, BridgeList, BridgeInfo and QueueStatus, raw.

    The answers are seconds apart at worst, and events went on meanwhile: those are fed after the snapshot, all of them.
    """

    channels: tuple[Listed, ...] = ()
    """``CoreShowChannel`` events: Channel, ChannelState, CallerIDNum, Context, Exten, Uniqueid, Linkedid, BridgeId,
    Duration (``HH:MM:SS`` since the channel's birth), Application, ApplicationData."""
    bridges: tuple[Listed, ...] = ()
    """``BridgeListItem`` events: BridgeUniqueid, BridgeType, BridgeTechnology, BridgeNumChannels."""
    members: tuple[Listed, ...] = ()
    """``BridgeInfoChannel`` events, one for each channel in a bridge, with the header BridgeUniqueid added."""
    waiting: tuple[Listed, ...] = ()
    """``QueueEntry`` events, one for each waiting caller: Queue, Position, Channel, Uniqueid, Wait (seconds)."""
    started: str = ""
    """When the PBX was started, in its own words (CoreStatus); empty where it does not say."""
    restarted: bool = False
    """It was started anew since the last snapshot: whatever was open then is over."""
    missing: tuple[Sentence, ...] = ()
    """Sentences: which lists the PBX refused and what to change. What they would say is unknown."""
