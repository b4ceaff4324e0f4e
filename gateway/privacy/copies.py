"""What CRMs have of a person: the records that deliveries made there, each with its id at the CRM."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from gateway.privacy.person import Person
from gateway.storage.tables import CrmLink, Outbox, table_of

LINK, OUTBOX = table_of(CrmLink), table_of(Outbox)
RECORDING = "recording"
"""The note at a link that tells which file was uploaded with the call (``crm_adapter.recordadapter``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One record at a CRM."""

    crm: str
    """The configured name of the CRM."""
    kind: str
    """``contact``, ``lead``, ``call``, ``mail``, ``form``; ``events`` where the CRM tells no ids of records."""
    remote_id: str | None
    """Its id there; None where no answer came, and nobody knows whether it was made."""
    url: str | None = None
    recording: str | None = None
    """The file that was uploaded with the call."""


def copies_of(connection: Connection, person: Person) -> tuple[Copy, ...]:
    """The records by CRM; for one without a record (a webhook, a file) where its events went, each once."""
    ids = [*person.contacts, *person.leads, *person.interactions]
    columns = (LINK.c.crm, LINK.c.kind, LINK.c.remote_id, LINK.c.url, LINK.c.notes)
    linked = select(*columns).where(LINK.c.local_id.in_(ids), or_(LINK.c.remote_id.is_not(None), LINK.c.in_doubt))
    found = [
        Copy(crm=row.crm, kind=row.kind, remote_id=row.remote_id, url=row.url, recording=row.notes.get(RECORDING))
        for row in connection.execute(linked.order_by(LINK.c.crm, LINK.c.kind, LINK.c.remote_id))
    ]
    told = OUTBOX.c.lead_id.in_(person.leads) | OUTBOX.c.interaction_id.in_(person.interactions)
    told |= OUTBOX.c.order_key.in_([*person.contacts, *person.leads])
    query = select(OUTBOX.c.crm, OUTBOX.c.remote_id).where(told, OUTBOX.c.attempts > 0).distinct()
    with_links = {copy.crm for copy in found}
    events = [
        Copy(crm=row.crm, kind="events", remote_id=row.remote_id)
        for row in connection.execute(query.order_by(OUTBOX.c.crm, OUTBOX.c.remote_id))
        if row.crm not in with_links
    ]
    return (*found, *events)
