"""The keys of the adapter ``email``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from crm_adapter.base import Context
from crm_adapter.guard import Guard
from crm_adapter.options import BadOption, Options

CALL_MISSED = "call.missed"
"""Our own word for a ``call.finished`` that nobody answered: the other calls need no letter."""
DEFAULT_SEND = ("lead.created", CALL_MISSED)
KNOWN = (
    "lead.created",
    "lead.updated",
    "call.finished",
    CALL_MISSED,
    "call.recording_ready",
    "email.received",
    "form.received",
    "callback.opened",
    "callback.closed",
    "contact.upserted",
)
PORTS = {"starttls": 587, "implicit": 465, "none": 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Where letters go, and through which server."""

    host: str
    port: int
    tls: str
    """``starttls``, ``implicit`` or, to a private host only, ``none``."""
    ca_file: str | None
    """Whom to trust besides the system's authorities."""
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    to: tuple[str, ...]
    send: tuple[str, ...]
    """Patterns of events."""
    attach_event: bool
    """The event as JSON beside the text, for a program that reads the mailbox."""
    timeout: float
    """Seconds for each answer of the server."""
    guard: Guard = field(repr=False)

    def wants(self, event_type: str) -> bool:
        """Whether a letter is sent of it."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.send)


def parse(options: Mapping[str, Any], context: Context) -> MailSettings:
    """Read the keys. Raises BadOption."""
    reader = Options(options)
    host = reader.text("host")
    tls = reader.choice("tls", "starttls", tuple(PORTS))
    port = int(reader.number("port", PORTS[tls], least=1, most=65535))
    username, password = reader.text_or_none("username"), reader.text_or_none("password")
    ca_file = reader.text_or_none("ca_file")
    sender, to = reader.text("from"), reader.texts("to")
    send = reader.texts("send") if "send" in options else DEFAULT_SEND
    attach = reader.flag("attach_event", default=False)
    timeout = reader.number("timeout", 20, least=0.1, most=50)
    reader.finish()
    guard = Guard([host] if context.allow_private is True else context.allow_private or ())
    if tls == "none" and not guard.allows_private(host):
        raise BadOption(
            "tls", f"can't be none: letters to {host} could be read on the way; or name it in allow_private"
        )
    if (username is None) != (password is None):
        raise BadOption("password" if password is None else "username", "is missing: give both, or none")
    for key, address in (("from", sender), *(("to", one) for one in to)):
        if not is_address(address):
            raise BadOption(key, "must be of mail addresses as leads@example.com")
    for pattern in send:
        if not any(fnmatchcase(known, pattern) for known in KNOWN):
            raise BadOption("send", f"names {pattern!r}, which no event has; there are: {', '.join(KNOWN)}")
    return MailSettings(
        host=host,
        port=port,
        tls=tls,
        ca_file=ca_file,
        username=username,
        password=password,
        sender=sender,
        to=to,
        send=send,
        attach_event=attach,
        timeout=timeout,
        guard=guard,
    )


def is_address(text: str) -> bool:
    """Something that can stand in an envelope: one @, ASCII, no blanks and none of the signs of a header's syntax."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain) and text.isascii() and text.isprintable() and not set(text) & set(' <>,;:"()[]\\')
    )
