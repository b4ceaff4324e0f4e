"""The text and the attachments of a letter, chosen from its MIME tree as a mail program would show them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.core.types import Attachment
from gateway.mail.parse.charsets import decode
from gateway.mail.parse.html import html_to_text
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.names import default_name, safe_name
from gateway.mail.parse.structure import Part
from gateway.mail.parse.tnef import TYPES as TNEF_TYPES
from gateway.mail.parse.tnef import read_tnef
from gateway.mail.parse.transfer import split_uuencode, undo_transfer

_READABLE = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "application/xhtml+xml"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_SHADOWS = frozenset({"text/x-amp-html", "text/watch-html"})
"""Other forms of a text that is there anyway."""
_REPORTS = frozenset(
    {"message/delivery-status", "message/disposition-notification", "message/feedback-report", "text/rfc822-headers"}
)
"""The machine-readable parts of reports: nobody attached them."""
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_ENRICHED_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z-]{0,60}>")
_NAMED_TEXT = 256 * 1024
"""Bytes of a named text that are shown."""
_WORDS = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment and where its bytes are."""

    shown: Attachment
    part: Part
    number: int
    """Position among the attachments, from 1."""
    inline: str | None = None
    """Number of the uuencoded file inside a text, or of the file inside a winmail.dat, as text; None for a part of its
    own."""


@dataclass(slots=True)
class Content:
    """What ``read_content`` found."""

    text: str = ""
    html: str | None = None
    """The first HTML body, undecorated and not made harmless yet."""
    files: list[File] = field(default_factory=list)
    hidden_text: str = ""
    """The text inside a winmail.dat."""
    charset: str | None = None
    """The charset of the first text that was not ASCII."""
    problems: list[str] = field(default_factory=list)

    def problem(self, sentence: str | None) -> None:
        """Note once what was wrong."""
        if sentence and sentence not in self.problems:
            self.problems.append(sentence)


@dataclass(frozen=True, slots=True)
class _Text:
    """One readable piece, in the order of the letter."""

    text: str
    is_html: bool


def read_content(data: bytes, root: Part, limits: Limits = DEFAULT_LIMITS) -> Content:
    """Text and attachments of the tree ``root`` over ``data``. Never raises."""
    content = Content()
    texts = _Collector(data, content, limits).collect(root)
    whole = _joined(texts) or _text_shown_as_file(data, content) or content.hidden_text
    whole = whole or _status_of_delivery(data, root, limits)
    if "\x00" in whole:
        content.problem("The text had NUL characters; they were left out.")
        whole = whole.replace("\x00", "")
    if len(whole) > limits.text_chars:
        content.problem(f"The text was longer than {limits.text_chars} characters and was cut.")
    content.text = whole[: limits.text_chars]
    return content


def _text_shown_as_file(data: bytes, content: Content) -> str:
    """The text of a named inline part where a letter has no other: some programs give the letter itself a file name."""
    for file in content.files:
        part = file.part
        if part.content_type == "text/plain" and part.disposition.value != "attachment" and file.inline is None:
            return decode(part_bytes(data, part)[:_NAMED_TEXT], part.parameters.get("charset")).text.replace(
                "\r\n", "\n"
            )
    return ""


def _status_of_delivery(data: bytes, root: Part, limits: Limits) -> str:
    """What a delivery report without a readable part says (RFC 3464), or nothing."""
    reports = [part for part in root.leaves() if part.content_type == "message/delivery-status"]
    return "\n".join(decode(part_bytes(data, part)[: limits.text_chars], None).text.strip() for part in reports[:10])


def part_bytes(data: bytes, part: Part) -> bytes:
    """The decoded bytes of a leaf."""
    return undo_transfer(data[part.start : part.end], part.encoding).data


class _Collector:
    """Walks the tree once; the depth of the recursion is bounded by ``Limits.depth``."""

    def __init__(self, data: bytes, content: Content, limits: Limits) -> None:
        self._data = data
        self._content = content
        self._limits = limits
        self._chars = 0
        self._is_said = False
        """Whether a plain form of what is read now was found already."""

    def collect(self, part: Part) -> list[_Text]:
        """The readable pieces at and below ``part``; attachments go to the content."""
        if not part.is_multipart:
            return self._leaf(part)
        if part.content_type == "multipart/alternative":
            return self._alternative(part)
        return [text for child in part.children for text in self.collect(child)]

    def _alternative(self, part: Part) -> list[_Text]:
        """Once there is a plain form with words in it, HTML is not turned into text: that costs as much as the rest."""
        pieces: list[list[_Text]] = []
        outside = self._is_said
        for child in part.children:
            pieces.append(self.collect(child))
            self._is_said = self._is_said or any(not text.is_html for text in pieces[-1])
        self._is_said = outside
        return _best_alternative(pieces)

    def _leaf(self, part: Part) -> list[_Text]:
        if part.content_type in _SHADOWS or (part.content_type in _REPORTS and not _file_name(part)):
            return []
        if _is_attachment(part):
            self._attach(part)
            return []
        return self._texts(part)

    def _texts(self, part: Part) -> list[_Text]:
        if self._chars > self._limits.text_chars:
            self._content.problem("The text was too long; the rest was not read.")
            return []
        raw = undo_transfer(self._data[part.start : part.end], part.encoding)
        self._content.problem(raw.problem)
        body = raw.data
        if part.content_type == "text/plain":
            body, uuencoded = split_uuencode(body)
            for number, (name, file) in enumerate(uuencoded):
                self._add_file(part, name, "application/octet-stream", len(file), str(number))
        is_html = part.content_type in _HTML
        decoded = decode(body[: 4 * self._limits.text_chars], _charset(part, body, is_html))
        if decoded.problem and body.strip():
            self._content.problem(decoded.problem)
        if decoded.charset != "ascii" and self._content.charset is None:
            self._content.charset = decoded.charset
        text = self._readable(part, decoded.text, is_html)
        self._chars += len(text)
        return [_Text(text, is_html)] if text.strip() else []

    def _readable(self, part: Part, text: str, is_html: bool) -> str:
        if is_html:
            if self._content.html is None:
                self._content.html = text
            if self._is_said:
                return ""
            shown, cut = html_to_text(text, self._limits)
            if cut:
                self._content.problem("The HTML of the letter was too long or too deep; not all of it was read.")
            return shown
        unified = text.replace("\r\n", "\n").replace("\r", "\n")
        if part.content_type in ("text/enriched", "text/richtext"):
            unified = _ENRICHED_TAG.sub("", unified)
        return _unflow(unified, part) if part.parameters.get("format", "").lower() == "flowed" else unified

    def _attach(self, part: Part) -> None:
        raw = undo_transfer(self._data[part.start : part.end], part.encoding)
        self._content.problem(raw.problem)
        if not (is_tnef(part) and self._open_tnef(part, raw.data)):
            self._add_file(part, _file_name(part), part.content_type, len(raw.data), None)

    def _open_tnef(self, part: Part, data: bytes) -> bool:
        """Take the files out of a winmail.dat; False where there are none, and it stays what it is."""
        opened = read_tnef(data)
        if opened is None or not any(opened):
            return False
        files, text = opened
        for number, file in enumerate(files):
            self._add_file(part, file.name, file.content_type, len(file.content), str(number))
        body = next((file.content for file in files if file.name == "body.html"), b"")
        self._content.hidden_text = text or html_to_text(decode(body, None).text, self._limits)[0]
        return True

    def _add_file(self, part: Part, name: str, content_type: str, size: int, inline: str | None) -> None:
        number = len(self._content.files) + 1
        safe = safe_name(name)
        if name and safe != name.strip():
            self._content.problem("The name of an attachment was not safe; it was changed.")
        shown = Attachment(name=safe or default_name(content_type, number), content_type=content_type, size=size)
        self._content.files.append(File(shown, part, number, inline))


def is_tnef(part: Part) -> bool:
    """Outlook's own container, whatever type a server on the way has given it."""
    return part.content_type in TNEF_TYPES or _file_name(part).lower() == "winmail.dat"


def _is_attachment(part: Part) -> bool:
    if part.content_type not in _READABLE and not (part.content_type.startswith("text/") and not _is_file_type(part)):
        return True
    if part.depth == 0:
        return False  # a letter that is one text is its text, whatever name it was given
    return part.disposition.value == "attachment" or bool(_file_name(part))


def _file_name(part: Part) -> str:
    """As sent; empty for a part without a name."""
    return part.disposition.parameters.get("filename") or part.parameters.get("name") or ""


def _is_file_type(part: Part) -> bool:
    """Texts that are files for programs: an invitation, a card, the headers of a returned letter."""
    return part.content_type in {
        "text/calendar",
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/csv",
        "text/rfc822-headers",
    }


def _best_alternative(pieces: list[list[_Text]]) -> list[_Text]:
    """The plain form when there is one with words in it, else the last readable form (RFC 2046 section 5.1.4)."""
    readable = [piece for piece in pieces if any(text.text.strip() for text in piece)]
    plain = [piece for piece in readable if any(not text.is_html for text in piece)]
    if plain:
        return plain[0]
    return readable[-1] if readable else []


def _joined(texts: list[_Text]) -> str:
    """All pieces; an HTML piece beside plain ones only when it says something they do not."""
    plain = [text.text for text in texts if not text.is_html]
    if not plain:
        return "\n".join(text.text.strip("\n") for text in texts)
    said = set(_WORDS.findall("\n".join(plain)))
    kept = [text.text for text in texts if not text.is_html or _says_more(text.text, said)]
    return kept[0] if len(kept) == 1 else "\n".join(text.strip("\n") for text in kept)


def _says_more(text: str, said: set[str]) -> bool:
    words = _WORDS.findall(text)
    return sum(1 for word in words if word not in said) * 2 > len(words)


def _charset(part: Part, body: bytes, is_html: bool) -> str | None:
    declared = part.parameters.get("charset")
    if declared or not is_html:
        return declared
    match = _META_CHARSET.search(body, 0, 4096)
    return match.group(1).decode("ascii") if match else None


def _unflow(text: str, part: Part) -> str:
    """format=flowed (RFC 3676): a line that ends in a space goes on in the next one of the same quotation."""
    remove_space = part.parameters.get("delsp", "").lower() == "yes"
    lines: list[str] = []
    open_line = False
    depth_before = 0
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")  # space-stuffing, section 4.4
        flowed = bare.endswith(" ") and bare != "-- "
        if open_line and depth == depth_before and bare != "-- ":
            lines[-1] += bare
        else:
            lines.append(f"{'>' * depth} {bare}" if depth else bare)
        if flowed and remove_space:
            lines[-1] = lines[-1][:-1]
        open_line, depth_before = flowed, depth
    return "\n".join(lines)
