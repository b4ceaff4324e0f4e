"""Erasing a person wherever the gateway keeps something: database, waiting files, and what SQLite leaves behind."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gateway.app.gateway import SPOOL_FOLDER
from gateway.audit.log import CONSOLE
from gateway.capture.spool import Spool
from gateway.core.clock import SystemClock
from gateway.core.phone import for_people
from gateway.core.types import Handle, Inbound
from gateway.privacy.erase import Erased, Memory, erase
from gateway.privacy.tell import tell
from gateway.storage.searchindex import begin_merge, merge_some
from gateway.storage.store import Store

log = logging.getLogger(__name__)


async def tell_everything(store: Store, handles: Sequence[Handle]) -> dict[str, Any] | None:
    """What is stored of a person; None for nobody."""
    return await store.read(lambda c: tell(c, handles, SystemClock().now()))


async def erase_everywhere(store: Store, data: Path, handles: Sequence[Handle]) -> Erased:
    """Raises StoreUnavailable; then nothing was erased but waiting files."""
    memory, clock = Memory.of(data), SystemClock()

    def unit(connection: Connection) -> Erased:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")  # freed pages are overwritten, not only forgotten
        return erase(connection, handles, memory, actor=CONSOLE, at=clock.now())

    spooled = await asyncio.to_thread(_erase_spool, Spool(data / SPOOL_FOLDER), handles)
    done = await store.write(unit)
    await store.write(begin_merge)
    left = True
    while left:  # in steps: in between others write
        left = await store.write(merge_some, background=True)
    if store.url.get_backend_name() == "sqlite" and store.url.database:
        await asyncio.to_thread(_empty_wal, store.url.database)
    rows = {**done.rows, "spool": spooled} if spooled else done.rows
    return Erased(rows=rows, recordings=done.recordings)


def _erase_spool(spool: Spool, handles: Sequence[Handle]) -> int:
    """Waiting files that carry one of the handles; how many."""
    gone = 0
    for path in spool.waiting():
        item = spool.read(path)
        if item is not None and _carries(item, handles):
            spool.remove(path)
            gone += 1
    return gone


def _carries(item: Inbound, handles: Sequence[Handle]) -> bool:
    if item.draft is not None and set(item.draft.handles) & set(handles):
        return True
    words = {spelling for handle in handles for spelling in (handle.value, for_people(handle.value))}
    return any(word.encode() in item.raw for word in words)


def _empty_wal(database: str) -> None:
    """What was overwritten still stands in the write-ahead log until it is emptied."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        (blocked, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if blocked:
        log.warning(
            "The write-ahead log could not be emptied now; the gateway empties it within the hour.",
            extra={"action": "wal_kept"},
        )
