"""What the processing tells the rooms that act on an item once its contact and lead are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.clock import NewId
from gateway.core.types import Channel, Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a CRM may want to hear of."""

    type: str
    order_key: str
    """Events of one key reach a CRM in their order: the contact's id, or the lead's, or the interaction's."""
    data: dict[str, Any]
    lead_id: str | None
    interaction_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One report of an interaction after it found its contact and lead. A call is placed once for each phase."""

    interaction_id: str
    connector: str
    channel: Channel
    draft: Draft
    contact_id: str | None
    """None where the person withheld every handle, or where it is nobody outside."""
    lead_id: str | None
    lead_opened: bool
    """This very report opened the lead."""
    after_hours: bool | None
    is_history: bool
    """It happened long ago and was read just now: nobody waits for an answer to it."""
    at: datetime
    """Now."""
    new_id: NewId
    keep_until: datetime | None
    is_newcomer: bool = False
    """The contact was made by this very report: nothing else of the person is known."""
    is_told: bool = True
    """Somebody is to be told of what follows. Else no event need be made, which costs more reads than the deed."""
