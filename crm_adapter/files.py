"""Events in files, one line each, a file a day: what the adapters ``csv`` and ``jsonl`` share.

A line counts when it is synced to the disk. What was being written when the power failed is cut off at the next start,
and comes again, since nobody was told that it was done. The day is that of the event, so a repeat looks for itself in
the one file where it can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from crm_adapter.base import Capabilities, CrmError, Done, Event, Forgotten, Misconfigured, Unavailable, Unknown
from crm_adapter.options import BadOption, Options
from crm_adapter.said import Said

MODE = 0o640
"""The group may read: the program that takes the files up belongs to it."""
MOST_DAYS = 8
"""Days whose message ids are remembered; any other day's file is read again."""
BY_A_PERSON = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EROFS, errno.ENAMETOOLONG}
)
"""Nothing can be written until somebody mends the folder; all else (a full disk, a share that is away) may pass."""


NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What a share of the network that knows no locks says: then lines are only added, none is taken out."""


class Disk:
    """The file system: the only place that touches it. Blocking; raises OSError."""

    def mark(self, path: Path) -> tuple[int, int] | None:
        """Inode and size; None where there is no file. Another mark: somebody else changed or took the file."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size

    def read(self, path: Path) -> bytes:
        """All of it; empty where there is no file."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""

    def cut(self, path: Path, size: int) -> None:
        """Drop what is behind ``size``."""
        os.truncate(path, size)

    def append(self, path: Path, content: bytes) -> None:
        """Add and sync; where that fails, nothing is added."""
        handle = self._open_last(path)
        try:
            before = os.fstat(handle).st_size
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            except OSError:
                with contextlib.suppress(OSError):  # the first error is the one to be told
                    os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        if before == 0:  # the name itself has to last, too
            self._sync_folder(path.parent)

    def rewrite(self, path: Path, keep: Callable[[bytes], bool]) -> int:
        """Take out the lines that are not to be kept; how many. Where that fails, the file is as it was."""
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not _lock(handle):
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            lines = file.read().split(b"\n")
            kept = [line for line in lines if not line or keep(line)]
            if len(kept) < len(lines):
                self._replace(path, b"\n".join(kept), os.fstat(handle))
            return len(lines) - len(kept)

    def _open_last(self, path: Path) -> int:
        """The file to add to, locked: who takes lines out puts another file in its place."""
        while True:
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            try:
                _lock(handle)
                mark = self.mark(path)
                if mark is not None and mark[0] == os.fstat(handle).st_ino:
                    return handle
            except OSError:
                os.close(handle)
                raise
            os.close(handle)

    def _replace(self, path: Path, content: bytes, like: os.stat_result) -> None:
        """Another file in the place of ``path``, with its owner and rights, or the old one untouched."""
        unfinished = path.with_name(f".{path.name}.new")
        try:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(handle, like.st_uid, like.st_gid)
                os.fchmod(handle, like.st_mode & 0o7777)
                file.write(content)
                file.flush()
                os.fsync(handle)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        self._sync_folder(path.parent)

    def examine(self, folder: Path) -> None:
        """Raise OSError where files can't be made in ``folder``."""
        if not folder.is_dir():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    def _sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Wait for the others; False where the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


class Format(Protocol):
    """How a line looks. Lines end with a newline, and have no other."""

    suffix: str
    """Of the file's name, with the dot."""

    @property
    def head(self) -> bytes:
        """The first line of a file; empty without one."""
        ...

    def line(self, event: Event) -> bytes:
        """One event."""
        ...

    def message_id(self, line: bytes) -> str | None:
        """Of a line without its end; None for one that is not ours."""
        ...

    def text(self, line: bytes) -> str:
        """What a line without its end says, with the event's JSON as it was written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """The keys that both adapters have."""

    folder: Path
    prefix: str
    """``leadgate`` gives ``leadgate-2026-11-22.csv``."""
    zone: ZoneInfo
    """Whose midnight ends a file."""
    timeout: float
    """Seconds for a write; a share in the network may hang."""


def read_settings(reader: Options) -> FileSettings:
    """Read ``folder``, ``prefix``, ``timezone`` and ``timeout``. Raises BadOption."""
    folder = Path(reader.text("folder"))
    if not folder.is_absolute():
        raise BadOption("folder", "must be a whole path, as /srv/leads")
    prefix = reader.text("prefix", "leadgate")
    if prefix.startswith(".") or not all(sign.isalnum() or sign in "._-" for sign in prefix) or len(prefix) > 100:
        raise BadOption("prefix", "must be of letters, digits, dots, - and _, and not begin with a dot")
    name = reader.text("timezone", "UTC")
    try:
        zone = ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise BadOption("timezone", "is not known; write it like Europe/Moscow") from None
    return FileSettings(
        folder=folder, prefix=prefix, zone=zone, timeout=reader.number("timeout", 20, least=0.1, most=60)
    )


@dataclass(slots=True)
class _Day:
    """One day's file, as it was when we looked last."""

    path: Path
    mark: tuple[int, int] | None
    seen: set[str] = field(default_factory=set)
    """Message ids in it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: Event
    done: asyncio.Future[Done]


class DayFiles:
    """Implements ``base.CrmAdapter``. Pushes that come at once share one write and one sync."""

    capabilities = Capabilities(contacts=True, leads=True, calls=True, mail=True)

    def __init__(self, settings: FileSettings, form: Format, disk: Disk | None = None) -> None:
        self._settings = settings
        self._form = form
        self.disk = disk or Disk()
        """Tests put a bad one here."""
        self._days: OrderedDict[str, _Day] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def push(self, event: Event) -> Done:
        """Return when the event's line is on the disk, from now or from an earlier try."""
        mine = _Waiting(event, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="crm-files")
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await mine.done
        except TimeoutError:
            seconds = f"{self._settings.timeout:g}"
            said = Said("%(folder)s did not answer within %(seconds)s s", folder=self._settings.folder, seconds=seconds)
            raise Unknown(said) from None

    async def check(self) -> str:
        """Whether files can be made in the folder; makes none."""
        try:
            await asyncio.to_thread(self.disk.examine, self._settings.folder)
        except OSError as error:
            raise _meaning(error, self._settings.folder) from None
        return Said("files can be written into %(folder)s", folder=self._settings.folder)

    async def forget(self, ids: Collection[str], handles: Collection[str]) -> Sequence[Forgotten]:
        """Implements ``base.Forgets``: the lines of a person go from every file that still lies in the folder."""
        words = [*ids, *(f'"{handle}"' for handle in handles)]
        return await asyncio.to_thread(self._forget, words)

    def _forget(self, words: Sequence[str]) -> Sequence[Forgotten]:
        def keep(line: bytes) -> bool:
            text = self._form.text(line)
            return not any(word in text for word in words)

        found = []
        for path in sorted(self._settings.folder.glob(f"{self._settings.prefix}-*{self._form.suffix}")):
            try:
                lines = self.disk.rewrite(path, keep)
            except OSError as error:
                why = error.strerror or type(error).__name__
                found.append(Forgotten(place=str(path), problem=f"the lines of the person can't be taken out: {why}"))
                continue
            if lines:
                found.append(Forgotten(place=str(path), count=lines))
        return found

    async def close(self) -> None:
        """Wait for the write that is under way, within its time-out."""
        if self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer], timeout=self._settings.timeout)

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                outcomes = await asyncio.to_thread(self._write, [one.event for one in batch])
            except Exception as error:
                for one in batch:
                    _settle(one.done, error)
                continue
            for one in batch:
                _settle(one.done, outcomes[self._date(one.event)])

    def _write(self, events: Sequence[Event]) -> Mapping[str, Done | CrmError]:
        """In a thread, one at a time: what became of each day's file."""
        by_date: dict[str, list[Event]] = {}
        for event in events:
            by_date.setdefault(self._date(event), []).append(event)
        return {date: self._write_day(date, of_day) for date, of_day in by_date.items()}

    def _write_day(self, date: str, events: Sequence[Event]) -> Done | CrmError:
        try:
            day = self._day(date)
            fresh = {one.message_id: one for one in events if one.message_id not in day.seen}
            if fresh:
                head = self._form.head if not day.mark or not day.mark[1] else b""
                self.disk.append(day.path, head + b"".join(self._form.line(one) for one in fresh.values()))
                day.seen.update(fresh)
                day.mark = self.disk.mark(day.path)
        except OSError as error:
            self._days.pop(date, None)  # what is in the file is not known now
            return _meaning(error, self._settings.folder)
        return Done(remote_id=day.path.name)

    def _day(self, date: str) -> _Day:
        """The day's file, read anew where it is not as we left it."""
        day = self._days.get(date)
        if day is None or self.disk.mark(day.path) != day.mark:
            day = self._days[date] = self._read_day(date)
        self._days.move_to_end(date)
        while len(self._days) > MOST_DAYS:
            self._days.popitem(last=False)
        return day

    def _read_day(self, date: str) -> _Day:
        """The first of the day's files that has today's columns (they may have been changed), or is not there yet."""
        seen: set[str] = set()
        part = 1
        while True:
            more = f".{part}" if part > 1 else ""
            path = self._settings.folder / f"{self._settings.prefix}-{date}{more}{self._form.suffix}"
            content = self.disk.read(path)
            whole = content[: content.rfind(b"\n") + 1]
            if len(whole) < len(content):  # cut short by a loss of power: never reported as done
                self.disk.cut(path, len(whole))
            seen.update(one for line in whole.split(b"\n") if line and (one := self._form.message_id(line)))
            if not whole or whole.startswith(self._form.head):
                return _Day(path, self.disk.mark(path), seen)
            part += 1

    def _date(self, event: Event) -> str:
        return event.timestamp.astimezone(self._settings.zone).date().isoformat()


def _settle(future: asyncio.Future[Done], outcome: Done | Exception) -> None:
    if future.done():  # whoever waited has gone: the line is found by the next try
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _meaning(error: OSError, folder: Path) -> CrmError:
    words = error.strerror or type(error).__name__
    if error.errno in BY_A_PERSON:
        return Misconfigured(
            Said(
                "%(folder)s: %(words)s; make the folder, and let Leadgate's user write there",
                folder=folder,
                words=words,
            )
        )
    return Unavailable(Said("%(folder)s: %(words)s", folder=folder, words=words))
