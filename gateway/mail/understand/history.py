"""What is new in a letter: without the letters quoted below it and without the signature. The whole text is kept
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from gateway.mail.understand.blocks import Block, find_blocks, is_quoted
from gateway.mail.understand.labels import CLOSINGS, SENT_FROM

MAX_LINES = 5000
"""Lines that are looked at; a letter's own words stand at its top."""

_DASHES = re.compile(r"^\s*(?:--|—|––|__)[ \t\u00a0]*$")
_SENT_FROM = re.compile(rf"^[\s*_]*(?:{SENT_FROM})", re.IGNORECASE)
_CLOSING = re.compile(rf"^\s*(?:{CLOSINGS})\s*(?:[,.!;—–-]|$)", re.IGNORECASE)
_ANSWER_ABOVE = re.compile(
    r"reply above this line|type your reply above|ответ(?:ьте|) выше этой (?:линии|строки)|пишите (?:ответ )?выше этой",
    re.IGNORECASE,
)
_ONLY_MARKS = re.compile(r"^[\s\-_=*~#+ᐧ>|\ufeff]*$")
_SIGNATURE_LINES = 12
_SIGNATURE_WIDTH = 120
_CLOSING_WIDTH = 80
_BELOW = 100
"""Lines below a signature's first one that are looked at; with more there it is none."""


@dataclass(frozen=True, slots=True)
class Split:
    """A text taken apart."""

    new: str
    """What this writer wrote this time."""
    signature: str
    """Below the closing words or the dashes; phones are often only there."""
    blocks: tuple[Block, ...]
    """The older letters below."""
    lines: tuple[str, ...]
    """The lines that the blocks count in."""


def split_history(text: str) -> Split:
    """Take ``text`` apart. Never raises; a text that is nothing but quotation gives an empty ``new``."""
    lines = tuple(text.replace("\r\n", "\n").split("\n")[:MAX_LINES])
    blocks = tuple(find_blocks(lines))
    own = _own_lines(lines, blocks)
    body, signature = _cut_signature(own)
    return Split(_trim(body), _trim(signature), blocks, lines)


def _own_lines(lines: Sequence[str], blocks: Sequence[Block]) -> list[str]:
    first = blocks[0] if blocks else None
    end = first.start if first else len(lines)
    above = [line for line in _before_answer_mark(lines[:end]) if not is_quoted(line)]
    if first is None or first.mark == "forward" or is_quoted(lines[first.start]):
        rest = lines[first.end :] if first is not None and is_quoted(lines[first.start]) else ()
        return above + _after_quotation(rest)
    if first.mark == "attribution" and not any(line.strip() for line in above):
        # Some programs put the answer below an unmarked attribution, or quote nothing at all.
        end = blocks[1].start if len(blocks) > 1 else len(lines)
        own = [line for line in lines[first.end : end] if not is_quoted(line)]
        return own + (_after_quotation(lines[blocks[1].end :]) if len(blocks) > 1 else [])
    return above + (_after_quotation(lines[first.end :]) if first.mark in ("attribution", "original") else [])


def _after_quotation(lines: Sequence[str]) -> list[str]:
    """What stands below or between quoted lines (people who answer point by point); nothing where the history is
    unmarked.
    """
    position = next((index for index, line in enumerate(lines) if line.strip()), None)
    if position is None or not is_quoted(lines[position]):
        return []
    return [
        line
        for index, line in enumerate(lines)
        if index > position and not is_quoted(line) and not _is_wrapped(lines, index)
    ]


def _is_wrapped(lines: Sequence[str], index: int) -> bool:
    """The tail of a quoted line that was folded on the way: between two quoted lines without an empty line."""
    return (
        is_quoted(lines[index - 1])
        and index + 1 < len(lines)
        and is_quoted(lines[index + 1])
        and bool(lines[index].strip())
    )


def _before_answer_mark(lines: Sequence[str]) -> Sequence[str]:
    for index, line in enumerate(lines):
        if _ANSWER_ABOVE.search(line):
            return lines[:index]
    return lines


def _cut_signature(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    for index, line in enumerate(lines):
        if _begins_signature(lines, index, line):
            return lines[:index], lines[index:]
    return lines, ()


def _begins_signature(lines: Sequence[str], index: int, line: str) -> bool:
    dashes, sent_from = _DASHES.match(line), len(line) < _SIGNATURE_WIDTH and _SENT_FROM.match(line)
    closing = len(line) < _CLOSING_WIDTH and _CLOSING.match(line)
    if not (dashes or sent_from or closing) or not any(above.strip() for above in lines[:index]):
        return False
    rest = (following for following in islice(lines, index + 1, None) if following.strip())
    below = list(islice(rest, _BELOW))
    if len(below) == _BELOW:
        return False
    if dashes:
        return len(below) <= 3 * _SIGNATURE_LINES
    told = [following for following in below if not _SENT_FROM.match(following)]  # programs add to what others added
    return len(told) <= _SIGNATURE_LINES and all(len(following) <= _SIGNATURE_WIDTH for following in told)


def _trim(lines: Sequence[str]) -> str:
    """Without empty lines and rules at both ends."""
    kept = list(lines)
    while kept and _ONLY_MARKS.match(kept[-1]):
        kept.pop()
    while kept and not kept[0].strip():
        kept.pop(0)
    return "\n".join(line.rstrip() for line in kept).strip("\n")
