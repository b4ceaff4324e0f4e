"""Two contacts that prove to be one person become one, and can become two again.

The loser keeps its row (``merged_into`` leads old links to the winner); its handles, interactions and leads move. What
moved is written down, so that ``unmerge`` can move exactly that back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.contacts.duties import join_callbacks, part_callbacks
from gateway.core.clock import NewId
from gateway.core.errors import LeadgateError
from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import (
    Contact,
    ContactHandle,
    ContactMerge,
    Document,
    Interaction,
    Lead,
    Note,
    Outcall,
    Task,
)


class NotMerged(LeadgateError):
    """The merge to undo is not there, or was undone already."""

    code = "not_merged"


MERGED = "merged"
"""Status of a lead whose contact turned out to have another open lead: its interactions went there."""

WORK: Mapping[str, Any] = {"tasks": Task, "notes": Note, "documents": Document}
"""What people made for a contact or a lead, by its key in the log of merges."""
OF_CONTACT: Mapping[str, Any] = {**WORK, "outcalls": Outcall}
"""The same with what is made for a contact only. What a CRM calls a contact does not move: the adapters look under the
ids that were merged too, and after an unmerge each is there under its own."""


def merge(connection: Connection, *, winner_id: str, loser_id: str, reason: str, at: datetime, new_id: NewId) -> str:
    """Make ``loser_id`` part of ``winner_id``; returns the id of the merge, for unmerge."""
    moved = {
        "handles": _ids(connection, ContactHandle.id, ContactHandle.contact_id == loser_id),
        "interactions": _ids(connection, Interaction.id, Interaction.contact_id == loser_id),
        "leads": _ids(connection, Lead.id, Lead.contact_id == loser_id),
        **{key: _ids(connection, table.id, table.contact_id == loser_id) for key, table in OF_CONTACT.items()},
        "followers": _ids(connection, Contact.id, Contact.merged_into == loser_id),
        "joined": _join_open_leads(connection, winner_id, loser_id, at),
        "callbacks": join_callbacks(connection, winner_id, loser_id, at),
        "filled": _fill_from(connection, winner_id, loser_id, at),
    }
    for table in (ContactHandle, Interaction, Lead, *OF_CONTACT.values()):
        connection.execute(update(table).where(table.contact_id == loser_id).values(contact_id=winner_id))
    connection.execute(update(Contact).where(Contact.merged_into == loser_id).values(merged_into=winner_id))
    connection.execute(update(Contact).where(Contact.id == loser_id).values(merged_into=winner_id, updated_at=at))
    merge_id = new_id()
    connection.execute(
        insert(ContactMerge),
        {
            "id": merge_id,
            "winner_id": winner_id,
            "loser_id": loser_id,
            "reason": reason,
            "moved": moved,
            "merged_at": at,
        },
    )
    record(connection, ChangeKind.CONTACT_MERGED, winner_id, at)
    return merge_id


def _ids(connection: Connection, column: Any, condition: Any) -> list[Any]:
    return list(connection.execute(select(column).where(condition)).scalars())


def _open_lead(connection: Connection, contact_id: str) -> str | None:
    query = select(Lead.id).where(Lead.contact_id == contact_id, Lead.status == "open")
    return connection.execute(query).scalar_one_or_none()


def _join_open_leads(connection: Connection, winner_id: str, loser_id: str, at: datetime) -> dict[str, Any] | None:
    """A contact has one open lead: where both have one, the winner's takes the interactions of the loser's."""
    kept, closed = _open_lead(connection, winner_id), _open_lead(connection, loser_id)
    if kept is None or closed is None:
        return None
    interactions = _ids(connection, Interaction.id, Interaction.lead_id == closed)
    connection.execute(update(Interaction).where(Interaction.lead_id == closed).values(lead_id=kept))
    work = {key: _ids(connection, table.id, table.lead_id == closed) for key, table in WORK.items()}
    for table in WORK.values():
        connection.execute(update(table).where(table.lead_id == closed).values(lead_id=kept))
    connection.execute(update(Lead).where(Lead.id == closed).values(status=MERGED, closed_at=at, updated_at=at))
    connection.execute(update(Lead).where(Lead.id == kept).values(updated_at=at))
    record(connection, ChangeKind.LEAD_UPDATED, closed, at)
    record(connection, ChangeKind.LEAD_UPDATED, kept, at)
    return {"kept": kept, "closed": closed, "interactions": interactions, **work}


def _fill_from(connection: Connection, winner_id: str, loser_id: str, at: datetime) -> list[str]:
    """Name, company and owner that only the loser has; returns which were taken over."""
    columns = (Contact.name, Contact.company, Contact.owner_id)
    winner, loser = (_row(connection, contact_id, columns) for contact_id in (winner_id, loser_id))
    taken = {
        column.key: getattr(loser, column.key)
        for column in columns
        if getattr(loser, column.key) and not getattr(winner, column.key)
    }
    if taken:
        connection.execute(update(Contact).where(Contact.id == winner_id).values(**taken, updated_at=at))
    return list(taken)


def _row(connection: Connection, contact_id: str, columns: Sequence[Any]) -> Row[Any]:
    return connection.execute(select(*columns).where(Contact.id == contact_id)).one()


def unmerge(connection: Connection, merge_id: str, at: datetime) -> None:
    """Move back what ``merge`` moved, as far as it is still the winner's. Raises NotMerged."""
    query = select(ContactMerge).where(ContactMerge.id == merge_id, ContactMerge.undone_at.is_(None))
    log = connection.execute(query).one_or_none()
    if log is None:
        raise NotMerged("there is no merge %(id)s that could be undone", id=merge_id)
    moved: dict[str, Any] = {"handles": ContactHandle, "interactions": Interaction, "leads": Lead, **OF_CONTACT}
    for key, table in moved.items():
        still = table.id.in_(log.moved.get(key, ())) & (table.contact_id == log.winner_id)  # older logs have no work
        connection.execute(update(table).where(still).values(contact_id=log.loser_id))
    _part_leads(connection, log.moved["joined"], at)
    if "callbacks" in log.moved:  # merges of the first release moved none
        part_callbacks(connection, log.moved["callbacks"], log.winner_id, log.loser_id, at)
    _empty_again(connection, log.winner_id, log.loser_id, log.moved["filled"], at)
    connection.execute(
        update(Contact).where(Contact.id.in_(log.moved["followers"])).values(merged_into=log.loser_id, updated_at=at)
    )
    connection.execute(update(Contact).where(Contact.id == log.loser_id).values(merged_into=None, updated_at=at))
    connection.execute(update(ContactMerge).where(ContactMerge.id == merge_id).values(undone_at=at))
    record(connection, ChangeKind.CONTACT_UPDATED, log.winner_id, at)
    record(connection, ChangeKind.CONTACT_UPDATED, log.loser_id, at)


def _empty_again(connection: Connection, winner_id: str, loser_id: str, filled: Sequence[str], at: datetime) -> None:
    """Take back what the winner had from the loser, unless somebody changed it since."""
    columns = [getattr(Contact, name) for name in filled]
    if not columns:
        return
    winner, loser = (_row(connection, contact_id, columns) for contact_id in (winner_id, loser_id))
    emptied = {name: None for name in filled if getattr(winner, name) == getattr(loser, name)}
    connection.execute(update(Contact).where(Contact.id == winner_id).values(**emptied, updated_at=at))


def _part_leads(connection: Connection, joined: dict[str, Any] | None, at: datetime) -> None:
    if joined is None:
        return
    closed = joined["closed"]
    moved: dict[str, Any] = {"interactions": Interaction, **WORK}
    for key, table in moved.items():
        still = table.id.in_(joined.get(key, ())) & (table.lead_id == joined["kept"])
        connection.execute(update(table).where(still).values(lead_id=closed))
    reopened = (Lead.id == closed) & (Lead.status == MERGED)
    connection.execute(update(Lead).where(reopened).values(status="open", closed_at=None, updated_at=at))
    record(connection, ChangeKind.LEAD_UPDATED, closed, at)
    record(connection, ChangeKind.LEAD_UPDATED, joined["kept"], at)
