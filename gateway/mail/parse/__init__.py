"""Raw bytes of a letter to its text, addresses and attachments. Pure functions behind hard limits."""

from __future__ import annotations

from gateway.mail.parse.addresses import Mailbox, parse_addresses
from gateway.mail.parse.headers import Headers
from gateway.mail.parse.html import html_to_text
from gateway.mail.parse.letter import Letter, read_attachment, read_headers_only, read_letter
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.sanitise import sanitise_html

__all__ = [
    "DEFAULT_LIMITS",
    "Headers",
    "Letter",
    "Limits",
    "Mailbox",
    "html_to_text",
    "parse_addresses",
    "read_attachment",
    "read_headers_only",
    "read_letter",
    "sanitise_html",
]
