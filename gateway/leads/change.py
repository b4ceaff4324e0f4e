"""A person or program changes a lead: stage, status, owner, amount, contact; the deed tells who, when and from what."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.audit.log import Deed
from gateway.audit.log import record as write_down
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.money import check_currency, parse_amount
from gateway.leads import rules
from gateway.leads.desk import Desk, manager_id_of, who_changed
from gateway.leads.notes import put_note
from gateway.leads.pipeline import OPEN, Place
from gateway.storage.tables import Assignment, Contact, Interaction, Lead, StageChange
from gateway.storage.tables import Task as TaskRow
from gateway.views.leads import leads_by_id
from gateway.views.shapes import LeadView, MoneyView


class NewAmount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount of money as it is written."""

    amount: str
    """Decimal: ``12500.50``."""
    currency: str = ""
    """ISO 4217; empty: ``[leads] currency``."""


class LeadChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a lead; what is left out stays."""

    stage: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """``open``, ``won``, ``lost`` or ``spam``."""
    reason: str | UnsetType = UNSET
    """With ``lost`` or ``spam``: why."""
    manager: str | UnsetType | None = UNSET
    """Id or login; null: nobody."""
    amount: NewAmount | UnsetType | None = UNSET
    contact: str | UnsetType = UNSET
    """Id of the contact whose lead it is."""
    subject: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    """Is added to the lead's notes."""
    version: int | UnsetType = UNSET
    """The lead's version as you know it: if it is another by now, nothing is changed (as with If-Match)."""


MAX_SUBJECT = 500


def change_lead(
    connection: Connection, desk: Desk, lead_id: str, change: LeadChange, by: By, *, version: int | None = None
) -> LeadView:
    """Do all of it or nothing; the lead afterwards.

    Raises NotFound; Conflict where the lead is no longer of ``version``, or its contact has another open lead;
    NotPossible for what makes no sense.
    """
    lead = connection.execute(select(Lead).where(Lead.id == lead_id).with_for_update()).one_or_none()
    if lead is None:
        raise NotFound("There is no lead with this id.")
    wanted = version if version is not None else (None if change.version is UNSET else change.version)
    if wanted is not None and wanted != lead.version:
        raise Conflict(
            "%(who)s: load it again, then repeat your change.", who=who_changed(connection, "lead", lead_id, by)
        )
    values = _values(connection, desk, lead, change)
    changed = {name: value for name, value in values.items() if getattr(lead, name) != value}
    if changed:
        _write(connection, desk, lead, changed, by)
    if change.note is not UNSET:
        put_note(connection, desk, lead_id=lead_id, contact_id=lead.contact_id, text=change.note, by=by)
    if changed or change.note is not UNSET:
        return desk.tell(connection, lead_id, by.at)
    return leads_by_id(connection, [lead_id])[lead_id]


def _values(connection: Connection, desk: Desk, lead: Row[Any], change: LeadChange) -> dict[str, Any]:
    """The columns that the change asks for, checked."""
    values: dict[str, Any] = {}
    moves = [change.stage, change.status, change.reason]
    if any(part is not UNSET for part in moves):
        stage, status, reason = (None if part is UNSET else part for part in moves)
        place = desk.pipeline.moved(
            Place(lead.stage, lead.status, lead.reason), stage=stage, status=status, reason=reason
        )
        values |= {"stage": place.stage, "status": place.status, "reason": place.reason}
    if change.manager is not UNSET:
        values["manager_id"] = None if change.manager is None else manager_id_of(connection, change.manager)
    if change.amount is not UNSET:
        values["amount"], values["currency"] = money_of(change.amount, desk.pipeline.settings.currency)
    if change.contact is not UNSET:
        values["contact_id"] = contact_id_of(connection, change.contact)
    if change.subject is not UNSET:
        values["subject"] = change.subject.strip()[:MAX_SUBJECT] or None
    return values


def money_of(amount: NewAmount | MoneyView | None, currency: str) -> tuple[int | None, str | None]:
    """Smallest units and currency. Raises NotPossible."""
    if amount is None:
        return None, None
    try:
        code = check_currency(amount.currency or currency)
        units = parse_amount(amount.amount, code)
    except ValueError as error:
        raise NotPossible("The amount can't be used: %(why)s.", why=error) from None
    if units < 0:
        raise NotPossible("The amount of a lead can't be below zero.")
    return units, code


def contact_id_of(connection: Connection, contact_id: str) -> str:
    """The id, if there is such a contact. Raises NotPossible."""
    row = connection.execute(select(Contact.merged_into).where(Contact.id == contact_id)).one_or_none()
    if row is None:
        raise NotPossible("There is no contact %(id)r.", id=contact_id[:60])
    if row.merged_into is not None:
        raise NotPossible("This contact was merged into %(id)s: use that one.", id=row.merged_into)
    return contact_id


def _write(connection: Connection, desk: Desk, lead: Row[Any], changed: dict[str, Any], by: By) -> None:
    columns = dict(changed)
    moved = "stage" in changed or "status" in changed
    after = {"stage": lead.stage, "status": lead.status, "contact_id": lead.contact_id, **changed}
    if moved:
        columns["stage_since"] = by.at
        columns["closed_at"] = None if after["status"] == OPEN else by.at
    if after["status"] == OPEN and after["contact_id"] is not None:
        refuse_second_open_lead(connection, after["contact_id"], except_id=lead.id)
    columns |= {"updated_at": by.at, "version": lead.version + 1, "keep_until": desk.keep_until(by.at)}
    try:
        connection.execute(update(Lead).where(Lead.id == lead.id).values(**columns))
    except IntegrityError:  # another process opened one since we looked
        raise Conflict("The contact has another open lead by now.") from None
    if moved:
        _note_move(connection, desk, lead, after, by)
    if "manager_id" in changed:
        _hand_over(connection, desk, lead, changed["manager_id"], by)
    if "contact_id" in changed and lead.contact_id is None:
        nameless = (Interaction.lead_id == lead.id) & Interaction.contact_id.is_(None)
        connection.execute(update(Interaction).where(nameless).values(contact_id=changed["contact_id"]))
    detail: dict[str, Any] = {name: [getattr(lead, name), value] for name, value in changed.items()}
    if "subject" in detail:
        detail["subject"] = "changed"  # what a person wants is nobody's business in a log that is never erased
    deed = Deed(actor=by.actor, action="lead.changed", object_kind="lead", object_id=lead.id, detail=detail)
    write_down(connection, deed, by.at)


def refuse_second_open_lead(connection: Connection, contact_id: str, *, except_id: str | None = None) -> None:
    """A contact has one open lead. Raises Conflict that names it."""
    query = select(Lead.id).where(Lead.contact_id == contact_id, Lead.status == OPEN)
    if except_id is not None:
        query = query.where(Lead.id != except_id)
    other = connection.execute(query).scalar_one_or_none()
    if other is not None:
        raise Conflict(
            "The contact has an open lead already: %(other)s. Work on that one, or close it first.", other=other
        )


def _note_move(connection: Connection, desk: Desk, lead: Row[Any], after: dict[str, Any], by: By) -> None:
    connection.execute(
        insert(StageChange),
        {
            "lead_id": lead.id,
            "from_stage": lead.stage,
            "to_stage": after["stage"],
            "from_status": lead.status,
            "to_status": after["status"],
            "reason": after.get("reason"),
            "actor": by.actor,
            "since": lead.stage_since or lead.created_at,
            "at": by.at,
            "keep_until": desk.keep_until(by.at),
        },
    )
    rules.void(connection, lead.id, by, closed=after["status"] != OPEN)
    if after["status"] == OPEN:
        rules.on_stage(connection, desk, lead.id, after["stage"], by)


def _hand_over(connection: Connection, desk: Desk, lead: Row[Any], manager_id: str | None, by: By) -> None:
    """The open tasks of the old owner go with the lead; the log of assignments says who decided."""
    connection.execute(
        insert(Assignment),
        {
            "lead_id": lead.id,
            "manager_id": manager_id,
            "before_id": lead.manager_id,
            "rule": "person",
            "actor": by.actor,
            "at": by.at,
            "keep_until": desk.keep_until(by.at),
        },
    )
    his = (TaskRow.lead_id == lead.id) & (TaskRow.status == "open")
    his &= TaskRow.owner_id.is_not_distinct_from(lead.manager_id)
    connection.execute(update(TaskRow).where(his).values(owner_id=manager_id, updated_at=by.at))
