"""A house in which every text that anybody outside could have written is hostile, for the tests over every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, Text, UniqueConstraint, cast, insert, literal, select, update

from gateway.storage.tables import Base, CallbackEvent, Interaction, Segment, StageChange
from tests.support.clock import MONDAY

MARK = "zq7"
MARKUP = f"\"'><svg onload={MARK}()>&{{{{7*7}}}}"
"""Breaks out of a text, of an attribute in either kind of quotation marks, and of a template."""
ADDRESS = f"javascript:{MARK}()"
"""What must not become a link."""

KEPT: Mapping[str, frozenset[str]] = {
    "manager": frozenset({"login", "password_hash", "hours"}),
    "interaction": frozenset({"key", "connector"}),
    "journal": frozenset({"dedup_key", "connector"}),
    "assignment": frozenset({"actor"}),
    "audit": frozenset({"actor", "object_id"}),
    "note": frozenset({"author"}),
    "stage_change": frozenset({"actor"}),
    "task": frozenset({"created_by", "ended_by", "rule", "rule_key", "outcome"}),
    "callback": frozenset({"owner_rule", "closed_actor"}),
    "callback_event": frozenset({"actor"}),
    "document": frozenset({"template", "label", "created_by", "html"}),
    "outbox": frozenset({"crm", "order_key"}),
    "outgoing": frozenset({"key"}),
    "spend": frozenset({"created_by"}),
    "lease": frozenset({"name", "holder"}),
    "cursor": frozenset({"name"}),
}
"""Columns of text that the gateway itself fills and looks things up by; and the pages of documents, which are made by
our own templates and tested with them."""
MADE_BY_US = frozenset(
    {"session", "sign_in_step", "totp", "setup_link", "api_token", "idempotency_claim", "report_day"}
)


def fill(connection: Connection) -> None:
    """Rows of the kinds that the matrix has none of; then every free text of every row is made hostile."""
    _more(connection)
    for table in Base.metadata.sorted_tables:
        if table.name not in MADE_BY_US:
            _spoil(connection, table)


def _more(connection: Connection) -> None:
    for word in ("own", "other", "free"):
        connection.execute(update(Interaction).where(Interaction.id == f"call-{word}").values(details=CALL))
        event = {"callback_id": f"callback-{word}", "at": MONDAY, "kind": "note", "actor": "gateway", "detail": {}}
        connection.execute(insert(CallbackEvent), {**event, "note": "x"})
        moved = {"from_stage": "new", "to_stage": "offer", "from_status": "open", "to_status": "lost", "since": MONDAY}
        change = {"lead_id": f"lead-{word}", "reason": "x", "actor": "gateway", "at": MONDAY, **moved}
        connection.execute(insert(StageChange), change)
    segment = {"id": "segment-1", "name": "x", "owner_id": "m-manager", "filters": {}, "created_at": MONDAY}
    connection.execute(insert(Segment), segment)


CALL: dict[str, Any] = {
    "caller": "+79260000001", "dialled": "x", "answered": False, "outcome": "missed", "missed_reason": "no_answer",
    "rang": ["x"], "queue": "x", "wait_seconds": 3.0, "caller_name": "x", "answered_by": "x",
}  # fmt: skip


def _spoil(connection: Connection, table: Table) -> None:
    key = cast(table.primary_key.columns.values()[0], Text)
    values = {
        column.name: literal(MARKUP) + key if _is_alone(table, column) else MARKUP
        for column in table.columns
        if _is_free(table, column)
    }
    if values:
        connection.execute(update(table).values(values))
    first = table.primary_key.columns.values()[0]
    for name in ("fields", "details", "problems", "attachments", "source"):
        if name in table.columns and table.name != "spend":  # there the source is one word
            for key, value in connection.execute(select(first, table.columns[name])).all():
                connection.execute(update(table).where(first == key).values({name: hostile(name, value)}))


def _is_free(table: Table, column: Any) -> bool:
    text = isinstance(column.type, Text)
    return text and not column.primary_key and column.name not in KEPT.get(table.name, ())


def _is_alone(table: Table, column: Any) -> bool:
    """Whether no two rows may have the same value there."""
    together = [one.columns.keys() for one in table.constraints if isinstance(one, UniqueConstraint)]
    together += [index.columns.keys() for index in table.indexes if index.unique]
    return bool(column.unique) or any(column.name in names for names in together)


def hostile(name: str, value: Any) -> Any:
    """A value of a JSON column with hostile texts where strangers' texts stand."""
    if name == "fields":
        return {MARKUP: MARKUP}
    if name == "problems":
        return [MARKUP]
    if name == "attachments":
        return [{"name": MARKUP, "content_type": MARKUP, "size": 5, "url": ADDRESS}]
    if name == "source":
        found = {"source": MARKUP, "medium": MARKUP, "campaign": MARKUP, "term": MARKUP, "content": MARKUP}
        return {"name": MARKUP, "page": ADDRESS, "referer": ADDRESS, "utm": found, "click_ids": {MARKUP: MARKUP}}
    return {key: MARKUP if key in FREE_DETAILS else inner for key, inner in (value or {}).items()} | {"text": MARKUP}


FREE_DETAILS = frozenset({"dialled", "queue", "caller_name", "answered_by", "text", "from", "spam"})
