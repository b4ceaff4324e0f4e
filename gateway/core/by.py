"""Whose hand does something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.core.clock import NewId


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who changes something, when, and the ids for what is made."""

    actor: str
    """As the log of deeds names it: ``manager:ID``, ``token:ID``, ``console`` or ``gateway``."""
    manager_id: str | None = None
    """The person; None for programs and for the gateway itself."""
    at: datetime
    new_id: NewId
