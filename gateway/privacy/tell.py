"""Everything that is stored of one person, as JSON that can be handed to him (GDPR article 15, 152-FZ article 14)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from gateway.core.types import Handle
from gateway.privacy.person import find, tables_of

RAW_SHOWN = 65_536
"""Bytes of a raw item that are told; the whole stays in the interaction's own fields."""


def tell(connection: Connection, asked: Sequence[Handle], at: datetime) -> dict[str, Any] | None:
    """Table -> its rows, column by column; None where nothing is stored."""
    person = find(connection, asked)
    if not person.known:
        return None
    stored = {
        table.name: [
            {name: _plain(value) for name, value in row.items()}
            for row in connection.execute(select(table).where(which)).mappings()
        ]
        for table, which in reversed(tables_of(person))
    }
    return {
        "told_at": at.isoformat(),
        "handles": [{"kind": handle.kind.value, "value": handle.value} for handle in person.handles],
        "stored": {name: rows for name, rows in stored.items() if rows},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return {"bytes": len(value), "base64": base64.b64encode(value[:RAW_SHOWN]).decode()}
    return value
