"""A stored letter to the bytes that are sent: RFC 5322, MIME, the same bytes at every try. Pure.

Everything is 7-bit (quoted-printable or base64), so no server on the way has a reason to recode it: the copy that a
provider puts into the Sent folder is then the very letter that is in the history already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from gateway.core.address import canonical_address
from gateway.outgoing.queue import OutgoingFile
from gateway.outgoing.settings import SenderSettings

MAX_REFERENCES = 30
"""The newest ids of a thread that a letter carries: enough for every mail program to find the thread."""
MARK = "X-Leadgate"
"""Our own header: another Leadgate that reads it never answers by itself."""
AUTOMATIC = {"acknowledgement": "auto-replied", "notice": "auto-generated", "summary": "auto-generated"}
"""``Auto-Submitted`` of a purpose (RFC 3834 section 5); what people write has none."""
POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")

_TOKEN = re.compile(r"^([0-9a-f]{32})\.(?:leadgate|thread\.leadgate)@")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_REPLY = re.compile(r"(?:re|отв|ответ|aw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_UNSAFE_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A letter as it is sent."""

    id: str
    token: str
    purpose: str
    payload: Mapping[str, Any]
    """See ``gateway.outgoing.queue.put_letter``."""
    message_id: str
    created_at: datetime
    files: Sequence[OutgoingFile] = ()


def message_id_of(token: str, domain: str) -> str:
    """``<TOKEN.leadgate@example.com>``: fixed for all tries of a letter."""
    return f"<{token}.leadgate@{domain}>"


def thread_id_of(token: str, domain: str) -> str:
    """A second id of the letter, for its References: some servers give letters a Message-ID of their own, and answers
    then name only that one and what stood in References."""
    return f"<{token}.thread.leadgate@{domain}>"


def token_in(message_id: str) -> str | None:
    """The token of a letter of ours, told by an id without or with its angle brackets; None for other ids."""
    match = _TOKEN.match(message_id.strip().lstrip("<").lower())
    return match.group(1) if match else None


def compose(letter: Composed, sender: SenderSettings) -> bytes:
    """The letter with CRLF line ends."""
    payload = letter.payload
    message = EmailMessage(policy=POLICY)
    message["Date"] = format_datetime(letter.created_at)
    message["From"] = _address(sender.address, sender.display_name)
    message["To"] = ", ".join(str(_address(address)) for address in payload["to"])
    message["Subject"] = one_line(payload["subject"])
    message["Message-ID"] = letter.message_id
    if payload.get("in_reply_to"):
        message["In-Reply-To"] = _bracketed(payload["in_reply_to"])
    message["References"] = " ".join(_references(letter, sender.domain))
    if letter.purpose in AUTOMATIC:
        message["Auto-Submitted"] = AUTOMATIC[letter.purpose]
        message["X-Auto-Response-Suppress"] = "All"  # Exchange's own word for the same wish
        message["Precedence"] = "auto_reply" if letter.purpose == "acknowledgement" else "bulk"
    message[MARK] = letter.purpose
    message.set_content(payload["text"], cte="quoted-printable")
    if payload.get("html"):
        message.add_alternative(payload["html"], subtype="html", cte="quoted-printable")
    for file in letter.files:
        _attach(message, file)
    _fix_boundaries(message, letter.token)
    return message.as_bytes(policy=POLICY)


def for_envelope(address: str) -> str:
    """As SMTP wants it: an IDN domain as punycode, the local part as given (its case may matter to the receiver)."""
    domain = (canonical_address(address) or address).rpartition("@")[2]
    return f"{address.strip().rpartition('@')[0]}@{domain}"


def one_line(text: str) -> str:
    """Without line breaks and control characters: nobody writes headers of ours by way of a subject."""
    return _BREAKS.sub(" ", text).strip()


def reply_subject(theirs: str | None) -> str:
    """``Re: theirs``, once; empty where they wrote none."""
    subject = one_line(theirs or "")
    return subject if not subject or _REPLY.match(subject) else f"Re: {subject}"


def safe_file_name(name: str) -> str:
    """The last part of a path, without what a file name can't hold or an eye can't see."""
    cleaned = _UNSAFE_NAME.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    return cleaned[:120] or "attachment"


def _address(address: str, name: str = "") -> Address:
    """The header registry writes a display name as RFC 2047 asks; IDN domains go as punycode, local parts as given."""
    return Address(display_name=one_line(name), addr_spec=for_envelope(address))


def _references(letter: Composed, domain: str) -> list[str]:
    """Our own mark first, the letter that is answered last (RFC 5322 section 3.6.4)."""
    before = [_bracketed(one) for one in letter.payload.get("references") or ()]
    parent = letter.payload.get("in_reply_to")
    if parent and _bracketed(parent) not in before:
        before.append(_bracketed(parent))
    return [thread_id_of(letter.token, domain), *before[-MAX_REFERENCES:]]


def _bracketed(message_id: str) -> str:
    """``a@b`` or ``<a@b>`` -> ``<a@b>``, without anything that would break a header."""
    bare = "".join(_BREAKS.sub("", message_id).split()).strip("<>")
    return f"<{bare[:900]}>"


def _attach(message: EmailMessage, file: OutgoingFile) -> None:
    content_type = file.content_type.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(content_type) or content_type.startswith(("multipart/", "message/")):
        content_type = "application/octet-stream"
    maintype, _, subtype = content_type.partition("/")
    # bytes, whatever the type: a text file's line ends and charset stay as they are
    message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=safe_file_name(file.name))


def _fix_boundaries(message: EmailMessage, token: str) -> None:
    """The standard library draws boundaries by lot; a letter must be the same bytes at every try."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        digest = hashlib.sha256(f"{token}:{number}".encode()).hexdigest()[:32]
        part.set_boundary(f"=_lg_{digest}")
