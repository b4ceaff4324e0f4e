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
from gateway.privacy.copies import Copy, copies_of
from gateway.privacy.person import find, tables_of
from gateway.privacy.recordings import Duty, owe, recordings_of, shared
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
    recordings: tuple[Duty, ...] = ()
    """Recordings of the person's calls; from now on it is a duty to remove them."""
    shared: int = 0
    """Calls of other people that lose their recording with it, as one that was passed on has."""
    copies: tuple[Copy, ...] = ()
    """What CRMs have of the person."""

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

    Files of forms and mails go with their rows: the keeper of files sweeps what no row needs any more. Recordings are
    a duty from then on (recordings.py).
    """
    person = find(connection, asked)
    recordings = recordings_of(connection, person.interactions, at)
    others = shared(connection, recordings, set(person.interactions))
    copies = copies_of(connection, person)
    owe(connection, recordings, at)
    counts: dict[str, int] = {}
    for table, which in tables_of(person):
        counts[table.name] = connection.execute(delete(table).where(which)).rowcount
    rows = [{"digest": memory.digest(handle), "at": at} for handle in person.handles]
    connection.execute(insert(ERASURE), rows)
    gone = {name: count for name, count in counts.items() if count}
    deed = Deed(actor=actor, action="person.erased", object_kind="person", detail={"rows": gone, "handles": len(rows)})
    record(connection, deed, at)
    return Erased(rows=gone, recordings=tuple(recordings), shared=others, copies=copies)
