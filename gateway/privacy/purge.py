"""Retention: rows whose time is over go, the dependent ones first, a few at a time so that nothing waits for it.

A lead or contact stays as long as something younger belongs to it, and what a CRM was not told yet until it was told,
given up or dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select

from gateway.storage.tables import Base, Callback, Contact, Interaction, Lead, Outbox, table_of

BATCH = 500
"""Rows of one transaction."""
UNTOLD = ("waiting", "sending", "held")
"""States of a delivery that nobody has given up."""


def purge_some(connection: Connection, now: datetime) -> dict[str, int]:
    """Remove up to BATCH rows of each table; table -> how many. To be called again until it returns nothing."""
    gone = {}
    for table, over in _tables(now):
        key = next(iter(table.primary_key.columns))
        which = select(key).where(over).limit(BATCH)
        count = connection.execute(delete(table).where(key.in_(which))).rowcount
        if count:
            gone[table.name] = count
    return gone


def _tables(now: datetime) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Each table with ``keep_until``, those first that others do not refer to."""
    guards = _guards()
    for table in reversed(Base.metadata.sorted_tables):
        if "keep_until" in table.columns:
            over = table.c.keep_until < now
            guard = guards.get(table.name)
            yield table, over if guard is None else over & guard


def _guards() -> Mapping[str, ColumnElement[bool]]:
    lead, contact, interaction, callback = (table_of(m) for m in (Lead, Contact, Interaction, Callback))
    unused_lead = ~exists().where(interaction.c.lead_id == lead.c.id)
    unused_contact = (
        ~exists().where(interaction.c.contact_id == contact.c.id)
        & ~exists().where(lead.c.contact_id == contact.c.id)
        & ~exists().where(callback.c.contact_id == contact.c.id)
    )
    outbox = table_of(Outbox)
    told = outbox.c.state.not_in(UNTOLD)
    return {lead.name: unused_lead, contact.name: unused_contact, outbox.name: told}
