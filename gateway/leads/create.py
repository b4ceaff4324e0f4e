"""Leads that people and programs open by hand: for a contact, or from a call that opened none."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotPossible
from gateway.core.types import Channel, Source
from gateway.leads import rules
from gateway.leads.change import MAX_SUBJECT, NewAmount, contact_id_of, money_of, refuse_second_open_lead
from gateway.leads.desk import Desk, manager_id_of
from gateway.leads.notes import put_note
from gateway.leads.settings import FIRST_STAGE
from gateway.storage.tables import Interaction, Lead
from gateway.views.shapes import LeadView


class NewLead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lead to be opened: from an ``interaction`` (a missed call, say) or for a ``contact``."""

    interaction: str | None = None
    """Id of a call, mail or form without a lead: channel, contact, source and text come from it."""
    contact: str | None = None
    """Id of the contact; with an interaction: where the interaction has none."""
    channel: Literal["call", "mail", "form"] = "call"
    """How the person came, where there is no interaction."""
    subject: str | None = None
    text: str = ""
    manager: str | None = None
    """Id or login; null: who opens it."""
    amount: NewAmount | None = None
    note: str | None = None


def open_lead(connection: Connection, desk: Desk, new: NewLead, by: By) -> LeadView:
    """Open a lead. Raises NotPossible; Conflict where the interaction has one, or the contact has an open one."""
    seen = _interaction(connection, new.interaction) if new.interaction is not None else None
    contact_id = seen.contact_id if seen is not None else None
    if contact_id is None and new.contact is not None:
        contact_id = contact_id_of(connection, new.contact)
    if contact_id is None and seen is None:
        raise NotPossible("Say for whom: contact or interaction.")
    if contact_id is not None:
        refuse_second_open_lead(connection, contact_id)
    lead_id = by.new_id()
    amount, currency = money_of(new.amount, desk.pipeline.settings.currency)
    row = {
        **_from(seen, new),
        "id": lead_id,
        "contact_id": contact_id,
        "manager_id": manager_id_of(connection, new.manager) if new.manager is not None else by.manager_id,
        "amount": amount,
        "currency": currency,
        "stage": FIRST_STAGE,
        "stage_since": by.at,
        "created_at": by.at,
        "updated_at": by.at,
        "keep_until": desk.keep_until(by.at),
    }
    connection.execute(insert(Lead), row)
    if seen is not None:
        placed = {"lead_id": lead_id, "contact_id": contact_id, "updated_at": by.at}
        connection.execute(update(Interaction).where(Interaction.id == seen.id).values(**placed))
    rules.on_opened(connection, desk, lead_id, by)
    if new.note is not None:
        put_note(connection, desk, lead_id=lead_id, contact_id=contact_id, text=new.note, by=by)
    detail = {"contact": contact_id, "interaction": new.interaction}
    deed = Deed(actor=by.actor, action="lead.opened", object_kind="lead", object_id=lead_id, detail=detail)
    record(connection, deed, by.at)
    return desk.tell_new(connection, lead_id, by.at)


def _interaction(connection: Connection, interaction_id: str) -> Row[Any]:
    row = connection.execute(
        select(Interaction).where(Interaction.id == interaction_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotPossible("There is no interaction %(id)r.", id=interaction_id[:60])
    if row.lead_id is not None:
        raise Conflict("It belongs to the lead %(id)s already.", id=row.lead_id)
    return row


def _from(seen: Row[Any] | None, new: NewLead) -> dict[str, Any]:
    """What the lead has from its interaction; what is said by hand comes first."""
    subject = (new.subject or "").strip()[:MAX_SUBJECT] or None
    if seen is None:
        source = msgspec.to_builtins(Source())
        channel = Channel(new.channel).value
        return {"channel": channel, "subject": subject, "text": new.text, "fields": {}, "source": source}
    return {
        "channel": seen.channel,
        "subject": subject or seen.subject,
        "text": new.text or seen.text,
        "fields": seen.fields,
        "source": seen.source,
        "after_hours": seen.after_hours,
        "opened_by": seen.id,
    }
