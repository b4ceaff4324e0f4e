"""The languages that Leadgate speaks, for pages, letters and notices: gettext catalogues, compiled when they are read.

Translators keep ``gateway/locale/LANGUAGE/LC_MESSAGES/leadgate.po``; no compiled file can be out of date, for there is
none. Texts are written as ``texts.gettext("Missed call")`` where ``texts`` is what ``texts_for`` gives.
"""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from gettext import GNUTranslations
from importlib import resources
from io import BytesIO

LANGUAGES = {"en": "English", "ru": "Русский"}
"""Code to its own name."""
FALLBACK = "en"
"""The language of the message ids."""

_MO_MAGIC = 0x950412DE
_CONTEXT_END = "\x04"
"""Stands between context and message id in a compiled catalogue (gettext manual, "The Format of GNU MO Files")."""


def texts_for(language: str | None, default: str = FALLBACK) -> GNUTranslations:
    """The messages of a person's ``language``; of ``default`` where it is not set or not spoken here."""
    if language in LANGUAGES:
        return load_translations(language)
    return load_translations(default if default in LANGUAGES else FALLBACK)


@cache
def load_translations(language: str) -> GNUTranslations:
    """The compiled messages of one of LANGUAGES, plural rules included. Read once."""
    return GNUTranslations(BytesIO(compile_catalogue(read_catalogue(catalogue_text(language)))))


def catalogue_text(language: str) -> str:
    """The catalogue of a language as translators keep it."""
    path = resources.files("gateway").joinpath("locale", language, "LC_MESSAGES", "leadgate.po")
    return path.read_text(encoding="utf-8")


def read_catalogue(text: str) -> dict[str, str]:
    """Message id -> translation, as a .mo file has them: plural forms joined by NUL, a context put before the id.

    Fuzzy and untranslated messages are left out (gettext then shows the id). Raises ValueError with the line number for
    what is no .po file (gettext manual, "The Format of PO Files").
    """
    messages: dict[str, str] = {}
    for entry, fuzzy in _entries(text):
        message_id = entry.get("msgid", "")
        if "msgid_plural" in entry:
            message_id += "\0" + entry["msgid_plural"]
        if "msgctxt" in entry:
            message_id = entry["msgctxt"] + _CONTEXT_END + message_id
        forms = [value for key, value in sorted(entry.items()) if key.startswith("msgstr")]
        if all(forms) and (not fuzzy or not message_id):  # the head of a catalogue is used even when marked fuzzy
            messages[message_id] = "\0".join(forms)
    return messages


def _entries(text: str) -> Iterator[tuple[dict[str, str], bool]]:
    """Each message: keyword (``msgid``, ``msgstr[0]``) to its text, and whether it is marked fuzzy."""
    entry: dict[str, str] = {}
    fuzzy = next_fuzzy = False
    keyword = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            next_fuzzy = next_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")
            begins = keyword == "msgctxt" or (keyword == "msgid" and "msgid" in entry) or keyword in entry
            if begins and entry:
                yield entry, fuzzy
                entry = {}
            if begins or not entry:
                fuzzy, next_fuzzy = next_fuzzy, False
        entry[keyword] = entry.get(keyword, "") + _unquoted(line, number)
    if entry:
        yield entry, fuzzy


def _unquoted(quoted: str, number: int) -> str:
    """``"a\\n"`` as written in a .po file -> the text; its escapes are those of C, which Python's are too."""
    try:
        text = ast.literal_eval(quoted)
    except (SyntaxError, ValueError):
        text = None
    if not isinstance(text, str):
        raise ValueError(f"line {number} of the catalogue is not a quoted text: {quoted[:40]}")  # noqa: TRY004
    return text


def compile_catalogue(messages: Mapping[str, str]) -> bytes:
    """The same as a .mo file, which is what the standard library reads."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    ids, strings = [key for key, _ in pairs], [value for _, value in pairs]
    head = struct.calcsize("<7I")
    table = 8 * len(pairs)
    ids_at = head + 2 * table
    strings_at = ids_at + sum(len(key) + 1 for key in ids)
    return b"".join(
        [
            struct.pack("<7I", _MO_MAGIC, 0, len(pairs), head, head + table, 0, head + 2 * table),
            _offsets(ids, ids_at),
            _offsets(strings, strings_at),
            *(text + b"\0" for text in (*ids, *strings)),
        ]
    )


def _offsets(texts: list[bytes], at: int) -> bytes:
    """Length and place of each text, the first of which lies at ``at``."""
    packed = []
    for text in texts:
        packed.append(struct.pack("<2I", len(text), at))
        at += len(text) + 1
    return b"".join(packed)
