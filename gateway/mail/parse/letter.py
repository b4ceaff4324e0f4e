"""Raw bytes of a letter to a ``Letter``: everything that can be read without knowing what it means. Pure, bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from gateway.core.types import Attachment
from gateway.mail.parse.addresses import Mailbox, display_name, parse_addresses
from gateway.mail.parse.content import File, is_tnef, part_bytes, read_content
from gateway.mail.parse.dates import parse_date
from gateway.mail.parse.headers import Headers, split_headers
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.structure import Part, read_structure
from gateway.mail.parse.tnef import read_tnef
from gateway.mail.parse.transfer import split_uuencode

_MESSAGE_ID = re.compile(r"<\s*([^<>\s]{1,998})\s*>")
_ENCLOSED_LEVELS = 3
"""Letters in letters in letters; deeper ones are nobody's own words."""
_ADDRESS_FIELDS = ("from", "to", "cc", "reply-to", "sender", "subject")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter as it was written."""

    headers: Headers
    message_id: str | None
    """Without the angle brackets, as are all ids here."""
    in_reply_to: str | None
    references: tuple[str, ...]
    from_: Mailbox | None
    sender: Mailbox | None
    reply_to: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    date: datetime | None
    """UTC; None when absent or absurd."""
    text: str = ""
    """All readable text; HTML converted where there is no plain text."""
    html: str | None = None
    """The first HTML body as sent: never show it without sanitise_html."""
    attachments: tuple[Attachment, ...] = ()
    enclosed: Headers | None = None
    """Headers of the first letter that is attached whole (message/rfc822)."""
    text_is_enclosed: bool = False
    """True where the letter has no words of its own and ``text`` is that of the attached letter."""
    content_types: tuple[str, ...] = ()
    """Of every part, outermost first: tells a delivery report from a letter."""
    report_type: str | None = None
    """The parameter of a multipart/report (RFC 6522): ``delivery-status``, ``feedback-report``."""
    problems: tuple[str, ...] = ()
    """Sentences: what was wrong with the letter."""


def read_letter(raw: bytes, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Letter:
    """Read a whole letter. ``now`` tells which dates are absurd. Work and memory are bounded by ``limits``."""
    root, problems = read_structure(raw, limits)
    content = read_content(raw, root, limits)
    nested = _nested(root)
    text_is_enclosed = nested is not None and not content.text.strip()
    if nested is not None and text_is_enclosed:
        # A letter forwarded as an attachment without a word: what the customer wrote is inside.
        content.text = _text_of_enclosed(raw, nested, limits)
    return _letter(
        root.headers,
        now,
        limits,
        text=content.text,
        html=content.html,
        attachments=tuple(file.shown for file in content.files),
        enclosed=_enclosed(raw, nested, limits),
        text_is_enclosed=text_is_enclosed,
        content_types=_content_types(root),
        report_type=root.parameters.get("report-type", "").lower() or None,
        problems=(*problems, *content.problems),
    )


def read_headers_only(raw: bytes, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Letter:
    """The cheap and safe part of ``read_letter``, for a letter whose whole reading had to be stopped."""
    headers, _ = split_headers(raw, 0, min(len(raw), limits.header_bytes), limits)
    return _letter(headers, now, limits, problems=headers.problems)


def read_attachment(raw: bytes, number: int, limits: Limits = DEFAULT_LIMITS) -> tuple[Attachment, bytes] | None:
    """The ``number``-th attachment (from 1, in the order of ``Letter.attachments``) with its bytes; None if there is
    none.
    """
    root, _ = read_structure(raw, limits)
    files = read_content(raw, root, limits).files
    if not 1 <= number <= len(files):
        return None
    file = files[number - 1]
    return file.shown, _file_bytes(raw, file)


def _file_bytes(raw: bytes, file: File) -> bytes:
    data = part_bytes(raw, file.part)
    if file.inline is None:
        return data
    number = int(file.inline)
    opened = read_tnef(data) if is_tnef(file.part) else None
    return opened[0][number].content if opened is not None else split_uuencode(data)[1][number][1]


def _letter(
    headers: Headers,
    now: datetime,
    limits: Limits,
    *,
    text: str = "",
    html: str | None = None,
    attachments: tuple[Attachment, ...] = (),
    enclosed: Headers | None = None,
    text_is_enclosed: bool = False,
    content_types: tuple[str, ...] = (),
    report_type: str | None = None,
    problems: tuple[str, ...] = (),
) -> Letter:
    date = parse_date(headers.raw("date"), now)
    from_ = _first(headers, "from", limits)
    return Letter(
        headers=headers,
        message_id=message_id(headers.raw("message-id")),
        in_reply_to=message_id(headers.raw("in-reply-to")),
        references=_ids(headers, limits),
        from_=from_,
        sender=_first(headers, "sender", limits),
        reply_to=_first(headers, "reply-to", limits),
        to=_mailboxes(headers, "to", limits),
        cc=_mailboxes(headers, "cc", limits),
        subject=headers.text("subject") or "",
        date=date,
        text=text,
        html=html,
        attachments=attachments,
        enclosed=enclosed,
        text_is_enclosed=text_is_enclosed,
        content_types=content_types,
        report_type=report_type,
        problems=(*problems, *_header_problems(headers, from_, date)),
    )


def message_id(value: str | None) -> str | None:
    """``<id@host>`` -> ``id@host``; an id without brackets is taken as it is; None for nothing."""
    if not value:
        return None
    match = _MESSAGE_ID.search(value)
    bare = match.group(1) if match else value.strip().strip("<>").split(" ")[0]
    return bare[:998] or None


def _ids(headers: Headers, limits: Limits) -> tuple[str, ...]:
    """References in their order, each once; the last ones when there are too many (they are the nearest).

    Some programs leave out the brackets, of some of them too.
    """
    ids: list[str] = []
    for number, piece in enumerate(_MESSAGE_ID.split(" ".join(headers.all("references")))):
        if number % 2:
            ids.append(piece)
        else:
            ids += [word for word in piece.split() if "@" in word and word[0] not in "(\"'<"]
    return tuple(dict.fromkeys(ids))[-limits.references :]


def _mailboxes(headers: Headers, name: str, limits: Limits) -> tuple[Mailbox, ...]:
    return tuple(box for value in headers.all(name)[:20] for box in parse_addresses(value, limits))[: limits.addresses]


def _first(headers: Headers, name: str, limits: Limits) -> Mailbox | None:
    for value in headers.all(name)[:20]:
        boxes = parse_addresses(value, limits)
        if boxes:
            return boxes[0]
    shown = display_name(headers.raw(name) or "")
    return Mailbox(shown, "") if shown else None


def _text_of_enclosed(raw: bytes, nested: Part, limits: Limits) -> str:
    for _ in range(_ENCLOSED_LEVELS):
        raw = part_bytes(raw, nested)
        root, _problems = read_structure(raw, limits)
        text = read_content(raw, root, limits).text
        inner = _nested(root)
        if text.strip() or inner is None:
            return text
        nested = inner
    return ""


def _nested(root: Part) -> Part | None:
    """The first letter attached whole."""
    return next((part for part in root.leaves() if part.content_type in ("message/rfc822", "message/global")), None)


def _enclosed(raw: bytes, nested: Part | None, limits: Limits) -> Headers | None:
    if nested is None:
        return None
    data = part_bytes(raw, nested)[: limits.header_bytes]
    return split_headers(data, 0, len(data), limits)[0]


def _content_types(root: Part) -> tuple[str, ...]:
    types = [root.content_type]
    types += [part.content_type for part in root.leaves() if part is not root]
    return tuple(dict.fromkeys(types))


def _header_problems(headers: Headers, from_: Mailbox | None, date: datetime | None) -> list[str]:
    problems = []
    if not headers.fields:
        problems.append("The letter has no headers.")
    elif from_ is None:
        problems.append("The letter has no From.")
    elif not from_.email:
        problems.append("From has no mail address.")
    if date is None and headers.raw("date"):
        problems.append(f"The date can't be right: {(headers.raw('date') or '')[:60]!r}.")
    problems += [
        f"{name.capitalize()} was sent in raw 8-bit characters."
        for name in _ADDRESS_FIELDS
        if headers.is_raw_eight_bit(name)
    ]
    problems += [
        f"{name.capitalize()} stands {headers.count(name)} times."
        for name in ("from", "subject", "date")
        if headers.count(name) > 1
    ]
    return problems
