"""``[[sender]]``, ``[notices]`` and ``[[acknowledgement]]`` of the configuration."""

from __future__ import annotations

import ipaddress
import re
import string
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from gateway.core.address import canonical_address

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PORTS = {"implicit": 465, "starttls": 587, "none": 25}
"""RFC 8314 section 7.3, RFC 6409."""
Urgency = Literal["info", "warning", "alarm"]
URGENCIES: tuple[Urgency, ...] = ("info", "warning", "alarm")
TEMPLATE_WORDS = frozenset({"name", "subject"})
"""What a template of an acknowledgement may have in braces."""


class SenderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[sender]]``: the server that letters leave through, and whom they come from."""

    name: str
    """How people call it, as ``sales``. Letters wait under this name: keep it for good."""
    host: str
    """The submission server's name, as it stands in its certificate: ``smtp.example.com``."""
    address: str
    """Whom letters come from: ``sales@example.com``. Answers to them must arrive in a mailbox that Leadgate reads."""
    display_name: str = ""
    """The name beside the address: ``Example Ltd``."""
    port: int = 0
    """TCP port; 0: 465 with ``implicit``, 587 with ``starttls``, 25 with ``none``."""
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    """``none`` for a server on this machine only. Certificates are always verified."""
    ca_file: str = ""
    """PEM file with the certificate authority of the server, where it is your own; empty: the system's."""
    username: str = ""
    """What to sign in as; empty: without signing in."""
    password: str = ""
    """Its password, better by ``password_file``."""
    mailbox: str = ""
    """Name of a ``[[mailbox]]`` whose username and password (or OAuth2) are used; then the two above stay empty."""
    default: bool = False
    """The sender of letters that name none. Without any such mark it is the first."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: use letters, digits, '-', '_' and '.', at most 64, as in \"sales\"")
        for key in ("host", "display_name", "username", "password"):
            if _CONTROL.search(getattr(self, key)):
                raise ValueError(f"{key} holds line breaks or other control characters")
        if not self.host.strip():
            raise ValueError("host is empty: name the submission server, as in smtp.example.com")
        if canonical_address(self.address) is None:
            raise ValueError(f"address: {self.address!r} is no mail address. Write it like sales@example.com")
        if not 0 <= self.port < 65536:
            raise ValueError(f"port = {self.port} is no port: it goes from 1 to 65535")
        if self.tls == "none" and not _is_loopback(self.host):
            raise ValueError(f'tls = "none" would send letters and the password in the clear to {self.host}')
        if self.mailbox and (self.username or self.password):
            raise ValueError("mailbox is set, so username and password come from there: remove them here")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together: set both or none")

    @property
    def effective_port(self) -> int:
        """The port that is connected to."""
        return self.port or PORTS[self.tls]

    @property
    def domain(self) -> str:
        """What stands behind the @ of its address: the domain of Message-IDs."""
        return (canonical_address(self.address) or "").rpartition("@")[2]

    def __repr__(self) -> str:
        return f"SenderSettings(name={self.name!r}, host={self.host!r}, address={self.address!r}, password=***)"

    __str__ = __repr__


class NoticesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[notices]``: how managers are told."""

    mail: bool = True
    """By mail to the manager's address, where a ``[[sender]]`` is configured."""
    mail_from: Urgency = "info"
    """The least urgent notice that goes by mail: ``info``, ``warning`` or ``alarm``."""
    sender: str = ""
    """Name of the ``[[sender]]`` that they come from; empty: the default one."""
    webhook_url: str = ""
    """Address that notices are posted to as JSON: a messenger's bot. It is a secret. Empty: none."""
    webhook_body: str = '{"text": "{text}"}'
    """What is posted: JSON in whose texts {text}, {subject}, {link}, {urgency} and {manager} are replaced. For Telegram
    add the chat: ``{"chat_id": "-100123", "text": "{text}"}``."""
    webhook_from: Urgency = "info"
    """The least urgent notice that goes there."""
    allow_private: bool = False
    """The webhook stands in your own network: at a private address, or without TLS."""
    base_url: str = ""
    """Where people open the pages, for links in notices: ``https://leads.example.com``. Empty: the private listener."""

    def __post_init__(self) -> None:
        for key in ("webhook_url", "base_url"):
            _check_url(key, getattr(self, key))
        if self.webhook_url.startswith("http:") and not self.allow_private:
            raise ValueError("webhook_url goes by plain http, readable on the way: use https, or allow_private = true")
        self.body_template()

    def body_template(self) -> Any:
        """``webhook_body`` as JSON. Raises ValueError."""
        try:
            body = msgspec.json.decode(self.webhook_body)
        except msgspec.DecodeError:
            raise ValueError('webhook_body is no JSON. Write it like {"text": "{text}"}') from None
        if "{text}" not in self.webhook_body:
            raise ValueError("webhook_body has no {text}, so it would say nothing")
        return body

    def __repr__(self) -> str:
        return f"NoticesSettings(mail={self.mail}, webhook={'***' if self.webhook_url else ''!r})"

    __str__ = __repr__


class AcknowledgementSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[acknowledgement]]``: the short letter that says that a request arrived. None configured: none is sent."""

    lines: tuple[str, ...] = ()
    """What it is for: addresses that were written to, keys of forms. Empty: all. The first table that fits counts."""
    language: Literal["", "ru", "en"] = ""
    """Language of the built-in text; empty: that of ``[gateway]``."""
    subject: str = ""
    """Empty: the built-in one. {subject} is the customer's own."""
    text: str = ""
    """Empty: the built-in one. {name} and {subject} are replaced."""
    sender: str = ""
    """Name of the ``[[sender]]``; empty: the default one."""
    hours: float = 24
    """An address gets one in so many hours, whatever it writes."""
    per_hour: int = 60
    """Acknowledgements in an hour to everybody together; what is more is not sent."""

    def __post_init__(self) -> None:
        if self.hours < 1:
            raise ValueError(f"hours = {self.hours:g} is too short: two machines would answer each other. At least 1")
        if self.per_hour < 1:
            raise ValueError(f"per_hour = {self.per_hour} must be greater than zero; to switch off remove the table")
        for key in ("subject", "text"):
            _check_template(key, getattr(self, key))


def default_sender(senders: tuple[SenderSettings, ...]) -> SenderSettings | None:
    """The sender of letters that name none; None where none is configured."""
    marked = (sender for sender in senders if sender.default)
    return next(marked, senders[0] if senders else None)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_url(key: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or _CONTROL.search(url):
        raise ValueError(f"{key} is no address of the web. Write it like https://example.com/path")


def _check_template(key: str, template: str) -> None:
    try:
        words = {word for _, word, _, _ in string.Formatter().parse(template) if word is not None}
    except ValueError:
        raise ValueError(f"{key} has a lone brace: write {{{{ or }}}} for one that is meant as such") from None
    if words - TEMPLATE_WORDS:
        raise ValueError(f"{key} may hold {{name}} and {{subject}}, not {{{sorted(words - TEMPLATE_WORDS)[0]}}}")
