"""When two copies of a letter are one letter.

A letter is told by what its author made: Message-ID, Date, From, Subject and the body. The trace headers that mail
servers put on top (Received, Return-Path, Delivered-To, DKIM and spam results) are left out, so that a retry through
another relay, the copy for a second recipient and the copy in a mailbox are the same letter. Message-ID alone would not
do: some senders use one Message-ID for different letters.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

HEAD_LIMIT = 256 * 1024
"""Bytes in which the headers are looked for; Postfix's own limit for all headers is 102,400."""

_OWN = re.compile(rb"^<[0-9a-f]{32}\.leadgate@[^<>\s]+>$")
"""The Message-ID of a letter that a Leadgate sent (``gateway.outgoing.compose.message_id_of``)."""
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_AUTHORED = re.compile(rb"^(message-id|date|from|subject)[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)


def letter_digest(raw: bytes, received_at: datetime) -> str:
    """SHA-256, in hex, that is equal for all copies of one letter.

    A letter with neither Message-ID nor Date (home-made scripts) has no identity of its own: the same words may be sent
    again another day and mean another request. Its digest is of all its bytes and of the UTC day it came.
    """
    match = _BLANK_LINE.search(raw, 0, HEAD_LIMIT)
    head, body = (raw[: match.start()], raw[match.end() :]) if match else (raw[:HEAD_LIMIT], b"")
    authored = [(name.lower(), b" ".join(value.split())) for name, value in _AUTHORED.findall(head)]
    if match is None or not any(value for name, value in authored if name in (b"message-id", b"date")):
        day = received_at.astimezone(UTC).date().isoformat()
        return hashlib.sha256(day.encode("ascii") + b"\n" + raw).hexdigest()
    sent = [value for name, value in authored if name == b"message-id" and _OWN.match(value)]
    if sent:  # random and never used twice: a copy is known even where a provider recoded it for the Sent folder
        writers = sorted(value for name, value in authored if name == b"from")
        return hashlib.sha256(b"\n".join([b"leadgate", sent[0], *writers])).hexdigest()
    digest = hashlib.sha256(b"\n".join(b"%s:%s" % pair for pair in sorted(authored)))
    digest.update(b"\n\n" + body.rstrip(b"\r\n"))
    return digest.hexdigest()
