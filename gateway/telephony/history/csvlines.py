"""Bytes of a CSV log to rows of values: quotes across lines, half lines, lost quotation marks, encodings. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from gateway.telephony.history.columns import LogKind, heading, known_name, layout_of
from gateway.telephony.history.rows import BadRow

LONGEST_ROW = 65_536
"""Bytes: a caller's name of 10,000 letters fits; what is longer has lost a quotation mark."""
MOST_BEGINNINGS = 500
"""Quotation marks behind which a whole row is looked for: a half one has some dozens. Each costs a reading of the
rest, so 64 KiB of nothing else would hold up the log for minutes."""
FALLBACK_ENCODING = "cp1251"
"""What a row that is not UTF-8 is taken for, unless the config says otherwise."""

Line = tuple[int, bytes]
"""Where a row begins in its file, and its bytes with the line end."""


class CsvFormat:
    """What the columns of one log are, and how its letters are written."""

    def __init__(self, kind: LogKind, *, encoding: str | None = None, columns: Sequence[str] = ()) -> None:
        """``columns``: their order, where the log has neither a usual layout nor a heading. Raises ValueError for an
        encoding that Python does not know."""
        "".encode(encoding or "utf-8")
        self._kind = kind
        self._encoding = encoding
        self._fixed = tuple(known_name(kind, column) or column for column in columns)
        self._heading: tuple[str, ...] = ()
        self._usual: dict[int, tuple[str, ...]] = {}

    def learn_heading(self, first_line: bytes) -> None:
        """The first line of a file may name the columns."""
        if not self._fixed:
            self._heading = heading(self._kind, self.values(first_line)) or ()

    def is_heading(self, raw: bytes) -> bool:
        """Whether this line names columns."""
        return heading(self._kind, self.values(raw)) is not None

    def values(self, raw: bytes) -> list[str]:
        """The values of one row."""
        text = self._decode(raw.rstrip(b"\r\n"))
        try:
            return next(csv.reader([text], strict=False), [])
        except csv.Error:  # a value beyond the module's limit: no log has one
            return []

    def fields(self, raw: bytes) -> dict[str, object]:
        """The values by our names. Raises BadRow where they are not a row of this log."""
        values = self.values(raw)
        names = self._fixed or self._heading or self._layout(values)
        if len(values) != len(names):
            raise BadRow("has %(found)s columns instead of %(wanted)s", found=len(values), wanted=len(names))
        return dict(zip(names, values, strict=True))

    def fits(self, raw: bytes) -> bool:
        """Whether these bytes are a whole row on their own."""
        if raw.count(b'"') % 2:
            return False
        values = self.values(raw)
        known = self._fixed or self._heading
        if known:
            return len(values) == len(known)
        return layout_of(self._kind, values) is not None

    def salvaged(self, raw: bytes) -> bytes | None:
        """The whole row behind a half one: a PBX that crashed while writing goes on in the same line after its
        restart."""
        at = raw.find(b'"', 1)
        for _ in range(MOST_BEGINNINGS):
            if at == -1:
                break
            if self.fits(raw[at:]):
                return raw[at:]
            at = raw.find(b'"', at + 1)
        return None

    def _layout(self, values: Sequence[str]) -> tuple[str, ...]:
        known = self._usual.get(len(values)) or layout_of(self._kind, values)
        if known is None:
            raise BadRow("has %(found)s columns, which is no usual layout: name them in `columns`", found=len(values))
        self._usual[len(values)] = known
        return known[: len(values)]

    def _decode(self, raw: bytes) -> str:
        if self._encoding:
            return raw.decode(self._encoding, "replace")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode(FALLBACK_ENCODING, "replace")


def rows_in(lines: Iterable[bytes], offset: int, form: CsvFormat) -> Iterator[Line]:
    """Joins physical lines to rows: a quoted value may hold line breaks.

    A line without its end is left for later, as is a quotation that is not closed yet; unless what follows is a row of
    its own, then the quotation mark was lost.
    """
    held, begun = b"", offset
    at = offset
    for line in lines:
        if not line.endswith(b"\n"):
            return
        whole = held + line
        if whole.count(b'"') % 2 == 0:
            yield begun, whole
            held, begun = b"", at + len(line)
        elif held and (form.fits(line) or len(whole) > LONGEST_ROW):
            yield begun, held
            if form.fits(line):
                yield at, line
                held, begun = b"", at + len(line)
            else:
                held, begun = line, at
        elif len(whole) > LONGEST_ROW:
            yield begun, whole
            held, begun = b"", at + len(line)
        else:
            held = whole
        at += len(line)
