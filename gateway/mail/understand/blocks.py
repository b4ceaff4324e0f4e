"""Header blocks inside a text: the ``From: ... Sent: ... To: ... Subject: ...`` that mail programs print above an
older letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.mail.understand.labels import FORWARD_MARKS, HEADER_LABELS, ORIGINAL_MARKS, WROTE

_QUOTE = re.compile(r"^[ \t]?(?:[A-ZА-ЯЁ]{1,3}(?=>))?(?:[ \t]*[>|])+[ \t]?")
_QUOTED = re.compile(r"\s*>|\s?[A-ZА-ЯЁ]{1,3}>+(?:\s|$)")
"""Some programs put the initials of the one who is quoted before the mark: ``ИП> Сколько стоит?``."""
_MARKS = " \t\u00a0\ufeff\u200b>*_-—"
_FORWARD_LINE = re.compile(rf"(?:{FORWARD_MARKS})\s{{0,3}}:?", re.IGNORECASE)
_ORIGINAL_LINE = re.compile(rf"(?:{ORIGINAL_MARKS})\s{{0,3}}:?", re.IGNORECASE)
_RULE_LINE = re.compile(r"^[\s>*]*[_\-=—]{5,}\s*$")
_LABEL_MARKS = " \t\u00a0\ufeff\u200b>*"
_LABEL = re.compile(r"([^\s:：*][^:：*]{0,27}?)\s{0,3}\*{0,2}\s{0,3}[:：]\*{0,2}")
_LABELS_LONGEST_FIRST = sorted((label for label in HEADER_LABELS if len(label) > 1), key=len, reverse=True)
_RUN_TOGETHER = re.compile(
    rf"(?:^|(?<=[\s>\w;.])|(?<=\*))({'|'.join(map(re.escape, _LABELS_LONGEST_FIRST))}|A|À)\s?:\s*", re.IGNORECASE
)
MAX_WIDTH = 2000
"""Characters of a line that are looked at; nothing that mail programs print is longer."""
_MAX_BLOCK = 30
"""Lines of one block: lists of recipients may be folded."""

# "On Mon, 1 Jan 2024 at 10:00, Ivan <ivan@x> wrote:", in one line or folded into up to three.
_ATTRIBUTION_END = re.compile(
    rf"\b(?:{WROTE})\b[^\w\n]{{0,4}}(?:(?:følgende|följande|den|op|på)\b[^\n]{{0,60}})?\s*[:：]\s*$", re.IGNORECASE
)
_ATTRIBUTION_VERB = re.compile(rf"\b(?:{WROTE})\b", re.IGNORECASE)
_DATED_SENDER = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,100}>?\)?\s{0,3}:\s{0,3}$")
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}")
_HAS_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\b(?:19|20)\d{2}\b|\d{1,2}[:.]\d{2}")
_HAS_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,100}\.\w+")
_FROM_WORD = re.compile(r"\bот\b\s", re.IGNORECASE)
_WROTE_WITHOUT_COLON = re.compile(r"^On\b.{10,200}\bwrote$")
# Older Gmail and some phones print no verb: only when, and who. Such a line counts where it stands alone.
_ZONE = r"GMT[+-]\d{2}:\d{2}"
_DATED_NAME = re.compile(
    rf"\d{{4}}[/-]\d{{1,2}}[/-]\d{{1,2}}(?:,? \d{{1,2}}:\d{{2}})?(?: {_ZONE})? \S[^\n]{{0,80}}"
    r"<[^\s<>@]{1,64}@[^\s<>]{1,100}>:?"
    rf"|\d{{4}}-\d{{2}}-\d{{2}} \d{{1,2}}:\d{{2}} {_ZONE} \S[^\n]{{0,80}}"
)
_ON_DAY = re.compile(r"On \w{3}, \d{1,2} \w{3} \d{4} at \d{1,2}:\d{2} \S[^\n]{0,80}")
_OPENING = (
    r"on|am|le|el|em|il|op|den|dne|dnia|d\.|w dniu|в|во|пользователь|[\"“„«<]|\d"
    r"|(?:mon|tue|wed|thu|fri|sat|sun|пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье)\b"
)
_OPENER = re.compile(rf"(?:{_OPENING})", re.IGNORECASE)
_ATTRIBUTION_START = re.compile(rf"\d|@|<|^(?:{_OPENING})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """One older letter begins at ``lines[start]``; its text at ``lines[end]``."""

    start: int
    end: int
    fields: dict[str, str] = field(default_factory=dict)
    """``from``, ``to``, ``subject``, ``date`` as printed."""
    mark: str = "none"
    """``forward``, ``original``, ``rule``, ``attribution`` or ``none``: what announced it."""


def unquote(line: str) -> str:
    """A line without its ``>`` marks."""
    return _QUOTE.sub("", line)


def is_quoted(line: str) -> bool:
    """True for a line of a quotation (RFC 3676 section 4.5)."""
    return _QUOTED.match(line) is not None


def find_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Every older letter in the text, the newest first."""
    heads = [line[:MAX_WIDTH] for line in lines]
    index = 0
    while index < len(heads):
        block = _block_at(heads, index)
        if block is None:
            index += 1
        else:
            yield block
            index = max(block.end, index + 1)


def _block_at(lines: Sequence[str], index: int) -> Block | None:
    line = lines[index]
    if not line.strip():
        return None
    bare = line.strip(_MARKS)
    if (match := _FORWARD_LINE.match(bare)) is not None:
        return _marked(lines, index, bare[match.end() :].strip(_MARKS))
    if _ORIGINAL_LINE.fullmatch(bare):
        end, fields = _read_fields(lines, index + 1)
        return Block(index, end, fields, "original")
    if _RULE_LINE.match(line):
        end, fields = _read_fields(lines, index + 1)
        return Block(index, end, fields, "rule") if _is_header_block(fields, 2) else None
    if _label(line) is not None:
        end, fields = _read_fields(lines, index)
        if _is_unannounced_block(fields):
            return Block(index, end, fields, "none")
    return _attribution_at(lines, index) or _dated_name_at(lines, index)


def _dated_name_at(lines: Sequence[str], index: int) -> Block | None:
    """A line that is nothing but a date and a name, between empty lines; with ``On`` only where an address follows."""
    before, after = lines[index - 1] if index else "x", lines[index + 1] if index + 1 < len(lines) else "x"
    if before.strip() or after.strip():
        return None
    line = lines[index].strip()
    if _DATED_NAME.fullmatch(line):
        return Block(index, index + 1, {"from": _writer(line)}, "attribution")
    following = next((text.strip() for text in lines[index + 2 : index + 4] if text.strip()), "")
    if following.startswith("<") and _ON_DAY.fullmatch(line):
        return Block(index, index + 1, {}, "attribution")
    return None


def _marked(lines: Sequence[str], index: int, rest: str) -> Block | None:
    """After a forward mark: fields on their own lines, or all run together behind the mark (Yahoo)."""
    if ":" in rest and (fields := _run_together(rest)):
        return Block(index, index + 1, fields, "forward")
    end, fields = _read_fields(lines, index + 1)
    if not fields and rest.strip():
        return None
    if not fields and (told := _next_attribution(lines, index + 1)) is not None:
        return Block(index, told.end, told.fields, "forward")
    return Block(index, end, fields, "forward")


def _next_attribution(lines: Sequence[str], start: int) -> Block | None:
    """Yandex names the writer in a sentence: ``05.10.2026, 10:00, "Ivan" <ivan@x>:``."""
    first = next((index for index in range(start, min(start + 3, len(lines))) if lines[index].strip()), None)
    return _attribution_at(lines, first) if first is not None else None


def _run_together(text: str) -> dict[str, str]:
    found = list(_RUN_TOGETHER.finditer(text))
    fields: dict[str, str] = {}
    ends = [*(following.start() for following in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):  # without any there is an end all the same
        fields.setdefault(HEADER_LABELS[match.group(1).lower()], text[match.end() : end].strip())
    return fields if "from" in fields else {}


def _label(line: str) -> tuple[str, str] | None:
    bare = line.lstrip(_LABEL_MARKS)
    match = _LABEL.match(bare)
    if match is None:
        return None
    name = HEADER_LABELS.get(" ".join(match.group(1).lower().split()))
    return (name, bare[match.end() :].strip()) if name else None


def _read_fields(lines: Sequence[str], start: int) -> tuple[int, dict[str, str]]:
    """Labelled lines from ``start`` on, empty ones between them skipped; where they end, and what they say."""
    fields: dict[str, str] = {}
    end = index = start
    last = ""
    while index < min(len(lines), start + _MAX_BLOCK):
        line = unquote(lines[index])
        labelled = _label(lines[index])
        if labelled is not None and labelled[0] not in fields:
            last, value = labelled
            fields[last] = value
            end = index + 1
        elif not line.strip():
            if fields and _label(lines[index + 1] if index + 1 < len(lines) else "") is None:
                break
        elif not fields or not _is_folded(line, fields.get(last, ""), lines, index):
            break
        else:
            fields[last] = f"{fields[last]} {line.strip()}"
            end = index + 1
        index += 1
    return end, fields


def _is_folded(line: str, before: str, lines: Sequence[str], index: int) -> bool:
    """A long list or subject goes on in the next line: it ended in a comma, or another label follows below."""
    following = lines[index + 1] if index + 1 < len(lines) else ""
    return before.endswith((",", ";")) or _label(following) is not None or (not before and bool(line.strip()))


def _is_header_block(fields: dict[str, str], least: int) -> bool:
    return "from" in fields and len(fields) >= least and bool(fields.keys() & {"to", "date", "subject"})


def _is_unannounced_block(fields: dict[str, str]) -> bool:
    """Stricter, for a form that came by mail may have ``From`` and ``Subject`` among its fields."""
    if not _is_header_block(fields, 2):
        return False
    return ("to" in fields and len(fields) >= 3) or ("date" in fields and "@" in fields["from"])


def _attribution_at(lines: Sequence[str], index: int) -> Block | None:
    """``On ... wrote:`` in up to three lines; None for a sentence that only ends like one."""
    joined = ""
    for count in range(3):
        if index + count >= len(lines) or not lines[index + count].strip():
            return None
        joined = f"{joined} {unquote(lines[index + count]).strip()}".strip()
        if len(joined) > 400:
            return None
        if count == 0 and not _ATTRIBUTION_START.search(joined):
            return None
        if _is_attribution(joined):
            if count and _begins_later(lines, index, count):
                return None
            return Block(index, index + count + 1, {"from": _writer(joined)}, "attribution")
    return None


def _begins_later(lines: Sequence[str], index: int, count: int) -> bool:
    """True where the first line is the writer's own, and the attribution begins right below it."""
    folded = [unquote(line).strip() for line in lines[index : index + count + 1]]
    if not (_HAS_DATE.search(folded[0]) or _HAS_ADDRESS.search(folded[0]) or _OPENER.match(folded[0])):
        return True
    rest = (" ".join(folded[start:]) for start in range(1, count + 1) if _HAS_DATE.search(folded[start]))
    return any(_OPENER.match(tail) and _is_attribution(tail) for tail in rest)


def _is_attribution(line: str) -> bool:
    if not line.rstrip().endswith((":", "：")):
        return _WROTE_WITHOUT_COLON.match(line) is not None
    if _DATED_SENDER.search(line) and _CLOCK.search(line):
        return True
    told = (
        _ATTRIBUTION_END.search(line)
        or (_ATTRIBUTION_VERB.search(line) and _HAS_ADDRESS.search(line))
        or (_FROM_WORD.search(line) and _HAS_ADDRESS.search(line))
    )
    return bool(told) and bool(_HAS_DATE.search(line) or _HAS_ADDRESS.search(line))


_WRITER = re.compile(
    r"[\"“„«]?([^\"“”„«»<>,:;\d]{0,80}?)[\"”“»]?\s*[<(\[]+(?:mailto:)?\s*([^\s<>()\[\]]+@[^\s<>()\[\]]+?)[>)\]]"
)


def _writer(line: str) -> str:
    match = _WRITER.search(line)
    if match is None:
        found = _HAS_ADDRESS.search(line)
        return found.group(0) if found else ""
    name = re.sub(
        r"^\W*(?:пользователь|użytkownik|používateľ|heeft|schrieb|skrev|időpontban|on|at|от|в)\s+",
        "",
        match.group(1).strip(),
        flags=re.IGNORECASE,
    )
    return f"{name.strip()} <{match.group(2)}>"
