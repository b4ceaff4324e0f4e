"""A CSV log as Asterisk writes it, read on from where the last reading ended; rotation is noticed."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from gateway.core.systemerrors import system_words
from gateway.core.types import Json
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.csvlines import LONGEST_ROW, CsvFormat, Line, rows_in
from gateway.telephony.history.page import PAGE_ROWS, LogUnreadable, Page, Refused, Row, row_reader
from gateway.telephony.history.rows import BadRow, CelRow

HEAD_BYTES = 256
"""The first bytes of a file tell it from another one under the same inode."""

_TRIES = 50
"""Lines that are looked at to find one that is a row."""

Mark = Mapping[str, Json]
"""Which file: ``{"file": inode, "head": [bytes, digest]}``."""
ReadRow = Callable[[Mapping[str, object]], Row]


class LogFile:
    """Implements ``page.Log`` for one CSV file and its rotated predecessors. A place is a Mark and an ``offset``."""

    def __init__(
        self, path: Path, kind: LogKind, zone: tzinfo, *, encoding: str | None = None, columns: Sequence[str] = ()
    ) -> None:
        """``zone``: what the times in it are, where they say nothing themselves."""
        self.kind = kind
        self.name = str(path)
        self._path = path
        self._zone = zone
        self._form = CsvFormat(kind, encoding=encoding, columns=columns)

    def close(self) -> None:
        """Nothing is kept open."""

    def pages(self, place: Json | None, since: float | None = None) -> Iterator[Page]:
        """See ``page.Log``."""
        read = row_reader(self.kind, self._zone)
        files, notes = self._files_from(place)
        if place is None and since is not None:
            files = [(self._path, self._offset_of(since, read))]
        for path, offset in files:
            try:
                with path.open("rb") as file:
                    yield from self._read(file, offset, read, notes)
            except OSError as error:
                raise self._unreadable(path, error) from None
            notes = []

    def _read(self, file: BinaryIO, offset: int, read: ReadRow, notes: list[str]) -> Iterator[Page]:
        mark = _mark(file)
        file.seek(0)
        self._form.learn_heading(file.readline(LONGEST_ROW))
        file.seek(offset)
        page = Page(notes=notes, place={**mark, "offset": offset})
        for line in rows_in(file, offset, self._form):
            self._take(page, line, mark, read)
            if len(page.rows) + len(page.refused) >= PAGE_ROWS:
                yield page
                page = Page(place=page.place)
        yield page

    def _take(self, page: Page, line: Line, mark: Mark, read: ReadRow) -> None:
        at, raw = line
        page.place = {**mark, "offset": at + len(raw)}
        if not raw.strip() or (at == 0 and self._form.is_heading(raw)):
            return
        try:
            row = read(self._form.fields(raw))
        except BadRow as why:
            page.refused.append(Refused(f"{self.name}, byte {at}", why.sentence))
            whole = self._form.salvaged(raw)
            if whole is not None:
                self._take(page, (at + len(raw) - len(whole), whole), mark, read)
            return
        page.rows.append((row, {**mark, "offset": at}))

    def _files_from(self, place: Json | None) -> tuple[list[tuple[Path, int]], list[str]]:
        """The files to read, oldest first, each from an offset on; and what a person should know about it."""
        current = (self._path, 0)
        if not isinstance(place, Mapping):
            return [current], []
        offset = int(place.get("offset", 0))
        if self._is(self._path, place):
            return [(self._path, offset)], []
        rotated = self._rotated()
        for position, path in enumerate(rotated):
            if self._is(path, place):
                between = [(newer, 0) for newer in rotated[position + 1 :]]
                return [(path, offset), *between, current], []
        return [current], [f"{self.name} was replaced and its predecessor is not beside it: rows may be missing"]

    def _offset_of(self, since: float, read: ReadRow) -> int:
        """Where the first row at or after Unix time ``since`` begins, found by halving: rows are written in order."""
        try:
            with self._path.open("rb") as file:
                self._form.learn_heading(file.readline(LONGEST_ROW))
                low, high = 0, os.fstat(file.fileno()).st_size
                while high - low > LONGEST_ROW:
                    middle = (low + high) // 2
                    at = self._time_behind(file, middle, read)
                    if at is not None and at < since:
                        low = middle
                    else:
                        high = middle
                file.seek(low)
                return low + len(file.readline()) if low else 0
        except FileNotFoundError:
            return 0  # the reading itself says so
        except OSError as error:
            raise self._unreadable(self._path, error) from None

    def _time_behind(self, file: BinaryIO, offset: int, read: ReadRow) -> float | None:
        """The time of the first whole row behind ``offset``."""
        file.seek(offset)
        file.readline(LONGEST_ROW)
        for raw in itertools.islice(file, _TRIES):
            try:
                row = read(self._form.fields(raw))
            except BadRow:
                continue
            return row.at if isinstance(row, CelRow) else row.end
        return None

    def _rotated(self) -> list[Path]:
        """``Master.csv.1`` and the like, the oldest first; packed ones can't be read on."""
        try:
            beside = [
                path
                for path in self._path.parent.glob(f"{self._path.name}?*")
                if path.is_file() and path.suffix not in (".gz", ".bz2", ".xz", ".zst")
            ]
            return sorted(beside, key=lambda path: (path.stat().st_mtime, path.name))
        except OSError as error:
            raise self._unreadable(self._path.parent, error) from None

    def _is(self, path: Path, place: Mark) -> bool:
        """Whether ``path`` is the file of the place, not emptied since."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                size, digest = place.get("head", (0, ""))
                same = status.st_ino == place.get("file") and status.st_size >= int(place.get("offset", 0))
                return same and _digest(file, int(size)) == digest
        except FileNotFoundError:
            if path == self._path:
                raise LogUnreadable(
                    "%(path)s: does not exist: is this where the PBX writes its %(kind)s?", path=path, kind=self.kind
                ) from None
            return False
        except OSError as error:
            raise self._unreadable(path, error) from None

    def _unreadable(self, path: Path, error: OSError) -> LogUnreadable:
        return LogUnreadable(
            "%(path)s: can't be read: %(words)s. Let the user that runs Leadgate read it",
            path=path,
            words=system_words(error),
        )


def _mark(file: BinaryIO) -> dict[str, Json]:
    status = os.fstat(file.fileno())
    size = min(HEAD_BYTES, status.st_size)
    return {"file": status.st_ino, "head": [size, _digest(file, size)]}


def _digest(file: BinaryIO, size: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(size)).hexdigest()[:16]
