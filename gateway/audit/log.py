"""Writing deeds down and proving that none was changed or taken away.

Every row's hash covers the hash of the row before, so a row that was altered, removed or slipped in breaks the chain
from there on. Whoever can write to the database can still make the whole chain anew from some row on; ``newest`` is
what an administrator keeps elsewhere (a backup, a printout) to notice that too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, text

from gateway.core.types import Json
from gateway.storage.tables import Audit, table_of

AUDIT = table_of(Audit)
START = "0" * 64
"""The hash before the first row."""
PAGE = 1000
LOCK = 7_265_201_932
"""PostgreSQL: two transactions that both append wait for each other (any number will do). SQLite has one writer."""

GATEWAY = "gateway"
"""The actor of what the gateway does by itself."""
CONSOLE = "console"
"""The actor of a command given on the server."""

_LAST = select(AUDIT.c.hash).order_by(AUDIT.c.id.desc()).limit(1)
_PAGE = select(AUDIT).where(AUDIT.c.id > bindparam("after")).order_by(AUDIT.c.id).limit(PAGE)


def manager_actor(manager_id: str) -> str:
    """The actor of what a signed-in person does."""
    return f"manager:{manager_id}"


def token_actor(token_id: str) -> str:
    """The actor of what a program does with an API token."""
    return f"token:{token_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that was done, to be written down."""

    actor: str
    action: str
    """``call.originated``, ``callback.claimed``, ``user.disabled``: the thing, a dot, what was done to it."""
    object_kind: str | None = None
    object_id: str | None = None
    detail: Mapping[str, Json] | None = None
    """What changed. Never a secret."""


def record(connection: Connection, deed: Deed, at: datetime) -> None:
    """Append the deed in the caller's transaction: it is written down exactly if it was done."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    before = connection.execute(_LAST).scalar_one_or_none() or START
    row: dict[str, Any] = {
        "at": at,
        "actor": deed.actor,
        "action": deed.action,
        "object_kind": deed.object_kind,
        "object_id": deed.object_id,
        # as it comes back from the database, so that the hash can be computed again
        "detail": msgspec.json.decode(msgspec.json.encode(dict(deed.detail or {}))),
    }
    connection.execute(insert(AUDIT), {**row, "hash": _hash(before, row)})


def newest(connection: Connection, limit: int, *, before: int | None = None) -> list[dict[str, Any]]:
    """The last deeds, the newest first; ``before``: only those with a smaller id."""
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    return [dict(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the whole chain found."""

    rows: int
    newest: str
    """Hash of the last row: kept elsewhere, it proves later that nothing before it was changed."""
    broken_at: int | None = None
    """Id of the first row that does not fit the one before it."""


def verify(connection: Connection) -> Verdict:
    """Compute the chain anew from the first row on, in pages."""
    before, rows, after = START, 0, 0
    while page := connection.execute(_PAGE, {"after": after}).mappings().all():
        for row in page:
            if _hash(before, dict(row)) != row["hash"]:
                return Verdict(rows=rows, newest=before, broken_at=row["id"])
            before, after, rows = row["hash"], row["id"], rows + 1
    return Verdict(rows=rows, newest=before)


def _hash(before: str, row: Mapping[str, Any]) -> str:
    moment = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    values = [before, moment, row["actor"], row["action"], row["object_kind"], row["object_id"], row["detail"]]
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()
