"""Erasing a person: every row, every waiting file; a keyed hash stays, so that no log or mailbox brings him back."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, insert, select

from gateway.audit.log import Deed, record
from gateway.core.keyfile import key_in
from gateway.core.types import Handle
from gateway.privacy.person import INTERACTION, Person, find, tables_of
from gateway.storage.tables import Erasure, table_of

ERASURE = table_of(Erasure)
KEY_FILE = "erasure.key"

# made once: it is asked for every item that was read later
_FORGOTTEN = (
    select(ERASURE.c.id)
    .where(ERASURE.c.digest.in_(bindparam("digests", expanding=True)), ERASURE.c.at > bindparam("moment"))
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done."""

    rows: dict[str, int]
    """Table -> how many rows went."""
    recordings: tuple[str, ...]
    """Recordings of his calls: they lie with the PBX, where only its administrator removes them."""

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


class Memory:
    """Tells who was erased, without knowing who it was."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = cache(key)

    @staticmethod
    def of(data: Path) -> Memory:
        """With the key of the data folder, made when it is first needed."""
        return Memory(lambda: key_in(data / KEY_FILE))

    def digest(self, handle: Handle) -> str:
        """The keyed hash of a handle."""
        return hmac.new(self._key(), f"{handle.kind.value}:{handle.value}".encode(), hashlib.sha256).hexdigest()

    def forgotten(self, connection: Connection, handles: Sequence[Handle], occurred_at: datetime) -> bool:
        """Whether one of these belonged to somebody who was erased after ``occurred_at``."""
        if not handles:
            return False
        digests = [self.digest(handle) for handle in handles]
        return connection.execute(_FORGOTTEN, {"digests": digests, "moment": occurred_at}).first() is not None


def erase(connection: Connection, asked: Sequence[Handle], memory: Memory, *, actor: str, at: datetime) -> Erased:
    """Remove everything of the person with these handles; the deed is written down without who it was.

    Files of forms and mails go with their rows: the keeper of files sweeps what no row needs any more.
    """
    person = find(connection, asked)
    recordings = _recordings(connection, person)
    counts: dict[str, int] = {}
    for table, which in tables_of(person):
        counts[table.name] = connection.execute(delete(table).where(which)).rowcount
    rows = [{"digest": memory.digest(handle), "at": at} for handle in person.handles]
    connection.execute(insert(ERASURE), rows)
    gone = {name: count for name, count in counts.items() if count}
    deed = Deed(actor=actor, action="person.erased", object_kind="person", detail={"rows": gone, "handles": len(rows)})
    record(connection, deed, at)
    return Erased(rows=gone, recordings=recordings)


def _recordings(connection: Connection, person: Person) -> tuple[str, ...]:
    query = select(INTERACTION.c.details).where(
        INTERACTION.c.id.in_(person.interactions), INTERACTION.c.channel == "call"
    )
    named = (details.get("recording") for details in connection.execute(query).scalars())
    return tuple(dict.fromkeys(str(name) for name in named if name))
