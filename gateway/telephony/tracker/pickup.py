"""Somebody answers a phone that rings elsewhere: Pickup (class ``call``).

The answering channel was never dialled; it takes the place of the ringing one. Pickup names both, before or after the
other events; a SIP INVITE with Replaces raises none, then the shared bridge tells.
"""

from __future__ import annotations

from gateway.telephony.tracker.state import Event, State


def pickup(state: State, event: Event) -> None:
    """``Channel`` picks up ``TargetChannel``: one call from now on."""
    picker, target = state.adopt(event), state.adopt(event, "Target")
    if picker is not None and target is not None:
        state.merge(target.call, picker.call)
