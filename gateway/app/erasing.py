"""Erasing a person wherever the gateway keeps or reaches something: database and what SQLite leaves behind, waiting
files, recordings, and CRMs that are files."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from crm_adapter.base import Forgets, Forgotten
from gateway.app.gateway import SPOOL_FOLDER
from gateway.app.removal import Outcome, RecordingRemoval
from gateway.audit.log import CONSOLE
from gateway.capture.spool import Spool
from gateway.core.clock import Clock, SystemClock
from gateway.core.phone import for_people
from gateway.core.types import Handle, Inbound
from gateway.delivery.settings import CrmSettings
from gateway.privacy.erase import Erased, Memory, erase
from gateway.privacy.person import Person, find
from gateway.privacy.tell import tell
from gateway.storage.searchindex import begin_merge, merge_some
from gateway.storage.store import Store

log = logging.getLogger(__name__)


async def tell_everything(store: Store, handles: Sequence[Handle]) -> dict[str, Any] | None:
    """What is stored of a person; None for nobody."""
    return await store.read(lambda c: tell(c, handles, SystemClock().now()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedEverywhere:
    """What was done, and what is left."""

    erased: Erased
    """Of the database, and ``spool``."""
    recordings: tuple[Outcome, ...] = ()
    """Those of the person's calls, after the first try."""
    files: tuple[Forgotten, ...] = ()
    """Of CRMs that are files: where lines were taken out, or could not be."""

    @property
    def complete(self) -> bool:
        """Whether nothing that is in our reach is left."""
        return all(one.done for one in self.recordings) and not any(one.problem for one in self.files)


async def erase_everywhere(
    store: Store, data: Path, handles: Sequence[Handle], *, places: Mapping[str, str] | None = None,
    crms: Sequence[CrmSettings] = (), clock: Clock | None = None,
) -> ErasedEverywhere:  # fmt: skip
    """``places``: the name of each PBX -> its recordings. Raises StoreUnavailable; then nothing was erased but waiting
    files, or the recordings are a duty that the gateway does within the hour."""
    memory, clock = Memory.of(data), clock or SystemClock()

    def unit(connection: Connection) -> Erased:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")  # freed pages are overwritten, not only forgotten
        return erase(connection, handles, memory, actor=CONSOLE, at=clock.now())

    person = await store.read(lambda c: find(c, handles))
    spooled = await asyncio.to_thread(_erase_spool, Spool(data / SPOOL_FOLDER), person.handles)
    done = await store.write(unit)
    removal = RecordingRemoval(store=store, places=places or {}, clock=clock)
    mine = {duty.id for duty in done.recordings}
    recordings = tuple(one for one in await removal.remove_owed(CONSOLE) if one.duty.id in mine)
    await _leave_no_trace(store)
    files = [one for crm in crms for one in await _forget(crm, person)]
    rows = {**done.rows, "spool": spooled} if spooled else done.rows
    return ErasedEverywhere(erased=replace(done, rows=rows), recordings=recordings, files=tuple(files))


async def _leave_no_trace(store: Store) -> None:
    """What the database's own files still have of rows that went."""
    await store.write(begin_merge)
    left = True
    while left:  # in steps: in between others write
        left = await store.write(merge_some, background=True)
    if store.url.get_backend_name() == "sqlite" and store.url.database:
        await asyncio.to_thread(_empty_wal, store.url.database)


async def _forget(crm: CrmSettings, person: Person) -> Sequence[Forgotten]:
    """Last of all, when no delivery is under way any more that was begun before the person was erased."""
    adapter = crm.build()
    try:
        if not isinstance(adapter, Forgets):
            return ()
        ids = {*person.contacts, *person.leads, *person.interactions}
        return await adapter.forget(ids, [handle.value for handle in person.handles])
    finally:
        await adapter.close()


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
