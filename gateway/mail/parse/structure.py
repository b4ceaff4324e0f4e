"""The MIME tree of a letter (RFC 2046), found on the bytes without copying them.

The standard library builds objects for every part and recurses through the depth; this walk keeps offsets, stops
at a number of parts and a depth, and reads what a broken sender meant: missing boundaries, a multipart cut off, a
child with its parent's boundary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.mail.parse.headers import Headers, split_headers
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.parameters import Parametrised, media_type, parse_parametrised

_GUESSED_BOUNDARY = re.compile(
    rb"^--([^\r\n]{1,200}?)[ \t]*\r?\n(?:content-[a-z-]+:|\r?\n)", re.MULTILINE | re.IGNORECASE
)
_FIELD_NAME = re.compile(rb"[A-Za-z][A-Za-z-]{1,60}:")
_DELIMITER_END = rb"(--)?[ \t]*(?:\r\n|\n|\r|\Z)"


@dataclass(slots=True)
class Part:
    """One node: a multipart with children, or a leaf whose body is ``data[start:end]``."""

    headers: Headers
    content_type: str
    """Lower case ``type/subtype``; ``text/plain`` where the header is absent or unreadable (RFC 2045 section 5.2)."""
    parameters: dict[str, str]
    disposition: Parametrised
    start: int
    end: int
    depth: int
    declared: bool
    """True where a readable Content-Type header was given."""
    children: list[Part] = field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        """True for a container that has been opened."""
        return bool(self.children)

    @property
    def encoding(self) -> str:
        """Content-Transfer-Encoding, lower case."""
        return (self.headers.raw("content-transfer-encoding") or "").lower()

    def leaves(self) -> Iterator[Part]:
        """The leaves below, or the part itself, in order."""
        stack = [self]
        while stack:
            part = stack.pop()
            if part.children:
                stack.extend(reversed(part.children))
            else:
                yield part


@dataclass(slots=True)
class _Walk:
    """What is shared while one letter is read."""

    data: bytes
    limits: Limits
    parts: int = 0
    problems: list[str] = field(default_factory=list)

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)


def read_structure(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Part, list[str]]:
    """The tree of a letter and sentences about what was wrong with its form. Never raises."""
    walk = _Walk(data, limits)
    root = _read_part(walk, _first_line(data, limits), len(data), 0, "text/plain")
    pending = [root]
    while pending:
        part = pending.pop()
        if part.content_type.startswith("multipart/"):
            _open(walk, part)
            pending.extend(reversed(part.children))
    return root, walk.problems


def _first_line(data: bytes, limits: Limits) -> int:
    """Where the headers begin: scripts print empty lines first. Only when a header follows, for a letter may have
    none.
    """
    head = data[: limits.header_bytes]
    blank = len(head) - len(head.lstrip(b" \t\r\n"))
    return blank if blank and _FIELD_NAME.match(data, blank) else 0


def _read_part(walk: _Walk, start: int, end: int, depth: int, default_type: str) -> Part:
    walk.parts += 1
    headers, body = split_headers(walk.data, start, end, walk.limits)
    for sentence in headers.problems:
        walk.problem(sentence)
    declared = headers.raw("content-type")
    parsed = parse_parametrised(declared or "")
    kind = media_type(parsed.value)
    if declared is not None and kind is None:
        walk.problem(f"A part had an unreadable Content-Type: {declared[:60]!r}.")
    return Part(
        headers=headers,
        content_type=kind or default_type,
        parameters=parsed.parameters,
        disposition=parse_parametrised(headers.raw("content-disposition") or ""),
        start=body,
        end=end,
        depth=depth,
        declared=kind is not None,
    )


def _open(walk: _Walk, part: Part) -> None:
    """Find the children of a multipart. One that can't be opened becomes text, so that nothing is lost."""
    if part.depth >= walk.limits.depth:
        walk.problem(f"The letter was nested deeper than {walk.limits.depth} levels; the rest was not read.")
        part.content_type = "application/octet-stream"
        return
    boundary = part.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
    slices, closed = _slices(walk, part, boundary) if boundary.strip() else ([], False)
    if not slices and boundary != boundary.rstrip():
        slices, closed = _slices(walk, part, boundary.rstrip())  # RFC 2046 section 5.1.1: no boundary ends with a space
    if not slices:
        slices, closed = _slices_of_guessed_boundary(walk, part)
    if not slices:
        walk.problem("A multipart had no parts; its content was read as text.")
        part.content_type = "text/plain"
        return
    if not closed:
        walk.problem("The end of a multipart is missing; the letter may be cut off.")
    default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
    for start, end in slices:
        if walk.parts >= walk.limits.parts:
            walk.problem(f"The letter had more than {walk.limits.parts} parts; the rest was not read.")
            break
        part.children.append(_read_part(walk, start, end, part.depth + 1, default))


def _slices(walk: _Walk, part: Part, boundary: bytes) -> tuple[list[tuple[int, int]], bool]:
    """Offsets between the delimiter lines of ``boundary``, and whether the closing one was there."""
    slices: list[tuple[int, int]] = []
    begin: int | None = None
    for line_start, line_end, closing in _delimiters(walk.data, boundary, part.start, part.end):
        if begin is not None:
            # The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
            slices.append((begin, max(begin, _before_line_end(walk.data, line_start))))
        if closing:
            return slices, True
        begin = line_end
        if len(slices) > walk.limits.parts:
            return slices, True
    if begin is not None:
        slices.append((begin, part.end))
    return slices, False


def _slices_of_guessed_boundary(walk: _Walk, part: Part) -> tuple[list[tuple[int, int]], bool]:
    match = _GUESSED_BOUNDARY.search(walk.data, part.start, part.end)
    if match is None:
        return [], False
    walk.problem("The boundary of a multipart was missing or wrong; it was guessed from the content.")
    return _slices(walk, part, match.group(1))


def _delimiters(data: bytes, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    delimiter = re.compile(re.escape(b"--" + boundary) + _DELIMITER_END)
    for match in delimiter.finditer(data, start, end):
        position = match.start()
        if position == start or data[position - 1 : position] in (b"\n", b"\r"):
            yield position, match.end(), match.group(1) is not None


def _before_line_end(data: bytes, position: int) -> int:
    if data[position - 2 : position] == b"\r\n":
        return position - 2
    return position - 1 if data[position - 1 : position] in (b"\n", b"\r") else position
