"""The journal as the log of what was delivered, and putting a new reading in the place of an old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select, update

from gateway.capture.interactions import columns_of, draft_to_json
from gateway.core.types import Draft
from gateway.storage.tables import Interaction, Journal, Lead


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One line of the log."""

    id: int
    source: str
    """The form's key, the mailbox, the PBX."""
    received_at: datetime
    state: str
    """``new``, ``done`` or ``aside``, as the processing left it."""
    error: str | None
    size: int
    """Bytes."""
    interaction_id: str
    lead_id: str | None
    """The lead that it opened or joined; None: it has none, or was not processed yet."""
    kind: str | None
    """``message``, ``spam``, ``test``; None: not read yet."""
    preset: str | None
    name: str | None
    handles: tuple[str, ...]
    problems: tuple[str, ...]
    """Why it is spam, and what was wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One delivery as it came."""

    id: int
    source: str
    raw: bytes
    meta: Mapping[str, Any]
    received_at: datetime
    draft: Mapping[str, Any] | None
    interaction_id: str


class Replaced(StrEnum):
    """What became of a new reading."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    """A later report of the same interaction stands there, which this one must not overwrite."""


def deliveries(
    connection: Connection,
    connector: str,
    *,
    source: str | None = None,
    kind: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """What a connector delivered, the newest first."""
    query = (
        select(
            Journal.id, Journal.source, Journal.received_at, Journal.state, Journal.error, Journal.draft,
            Journal.interaction_id, Interaction.lead_id, func.length(Journal.raw).label("size"),
        )
        .join(Interaction, Interaction.id == Journal.interaction_id)
        .where(Journal.connector == connector)
        .order_by(Journal.id.desc())
        .limit(limit)
    )  # fmt: skip
    if source is not None:
        query = query.where(Journal.source == source)
    if before_id is not None:
        query = query.where(Journal.id < before_id)
    if kind is not None:
        query = query.where(Interaction.kind == kind)
    return [_delivery(row) for row in connection.execute(query)]


def _delivery(row: Any) -> Delivery:
    draft = row.draft or {}
    details = draft.get("details") or {}
    spam = details.get("spam") or ("Too many submissions came at once." if details.get("quarantine") else None)
    return Delivery(
        id=row.id,
        source=row.source,
        received_at=row.received_at,
        state=row.state,
        error=row.error,
        size=row.size,
        interaction_id=row.interaction_id,
        lead_id=row.lead_id,
        kind=draft.get("kind"),
        preset=details.get("preset"),
        name=draft.get("name"),
        handles=tuple(handle["value"] for handle in draft.get("handles") or ()),
        problems=(*((spam,) if spam else ()), *(draft.get("problems") or ())),
    )


def stored(connection: Connection, connector: str, journal_id: int) -> Stored | None:
    """One delivery of a connector with its raw bytes; None where there is no such."""
    row = connection.execute(_stored(connector).where(Journal.id == journal_id)).one_or_none()
    return _as_stored(row) if row is not None else None


def stored_of(connection: Connection, connector: str, source: str, *, after_id: int, limit: int) -> Sequence[Stored]:
    """The next deliveries of one source, oldest first."""
    query = _stored(connector).where(Journal.source == source, Journal.id > after_id).order_by(Journal.id).limit(limit)
    return [_as_stored(row) for row in connection.execute(query)]


def _stored(connector: str) -> Select[Any]:
    columns = (Journal.id, Journal.source, Journal.raw, Journal.meta, Journal.received_at, Journal.draft,
               Journal.interaction_id)  # fmt: skip
    return select(*columns).where(Journal.connector == connector)


def _as_stored(row: Any) -> Stored:
    return Stored(
        id=row.id,
        source=row.source,
        raw=row.raw,
        meta=row.meta,
        received_at=row.received_at,
        draft=row.draft,
        interaction_id=row.interaction_id,
    )


def is_same_reading(one: Stored, draft: Draft) -> bool:
    """Whether a delivery was read like this before."""
    return msgspec.json.encode(draft_to_json(draft)) == msgspec.json.encode(one.draft)


def put_reading(connection: Connection, one: Stored, draft: Draft, at: datetime) -> Replaced:
    """Put ``draft`` in the place of what was read before, and let the processing place it anew.

    Contact and lead follow in the running gateway, or at its next start. A lead that this delivery opened takes the new
    text, fields and source; what people did with it stays. Doing it twice changes nothing the second time.
    """
    if is_same_reading(one, draft):
        return Replaced.UNCHANGED
    plain = draft_to_json(draft)
    newest = select(func.max(Journal.id)).where(Journal.interaction_id == one.interaction_id)
    if connection.execute(newest).scalar_one() != one.id:
        return Replaced.SUPERSEDED
    columns = columns_of(draft, plain)
    connection.execute(update(Interaction).where(Interaction.id == one.interaction_id).values(**columns, updated_at=at))
    connection.execute(
        update(Lead)
        .where(Lead.opened_by == one.interaction_id)
        .values(
            subject=columns["subject"], text=columns["text"], fields=columns["fields"], source=columns["source"],
            updated_at=at,
        )
    )  # fmt: skip
    again = {"draft": plain, "state": "new", "attempts": 0, "due_at": at, "error": None}
    connection.execute(update(Journal).where(Journal.id == one.id).values(**again))
    return Replaced.CHANGED
