"""The original sender of a forwarded letter: the person the lead is about, not the colleague who passed it on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mail.parse import Headers, Letter, Mailbox, parse_addresses
from gateway.mail.understand.blocks import Block, is_quoted, unquote
from gateway.mail.understand.history import Split, split_history
from gateway.mail.understand.labels import FORWARD_PREFIX, REPLY_PREFIX

_FORWARD_SUBJECT = re.compile(rf"^\s*(?:\[[^\]]{{1,40}}\]\s*)?{FORWARD_PREFIX}", re.IGNORECASE)
_REPLY_SUBJECT = re.compile(rf"^\s*(?:\[[^\]]{{1,40}}\]\s*)?{REPLY_PREFIX}", re.IGNORECASE)
_MAILTO = re.compile(r"[\[<(]mailto:[^\]>)\s]*[\]>)]", re.IGNORECASE)
_MAILTO_ONLY = re.compile(r"^([^<\[]*?)\s*[\[<(]mailto:([^\]>)\s]+)[\]>)]", re.IGNORECASE)
_LAST_FIRST = re.compile(r"^([^\"<>@,;]{1,60},[^\"<>@,;]{1,60}?)\s*<([^<>@\s]+@[^<>\s]+)>$")
_ON_BEHALF = re.compile(r"\s+(?:on behalf of|от имени|im auftrag von)\s+.*$", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+\.[^\s<>()\[\]:;,\"']+")


@dataclass(frozen=True, slots=True)
class Forward:
    """A letter inside a letter."""

    sender: Mailbox
    subject: str | None
    text: str
    """What the original sender wrote, without what they quoted in turn."""
    signature: str


def find_forward(letter: Letter, split: Split) -> Forward | None:
    """The forwarded letter, or None: an answer with the history below is no forward."""
    for block in split.blocks[:1]:
        if _is_forward(letter, block):
            return _opened(block, split)
    if letter.enclosed is None or letter.report_type:
        return None
    # A letter among the attachments of a person's own words is an attachment like others.
    passed_on = letter.text_is_enclosed or _FORWARD_SUBJECT.match(letter.subject) is not None
    return _attached(letter.enclosed) if passed_on else None


def _is_forward(letter: Letter, block: Block) -> bool:
    if block.mark == "forward":
        return True
    if _FORWARD_SUBJECT.match(letter.subject):
        # "VS:" is a forward in Danish and an answer in Finnish: the threading headers decide.
        return letter.in_reply_to is None or not _is_reply(letter)
    if block.mark == "attribution" or _is_reply(letter):
        return False
    # Answers have threading headers or "Re:"; what has neither was passed on under a new subject.
    return letter.in_reply_to is None and not letter.references


def _is_reply(letter: Letter) -> bool:
    return _REPLY_SUBJECT.match(letter.subject) is not None


def _opened(block: Block, split: Split) -> Forward | None:
    sender = original_sender(block.fields.get("from", ""))
    if sender is None:
        return None
    below = split.lines[block.end :]
    first = next((line for line in below if line.strip()), "")
    quoted = is_quoted(split.lines[block.start]) or is_quoted(first)
    inner = split_history("\n".join(unquote(line) for line in below) if quoted else "\n".join(below))
    return Forward(sender, block.fields.get("subject"), inner.new, inner.signature)


def original_sender(value: str) -> Mailbox | None:
    """``John Doe [mailto:john@x]`` and the other ways programs print a sender -> Mailbox."""
    bare = _ON_BEHALF.sub("", value.replace("*", "")).strip()
    if (shown := _MAILTO_ONLY.match(bare)) is not None and "@" not in shown.group(1):
        return Mailbox(shown.group(1).strip(" \"'"), shown.group(2))
    if (shown := _LAST_FIRST.match(bare)) is not None:
        return Mailbox(shown.group(1), shown.group(2))
    boxes = parse_addresses(_MAILTO.sub("", bare))
    if boxes:
        name = boxes[0].name if boxes[0].name != boxes[0].email else ""
        return Mailbox(name, boxes[0].email)
    found = _ADDRESS.search(bare)
    name = bare[: found.start()].strip(" \"'<>([,") if found else bare.strip(" \"'<>")
    return Mailbox(name, found.group(0) if found else "") if name or found else None


def _attached(headers: Headers) -> Forward | None:
    boxes = parse_addresses(headers.raw("from") or "")
    return Forward(boxes[0], headers.text("subject"), "", "") if boxes else None
