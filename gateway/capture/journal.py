"""Writes reports into the journal, each with its interaction, in one transaction; a report that came before is not new.

Works on lists: all callers who wait at the moment are stored by a handful of statements, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select

from gateway.capture import sightings
from gateway.capture.cursors import move
from gateway.capture.interactions import apply_draft, as_stored, columns_of, columns_of_pending, storable
from gateway.capture.precedence import is_from_log
from gateway.core.clock import NewId
from gateway.core.types import Inbound, Outcome, Phase, Receipt
from gateway.storage.bulk import insert_rows
from gateway.storage.tables import Interaction, Journal, table_of

JOURNAL, INTERACTION = table_of(Journal), table_of(Interaction)

_REPORTS = select(JOURNAL.c.dedup_key, JOURNAL.c.interaction_id).where(
    JOURNAL.c.dedup_key.in_(bindparam("keys", expanding=True))
)
_INTERACTIONS = select(INTERACTION.c.key, INTERACTION.c.id, INTERACTION.c.phase).where(
    INTERACTION.c.key.in_(bindparam("keys", expanding=True))
)


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
    stored = as_stored(draft)
    plain = None
    if draft is not None:
        plain = msgspec.to_builtins(draft) if stored is not None else storable(msgspec.to_builtins(draft))
    meta = dict(item.meta)
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
            "meta": as_stored(meta) or storable(meta),
            "draft": stored if draft is not None and stored is not None else plain,
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
            applied = apply_draft(connection, interaction_id, phase, item.draft, entry.at)
            if not applied and is_from_log(item.draft.details):  # the connector has told it already
                receipts.append(Receipt(Outcome.DUPLICATE, interaction_id))
                continue
            open_rows[item.key] = interaction_id, item.draft.phase if applied else phase
        known[item.dedup_key] = interaction_id
        new_reports.append({**entry.row, "interaction_id": interaction_id})
        receipts.append(Receipt(Outcome.STORED, interaction_id))
    _flush(connection, new_interactions)
    insert_rows(connection, JOURNAL, new_reports)
    sightings.record(connection, _found(entries, receipts))
    for entry in entries:
        if entry.item.cursor is not None:
            move(connection, entry.item.cursor, entry.at)
    return receipts


def _found(entries: Sequence[Entry], receipts: Sequence[Receipt]) -> list[sightings.Found]:
    """Where the items were met, those that were known too."""
    return [
        sightings.Found(
            interaction_id=receipt.interaction_id,
            source=entry.item.source,
            met=entry.item.sighting,
            keep_until=entry.keep_until,
        )
        for entry, receipt in zip(entries, receipts, strict=True)
        if entry.item.sighting is not None
    ]


def _flush(connection: Connection, rows: list[dict[str, Any]]) -> None:
    insert_rows(connection, INTERACTION, rows)
    rows.clear()


def _reports(connection: Connection, keys: set[str]) -> dict[str, str]:
    """dedup_key -> interaction id, of those reports that were stored before."""
    return {row[0]: row[1] for row in connection.execute(_REPORTS, {"keys": list(keys)})}


def stored_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the dedup keys that are in the journal."""
    return set(_reports(connection, set(keys)))


def _interactions(connection: Connection, keys: set[str]) -> dict[str, tuple[str | None, Phase]]:
    """key -> (id, phase), of those interactions that are there."""
    if not keys:
        return {}
    return {row[0]: (row[1], Phase(row[2])) for row in connection.execute(_INTERACTIONS, {"keys": list(keys)})}
