"""A Draft as the columns of an interaction row, and which of two reports of one interaction wins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from gateway.capture.precedence import combined, needs_care
from gateway.core.types import Draft, Inbound, Phase
from gateway.storage.prepared import Prepared
from gateway.storage.tables import Interaction, table_of

INTERACTION = table_of(Interaction)
_STORED = Prepared(
    select(
        *(
            INTERACTION.c[name]
            for name in (
                "phase", "direction", "kind", "outcome", "line", "name", "subject", "text", "fields", "source",
                "handles", "attachments", "problems", "details", "occurred_at", "ended_at",
            )
        )
    ).where(INTERACTION.c.id == bindparam("interaction"))
)  # fmt: skip

MAX_TEXT = 1_000_000
"""Characters of text kept in the row; the raw item has the rest."""
MAX_REASON = 40
"""Characters of ``interaction.missed_reason``."""


def storable(value: Any) -> Any:
    """The same JSON value without what no database takes: NUL (PostgreSQL) and lone surrogates become U+FFFD."""
    if isinstance(value, str):
        return "".join("\ufffd" if is_unstorable(c) else c for c in value) if _is_odd(value) else value
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [storable(entry) for entry in value]
    return value


def is_unstorable(character: str) -> bool:
    """NUL and the halves of surrogate pairs."""
    return character == "\0" or "\ud800" <= character <= "\udfff"


def _is_odd(text: str) -> bool:
    if text.isascii():
        return "\0" in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\0" in text


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """A Draft as plain JSON values that can be stored."""
    plain: dict[str, Any] = msgspec.to_builtins(draft)
    return plain if as_stored(draft) is not None else storable(plain)


def as_stored(value: Any) -> msgspec.Raw | None:
    """``value`` as JSON, where nothing in it has to be replaced to be storable; nearly always so, and told at once."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return None
    return msgspec.Raw(text) if b"\\u0000" not in text else None


def draft_from_json(stored: dict[str, Any]) -> Draft:
    """The Draft that draft_to_json wrote. Raises msgspec.ValidationError for anything else."""
    return msgspec.convert(stored, Draft)


def columns_of(draft: Draft, plain: Mapping[str, Any]) -> dict[str, Any]:
    """What a draft says of its interaction; ``plain`` is draft_to_json of it."""
    return {
        "phase": draft.phase.value,
        "direction": draft.direction.value,
        "kind": draft.kind.value,
        "outcome": _outcome(draft),
        "line": plain["line"],
        "name": plain["name"],
        "subject": plain["subject"],
        "text": plain["text"][:MAX_TEXT],
        "fields": plain["fields"],
        "source": plain["source"],
        "handles": plain["handles"],
        "attachments": plain["attachments"],
        "problems": plain["problems"],
        "details": plain["details"],
        **call_columns(plain["details"]),
        "occurred_at": draft.occurred_at,
        "ended_at": draft.ended_at,
    }


def _outcome(draft: Draft) -> str | None:
    outcome = draft.details.get("outcome")
    return str(outcome) if outcome and draft.phase is Phase.ENDED else None


def call_columns(details: Mapping[str, Any]) -> dict[str, Any]:
    """What lists and reports ask of a call's record, as columns of their own; all None for what is no call."""
    reason, queue = details.get("missed_reason"), details.get("queue")
    return {
        "missed_reason": str(reason)[:MAX_REASON] if reason else None,
        "queue": str(queue) if queue else None,
        "wait_seconds": _seconds(details.get("wait_seconds")),
        "talk_seconds": _seconds(details.get("talk_seconds")),
    }


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def columns_of_pending(item: Inbound) -> dict[str, Any]:
    """The row of an item that nobody understood yet: it is there, and says so."""
    return {
        "phase": Phase.RECEIVED.value,
        "direction": None,
        "kind": None,
        "outcome": None,
        "line": None,
        "name": None,
        "subject": None,
        "text": "",
        "fields": {},
        "source": {},
        "handles": [],
        "attachments": [],
        "problems": [],
        "details": {},
        **call_columns({}),
        "occurred_at": item.received_at,
        "ended_at": None,
    }


def apply_draft(connection: Connection, interaction_id: str, phase: Phase, draft: Draft, at: datetime) -> bool:
    """Put a later report's facts into the row; False where they change nothing: ``phase``, the row's own, is further on
    already, or a better report of the same call is there (``precedence``)."""
    if draft.phase.rank < phase.rank:
        return False
    columns = columns_of(draft, draft_to_json(draft))
    if needs_care(draft, phase):
        stored = _STORED.first(connection, interaction=interaction_id)
        columns = combined(stored._asdict(), columns)
        if not columns:
            return False
        columns |= call_columns(columns["details"])
    values = {_bound(name): value for name, value in columns.items()}
    _update_of(tuple(columns)).change(connection, interaction=interaction_id, at=at, **values)
    return True


@cache
def _update_of(names: tuple[str, ...]) -> Prepared:
    """Made once for each set of columns, of which there are few."""
    values: dict[str, Any] = {name: bindparam(_bound(name)) for name in names}
    where = INTERACTION.c.id == bindparam("interaction")
    return Prepared(update(INTERACTION).where(where).values(**values, updated_at=bindparam("at")))


def _bound(name: str) -> str:
    """The parameter for a column's new value: its own name would mean the column."""
    return f"new_{name}"
