"""How a telephone is, as the PBX says it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Device(StrEnum):
    """The state of a telephone."""

    FREE = "free"
    BUSY = "busy"
    """In a call, ringing, or on hold: it can ring, but nobody may pick up."""
    OFF = "off"
    """Not registered, or not to be reached."""


class Devices(Protocol):
    """Who hears of the telephones: the connectors of the PBXs."""

    def state_of(self, extension: str) -> str | None:
        """``free``, ``busy`` or ``off``; None where nothing was heard of it."""
        ...


class NoDevices:
    """Where no PBX tells anything."""

    def state_of(self, extension: str) -> str | None:  # noqa: ARG002 - of none
        return None


def best_of(states: list[Device | None]) -> Device | None:
    """One state for a manager of several telephones: in a call on one is in a call; one that is on is enough."""
    for state in (Device.BUSY, Device.FREE):
        if state in states:
            return state
    return None if None in states or not states else Device.OFF
