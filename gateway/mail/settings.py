"""Settings of the mail room: ``[smtp]`` and ``[[mailbox]]`` of the configuration."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

from msgspec import Struct

from gateway.core.address import canonical_address

NOW = "now"
"""The value of ``since`` that leaves out what is in a folder already."""
ALL = "all"
"""The value of ``since`` that leaves out nothing."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener that takes letters by SMTP from a mail server, an Asterisk (voicemail) or a site's own script."""

    listen: str = "127.0.0.1:2525"
    """``host:port``; IPv6 in brackets (``[::1]:2525``). Empty: no listener."""
    recipients: tuple[str, ...] = ()
    """Addresses that are ours: ``info@example.com`` or ``*@example.com``. Empty: any, on a loopback listener only."""
    hostname: str = ""
    """The name in the greeting (RFC 5321 section 4.1.1.1). Empty: this machine's name."""
    max_size: int = 40 << 20
    """Bytes of one letter. 25 MB of attachments, the limit of the large providers, are 34 MB in base64."""
    max_memory: int = 256 << 20
    """Bytes of all letters being received or stored at one moment; over it senders are told to try again later."""
    max_connections: int = 100
    """Open connections in all."""
    per_ip: int = 20
    """Open connections of one address (IPv6: one /64). Postfix opens at most 20 to one destination by default."""
    max_recipients: int = 100
    """Recipients of one letter; RFC 5321 section 4.5.3.1.8 asks for at least 100."""
    max_messages: int = 1000
    """Letters in one connection; after them the sender has to connect again."""
    idle_seconds: float = 300
    """Without a command or a byte of a letter for so long, the connection is closed (RFC 5321 section 4.5.3.2.7)."""
    session_seconds: float = 3600
    """The longest life of a connection, whatever it does."""
    accept_seconds: float = 60
    """How long a sender waits for its letter to become durable before it is asked to try again."""
    tls_cert: str = ""
    """PEM file with the certificate chain. With it STARTTLS is offered."""
    tls_key: str = ""
    """PEM file with the private key of ``tls_cert``; empty: it is in the same file."""

    def __post_init__(self) -> None:
        for name in ("max_size", "max_memory", "max_connections", "per_ip", "max_recipients", "max_messages"):
            _require_positive(name, getattr(self, name))
        for name in ("idle_seconds", "session_seconds", "accept_seconds"):
            _require_positive(name, getattr(self, name))
        if self.max_memory < 2 * self.max_size:
            raise ValueError("max_memory must be at least twice max_size, or one large letter blocks all others")
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key is set without tls_cert: name the certificate file too")
        for recipient in self.recipients:
            _check_recipient(recipient)
        if self.enabled:
            self._check_reach()

    def _check_reach(self) -> None:
        host, _ = split_address(self.listen)
        if not self.recipients and not is_loopback(host):
            raise ValueError(
                f'listen = "{self.listen}" can be reached from outside, so recipients must name the addresses that are '
                'yours, for example recipients = ["info@example.com", "*@example.com"]'
            )

    @property
    def enabled(self) -> bool:
        """False when the listener is switched off."""
        return bool(self.listen)


class MailboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox that is read by IMAP. Nothing in it is changed: no letter is marked, moved or deleted."""

    name: str
    """How people call it, as ``sales``: letters, digits, ``-``, ``_`` and ``.``. Keep it for good: how far the mailbox
    was read is stored under this name."""
    host: str
    """The server's name, as it stands in its certificate."""
    username: str
    """What to sign in as, mostly the address itself."""
    password: str = ""
    """Its password, better by ``password_file``. Large providers want one made for this application."""
    port: int = 993
    """TCP port of the server: mostly 993, or 143 with ``tls = "starttls"``."""
    tls: str = "implicit"
    """``implicit``, ``starttls``, or ``none`` (loopback only). Certificates are always verified."""
    ca_file: str = ""
    """PEM file with the certificate authority of the server, where it is your own; empty: the system's."""
    folders: tuple[str, ...] = ("INBOX",)
    """Which folders are read. New letters of the first come at once, of the others within ``poll_seconds``."""
    sent_folder: str = ""
    """The folder with the company's own answers, read too, so that they join the history; empty: none."""
    since: str = NOW
    """Which letters are read when a folder is seen first: ``now`` (only those that come from now on), a day
    (``2026-01-31``: what came since), or ``all``."""
    max_size: int = 40 << 20
    """Bytes of one letter; of a larger one only the headers are read, and its lead says so."""
    poll_seconds: float = 60
    """How often folders are looked at that the server does not watch for us (IDLE watches one)."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: use letters, digits, '-', '_' and '.', at most 64, as in \"sales\"")
        for key in ("host", "username"):
            if not getattr(self, key).strip() or _CONTROL.search(getattr(self, key)):
                raise ValueError(f"{key} is empty or holds line breaks")
        if _CONTROL.search(self.password):
            raise ValueError("password holds line breaks or other control characters")
        if self.tls not in ("implicit", "starttls", "none"):
            raise ValueError(f'tls = "{self.tls}" is unknown: write "implicit", "starttls" or "none"')
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError(f'tls = "none" would send the password of {self.name} in the clear to {self.host}')
        if not 0 < self.port < 65536:
            raise ValueError(f"port = {self.port} is no port: it goes from 1 to 65535")
        for name in ("max_size", "poll_seconds"):
            _require_positive(name, getattr(self, name))
        self._check_folders()
        _check_since(self.since)

    def _check_folders(self) -> None:
        every = self.every_folder
        if not self.folders or any(not name or _CONTROL.search(name) for name in every):
            raise ValueError('folders must name at least one folder, as in folders = ["INBOX"]')
        if len(set(every)) < len(every):
            raise ValueError("folders and sent_folder name a folder twice")

    @property
    def every_folder(self) -> tuple[str, ...]:
        """All folders to read, the one that IDLE watches first."""
        return (*self.folders, self.sent_folder) if self.sent_folder else self.folders

    @property
    def address(self) -> str | None:
        """The mailbox's own mail address, where its username is one."""
        return canonical_address(self.username)

    def __repr__(self) -> str:
        return f"MailboxSettings(name={self.name!r}, host={self.host!r}, username={self.username!r}, password=***)"

    __str__ = __repr__


def split_address(listen: str) -> tuple[str, int]:
    """``127.0.0.1:2525`` -> ``("127.0.0.1", 2525)``; ``[::1]:25`` -> ``("::1", 25)``. Raises ValueError otherwise."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'listen = "{listen}" must be host:port, for example "127.0.0.1:2525"')
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f'listen = "{listen}": write an IPv6 address in brackets, for example "[::1]:2525"')
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """True for an address that only programs of this machine can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{name} = {value} must be greater than zero")


def _check_recipient(recipient: str) -> None:
    local, _, domain = recipient.rpartition("@")
    probe = f"any@{domain}" if local == "*" else recipient
    if canonical_address(probe) is None:
        raise ValueError(f'recipients: "{recipient}" is neither an address nor "*@domain"')


def _check_since(since: str) -> None:
    if since in (NOW, ALL):
        return
    try:
        date.fromisoformat(since)
    except ValueError:
        raise ValueError(f'since = "{since}" is neither "now", "all" nor a day like "2026-01-31"') from None
