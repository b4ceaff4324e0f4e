"""Where each key of a TOML text stands, so that an error can name its line.

``tomllib`` says what a file means, not where. This scanner walks a text that ``tomllib`` already took as valid
(https://toml.io/en/v1.0.0), so it need not judge anything; it only remembers the line of every header, key and element.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
"""Keys and list positions from the root: ``("pbx", 0, "port")``."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_SPACE = re.compile(r"[ \t]*+")
_KEY = re.compile(r'[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\'')
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'  # the last two quotes before the closing three belong to the text
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\r\n]*+")


def locate(text: str) -> dict[Path, int]:
    """The line (from 1) of each table, key and list element of a valid TOML ``text``."""
    return _Scanner(text).scan()


class _Scanner:
    """One walk over one text. ``_at`` is the position; every method leaves it behind what it read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[Path, int] = {}
        self._array_lengths: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of the table it opens."""
        line = self._line()
        is_array = self._text.startswith("[[", self._at)
        width = 2 if is_array else 1
        self._at += width
        keys = self._dotted_key()
        self._at += width
        table: Path = ()
        for key in keys[:-1]:
            table = self._newest((*table, key))
            self._lines.setdefault(table, line)
        table = (*table, keys[-1])
        self._lines.setdefault(table, line)
        if is_array:
            self._array_lengths[table] = self._array_lengths.get(table, 0) + 1
            table = self._newest(table)
        self._lines[table] = line  # the header itself says it better than an earlier [a.b.c] that implied it
        return table

    def _newest(self, path: Path) -> Path:
        """An array of tables means its newest element where a header or key goes through it."""
        length = self._array_lengths.get(path, 0)
        return (*path, length - 1) if length else path

    def _pair(self, table: Path) -> None:
        """``key = value``, also inside an inline table."""
        line = self._line()
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        match self._peek():
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_BARE)

    def _list(self, path: Path) -> None:
        self._at += 1
        position = 0
        self._skip(_BLANK)
        while self._peek() != "]":
            self._lines[(*path, position)] = self._line()
            self._value((*path, position))
            position += 1
            self._skip_comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._peek() != "}":
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _dotted_key(self) -> list[str]:
        keys = [self._key()]
        while self._peek() == ".":
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        self._skip(_SPACE)
        written = self._skip(_KEY)
        self._skip(_SPACE)
        if written[:1] == '"':
            return str(tomllib.loads(f"key = {written}")["key"])  # its escapes are those of a string
        return written.strip("'")

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        if self._peek() == ",":
            self._at += 1
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"line {self._line()} is not TOML")
        self._at = match.end()
        return match.group()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _line(self) -> int:
        return bisect_right(self._line_starts, self._at)
