"""The files of what came in: taken out of the raw reports after the acknowledgement, kept by hash, handed out safely.

The raw report in the journal holds every byte since before the sender was acknowledged, so a file can't be lost here:
one that is missing or damaged in the folder is taken out again. A file's row is written in the transaction that places
its interaction; a worker then fills the folder, and goes on after a restart with the rows that have no hash yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.capture.filefolder import FileFolder
from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.filetypes import HEAD, FileContent, danger_of
from gateway.core.placement import Event, Placement
from gateway.core.types import Json
from gateway.storage.store import Store
from gateway.storage.tables import Journal, StoredFile

log = logging.getLogger(__name__)

PAGE = 20
"""Files that are taken up at once."""
IDLE_SECONDS = 5.0
"""How long the worker rests when nothing waits; whoever asks for a file meanwhile has it taken out at once."""
SWEEP_SECONDS = 3_600.0
ORPHANED = timedelta(days=1)
"""A file that no row names is removed when it is so old: its row may still be on the way."""
MISSING = ""
"""In place of a hash: the raw report does not have the file."""


Opener = Callable[[bytes, Mapping[str, Json]], Sequence[FileContent]]
"""Takes the files out of a raw report and its ``meta``, in the order of the draft's attachments. Never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A file as it is handed out."""

    name: str
    content_type: str
    content: bytes
    sha256: str
    danger: str | None


@dataclass(slots=True, eq=False)
class FileKeeper:
    """A Service, and a follower of the processing (``processing.step.Follower``)."""

    store: Store
    folder: FileFolder
    clock: Clock
    openers: Mapping[str, Opener]
    """Connector -> how its raw reports are opened; files of other connectors are not kept here."""
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what an earlier run left."""
        self._task = asyncio.create_task(self._work(), name="file-keeper")

    async def stop(self) -> None:
        """What was not taken out yet is at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """List the files of a placed interaction. Placing it again, with another reading, changes only what changed."""
        files = placement.draft.attachments if placement.connector in self.openers else ()
        if not files:
            return ()
        query = select(StoredFile.number).where(StoredFile.interaction_id == placement.interaction_id)
        known = set(connection.execute(query).scalars())
        rows: list[dict[str, Any]] = [
            {
                "interaction_id": placement.interaction_id,
                "number": number,
                "name": file.name,
                "content_type": file.content_type,
                "size": file.size,
                "sha256": None,
                "danger": danger_of(file.name),
                "keep_until": placement.keep_until,
            }
            for number, file in enumerate(files, start=1)
            if number not in known
        ]
        if rows:
            connection.execute(insert(StoredFile), rows)
        return ()

    async def fetch(self, interaction_id: str, number: int) -> Handed | None:
        """File ``number`` (from 1) of an interaction; None where there is none. Raises StoreUnavailable, OSError."""
        row = await self.store.read(lambda connection: _file(connection, interaction_id, number))
        if row is None or row.sha256 == MISSING:
            return None
        content = await asyncio.to_thread(self.folder.read, row.sha256) if row.sha256 else None
        sha256, danger = row.sha256, row.danger
        if content is None:
            sha256, danger, content = await self._take_out(row)
        if content is None:
            return None
        return Handed(name=row.name, content_type=row.content_type, content=content, sha256=sha256, danger=danger)

    async def work_off(self) -> int:
        """Take the next files out of their reports; how many there were."""
        waiting = await self.store.read(_waiting)
        for row in waiting:
            await self._take_out(row)
        return len(waiting)

    async def sweep(self) -> int:
        """Remove files that no row names any more (their interaction was erased); how many."""
        before = self.clock.now() - ORPHANED
        old = await asyncio.to_thread(lambda: list(self.folder.older_than(before.timestamp())))
        gone = 0
        for start in range(0, len(old), 500):
            part = old[start : start + 500]
            named = await self.store.read(partial(_named, part))
            for sha256 in part:
                if sha256 not in named:
                    await asyncio.to_thread(self.folder.remove, sha256)
                    gone += 1
        return gone

    async def _take_out(self, row: Any) -> tuple[str, str | None, bytes | None]:
        """One file out of its raw report into the folder; its hash, its danger and its bytes."""
        reports = await self.store.read(lambda connection: _reports(connection, row.interaction_id, self.openers))
        found = await asyncio.to_thread(self._find, reports, row)
        if found is None:
            log.error(
                "A file is not in the report that it came with.",
                extra={"action": "file_missing", "interaction": row.interaction_id, "number": row.number},
            )
            await self.store.write(lambda connection: _note(connection, row.id, MISSING, row.danger))
            return MISSING, row.danger, None
        sha256 = await asyncio.to_thread(self.folder.put, found)
        danger = danger_of(row.name, found[:HEAD])
        await self.store.write(lambda connection: _note(connection, row.id, sha256, danger))
        return sha256, danger, found

    def _find(self, reports: Sequence[Any], row: Any) -> bytes | None:
        """The bytes of the file in the first report that has it: by its place, name and size."""
        for report in reports:
            contents: Sequence[FileContent] = self.openers[report.connector](report.raw, report.meta)
            at_its_place = contents[row.number - 1 : row.number]
            for file in (*at_its_place, *contents):
                if (file.name, file.size) == (row.name, row.size):
                    return file.content
        return None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        swept_at = loop.time()
        while True:
            try:
                if await self.work_off() == PAGE:
                    continue
                if loop.time() - swept_at > SWEEP_SECONDS:
                    swept_at = loop.time()
                    await self.sweep()
            except (StoreUnavailable, OSError) as error:
                log.warning("Files were put off.", extra={"action": "files_put_off", "reason": str(error)})
            except Exception:
                log.exception("Files could not be taken out.", extra={"action": "files_failed"})
            await asyncio.sleep(IDLE_SECONDS)


_FILE = select(
    StoredFile.id, StoredFile.interaction_id, StoredFile.number, StoredFile.name, StoredFile.content_type,
    StoredFile.size, StoredFile.sha256, StoredFile.danger,
)  # fmt: skip


def _file(connection: Connection, interaction_id: str, number: int) -> Any:
    query = _FILE.where(StoredFile.interaction_id == interaction_id, StoredFile.number == number)
    return connection.execute(query).one_or_none()


def _waiting(connection: Connection) -> Sequence[Any]:
    return connection.execute(_FILE.where(StoredFile.sha256.is_(None)).order_by(StoredFile.id).limit(PAGE)).all()


def _reports(connection: Connection, interaction_id: str, openers: Mapping[str, Opener]) -> Sequence[Any]:
    query = (
        select(Journal.connector, Journal.raw, Journal.meta)
        .where(Journal.interaction_id == interaction_id, Journal.connector.in_(list(openers)))
        .order_by(Journal.id)
    )
    return connection.execute(query).all()


def _note(connection: Connection, row_id: int, sha256: str, danger: str | None) -> None:
    connection.execute(update(StoredFile).where(StoredFile.id == row_id).values(sha256=sha256, danger=danger))


def _named(hashes: Sequence[str], connection: Connection) -> set[str]:
    found = connection.execute(select(StoredFile.sha256).where(StoredFile.sha256.in_(hashes)).distinct()).scalars()
    return {sha256 for sha256 in found if sha256}
