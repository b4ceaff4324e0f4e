"""The outbox of the configured CRMs, as the rooms see it that have something to tell them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gateway.config.settings import Settings
from gateway.core.clock import NewId
from gateway.core.placement import Event
from gateway.delivery import outbox
from gateway.delivery.events import wanted


@dataclass(frozen=True, slots=True)
class CrmOutbox:
    """Implements ``processing.step.Outgoing`` and ``callbacks.desk.Outgoing``."""

    settings: Settings
    new_id: NewId

    def wants_any(self) -> bool:
        """Whether a CRM is configured."""
        return bool(self.settings.crm)

    def wants(self, event_type: str) -> bool:
        """Whether a CRM is to be told of such events."""
        return any(wanted(crm.events, event_type) for crm in self.settings.crm)

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Into the outbox of each CRM that wants the event."""
        keep = self.settings.retention.keep
        outbox.enqueue(
            connection,
            self.settings.crm,
            event_type=event.type,
            order_key=event.order_key,
            data=event.data,
            at=at,
            new_id=self.new_id,
            lead_id=event.lead_id,
            interaction_id=event.interaction_id,
            keep_until=at + keep if keep else None,
        )
