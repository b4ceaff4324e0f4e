"""The work on leads, composed: what the API and the pages do it with, the tasks of new leads, the reminders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gateway.app.company import rules_of
from gateway.config.settings import Settings
from gateway.contacts.edit import ContactDesk
from gateway.core.clock import Clock, NewId
from gateway.core.placement import Event
from gateway.core.types import Handle
from gateway.documents.library import Library
from gateway.documents.office import Office
from gateway.leads.desk import CalendarOf, Desk, Outgoing
from gateway.leads.pipeline import Pipeline
from gateway.leads.rules import NewLeadTasks
from gateway.leads.worker import LeadReminders
from gateway.storage.store import Store
from gateway.web.api.contacts import contact_writes
from gateway.web.api.documents import document_reads, document_writes
from gateway.web.api.leadwork import lead_writes
from gateway.web.api.reads import ReadOperation
from gateway.web.api.segments import segment_reads, segment_writes
from gateway.web.api.spend import spend_writes
from gateway.web.api.writes import WriteOperation


class LeadWork:
    """The parts; built once by ``Gateway``."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        new_id: NewId,
        *,
        outgoing: Outgoing,
        is_own: Callable[[Handle], bool],
        calendar_of: CalendarOf,
        on_changed: Callable[[], None],
    ) -> None:
        keep, where = settings.retention.keep, settings.gateway
        self.desk = Desk(pipeline=Pipeline(settings.leads), outgoing=outgoing, keep=keep, calendar_of=calendar_of)
        self.contacts = ContactDesk(region=where.region, is_own=is_own, outgoing=outgoing, keep=keep)
        self.office = office_of(settings, store)
        self.follower = NewLeadTasks(self.desk)
        self.reminders = LeadReminders(
            store=store, clock=clock, new_id=new_id, desk=self.desk, language=where.language, on_done=on_changed
        )

    def writes(self) -> tuple[WriteOperation, ...]:
        """What the API can change."""
        currency = self.desk.pipeline.settings.currency
        return (
            *lead_writes(self.desk),
            *contact_writes(self.contacts),
            *document_writes(self.office, self.desk),
            *spend_writes(currency),
            *segment_writes(),
        )

    def reads(self) -> tuple[ReadOperation, ...]:
        """What the API tells of templates, documents and segments."""
        return (*document_reads(self.office), *segment_reads(self.office.store))


class NoOutgoing:
    """For commands that store what is known elsewhere already: nobody is told of it."""

    def wants_any(self) -> bool:
        return False

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Nothing."""


def contact_desk(settings: Settings) -> ContactDesk:
    """For imports on the command line."""
    return ContactDesk(
        region=settings.gateway.region,
        is_own=rules_of(settings).is_own,
        outgoing=NoOutgoing(),
        keep=settings.retention.keep,
    )


def office_of(settings: Settings, store: Store) -> Office:
    """Where documents are made."""
    documents, where = settings.documents, settings.gateway
    folder = Path(documents.templates).expanduser().absolute() if documents.templates else settings.data / "templates"
    return Office(
        store=store,
        library=Library(folder),
        company=documents.company,
        language=where.language,
        currency=settings.leads.currency,
        zone=ZoneInfo(where.timezone),
        keep=settings.retention.keep,
    )
