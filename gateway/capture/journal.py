"""Writes reports into the journal, each with its interaction, in one transaction; a report that came before is not new.

Works on lists: all callers who wait at the moment are stored by a handful of statements, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from gateway.capture.cursors import move
from gateway.capture.interactions import apply_draft, columns_of, columns_of_pending, draft_to_json, storable
from gateway.core.clock import NewId
from gateway.core.types import Inbound, Outcome, Phase, Receipt
from gateway.storage.tables import Interaction, Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item to store, with what must be decided before the transaction (it may run twice)."""

    item: Inbound
    interaction_id: str
    """Used where the interaction is new."""
    at: datetime
    """When it is stored; also when the processing may take it."""
    keep_until: datetime | None
    row: dict[str, Any]
    """The journal row, made on the caller's side so that the writer has less to do."""
    interaction: dict[str, Any]
    """The interaction row."""


def prepare(item: Inbound, at: datetime, new_id: NewId, keep: timedelta | None) -> Entry:
    """Everything about ``item`` that needs no database."""
    keep_until = at + keep if keep is not None else None
    interaction_id = new_id()
    draft = item.draft
    plain = draft_to_json(draft) if draft is not None else None
    return Entry(
        item=item,
        interaction_id=interaction_id,
        at=at,
        keep_until=keep_until,
        row={
            "dedup_key": item.dedup_key,
            "connector": item.connector,
            "source": item.source,
            "channel": item.channel.value,
            "raw": item.raw,
            "meta": storable(dict(item.meta)),
            "draft": plain,
            "received_at": item.received_at,
            "due_at": at,
            "keep_until": keep_until,
        },
        interaction={
            "id": interaction_id,
            "key": item.key,
            "channel": item.channel.value,
            "connector": item.connector,
            "source_name": item.source,
            **(columns_of(draft, plain) if draft is not None and plain is not None else columns_of_pending(item)),
            "received_at": item.received_at,
            "updated_at": at,
            "keep_until": keep_until,
        },
    )


def store_all(connection: Connection, entries: Sequence[Entry]) -> list[Receipt]:
    """Store each entry that is new; a receipt each, in their order."""
    known = _reports(connection, {entry.item.dedup_key for entry in entries})
    open_rows = _interactions(connection, {entry.item.key for entry in entries if entry.item.dedup_key not in known})
    receipts: list[Receipt] = []
    new_interactions: list[dict[str, Any]] = []
    new_reports: list[dict[str, Any]] = []
    for entry in entries:
        item = entry.item
        first = known.get(item.dedup_key)
        if first is not None:
            receipts.append(Receipt(Outcome.DUPLICATE, first))
            continue
        interaction_id, phase = open_rows.get(item.key, (None, Phase.RECEIVED))
        if interaction_id is None:
            interaction_id = entry.interaction_id
            new_interactions.append(entry.interaction)
            open_rows[item.key] = interaction_id, item.draft.phase if item.draft else Phase.RECEIVED
        elif item.draft is not None:
            _flush(connection, new_interactions)  # it may be among them: a call that rang and ended in this very batch
            open_rows[item.key] = interaction_id, _apply(connection, interaction_id, phase, entry)
        known[item.dedup_key] = interaction_id
        new_reports.append({**entry.row, "interaction_id": interaction_id})
        receipts.append(Receipt(Outcome.STORED, interaction_id))
    _flush(connection, new_interactions)
    if new_reports:
        connection.execute(insert(Journal), new_reports)
    for entry in entries:
        if entry.item.cursor is not None:
            move(connection, entry.item.cursor, entry.at)
    return receipts


def _apply(connection: Connection, interaction_id: str, phase: Phase, entry: Entry) -> Phase:
    draft = entry.item.draft
    if draft is None or not apply_draft(connection, interaction_id, phase, draft, entry.at):
        return phase
    return draft.phase


def _flush(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(Interaction), rows)
        rows.clear()


def _reports(connection: Connection, keys: set[str]) -> dict[str, str]:
    """dedup_key -> interaction id, of those reports that were stored before."""
    rows = connection.execute(select(Journal.dedup_key, Journal.interaction_id).where(Journal.dedup_key.in_(keys)))
    return {row.dedup_key: row.interaction_id for row in rows}


def _interactions(connection: Connection, keys: set[str]) -> dict[str, tuple[str | None, Phase]]:
    """key -> (id, phase), of those interactions that are there."""
    if not keys:
        return {}
    rows = connection.execute(
        select(Interaction.key, Interaction.id, Interaction.phase).where(Interaction.key.in_(keys))
    )
    return {row.key: (row.id, Phase(row.phase)) for row in rows}
