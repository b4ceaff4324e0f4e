"""Settings of the mail room: ``[smtp]`` and ``[[mailbox]]`` of the configuration."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from urllib.parse import urlsplit

from msgspec import Struct, structs

from gateway.core.address import canonical_address

NOW = "now"
"""The value of ``since`` that leaves out what is in a folder already."""
ALL = "all"
"""The value of ``since`` that leaves out nothing."""
NOTHING = "nothing"
"""The value of ``after`` that changes nothing in the mailbox."""
SEEN = "seen"
"""The value of ``after`` that marks letters as read."""
AUTO = "auto"
"""The value of ``sent_folder`` for the folder that the server itself names as the one of sent letters (RFC 6154)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KEYWORD = re.compile(r"[$A-Za-z0-9][$A-Za-z0-9_.-]{0,63}")
"""A flag of one's own (RFC 9051 section 9, flag-keyword), of letters that no server refuses."""


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


class LmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener that takes letters by LMTP from a mail server (Postfix, Dovecot, Exim) that delivers to us.

    Limits, time-outs and TLS are those of ``[smtp]``.
    """

    listen: str = ""
    """``host:port``, as ``127.0.0.1:2424``; empty: no listener. RFC 2033 section 5 forbids port 25."""
    recipients: tuple[str, ...] = ()
    """Addresses that are ours, as in ``[smtp]``. Empty: those of ``[smtp]``."""

    def __post_init__(self) -> None:
        for recipient in self.recipients:
            _check_recipient(recipient)
        if self.enabled:
            host, port = split_address(self.listen)
            if port == 25:
                raise ValueError("listen names port 25, which is for SMTP: choose another, as in 127.0.0.1:2424")
            if not is_loopback(host) and not self.recipients:
                raise ValueError(
                    f'listen = "{self.listen}" can be reached from outside, so recipients must name the addresses that '
                    'are yours, for example recipients = ["info@example.com", "*@example.com"]'
                )

    @property
    def enabled(self) -> bool:
        """False when there is no such listener."""
        return bool(self.listen)

    def with_limits_of(self, smtp: SmtpSettings) -> SmtpSettings:
        """What a listener is made from: our address and recipients, the rest from ``[smtp]``."""
        return structs.replace(smtp, listen=self.listen, recipients=self.recipients or smtp.recipients)


class MailboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox that is read by IMAP. Unless ``after`` says so no letter in it is marked, moved or deleted."""

    name: str
    """How people call it, as ``sales``: letters, digits, ``-``, ``_`` and ``.``. Keep it for good: how far the mailbox
    was read is stored under this name."""
    host: str
    """The server's name, as it stands in its certificate."""
    username: str
    """What to sign in as, mostly the address itself."""
    password: str = ""
    """Its password, better by ``password_file``. Large providers want one made for this application."""
    auth: str = "password"
    """``password``, or ``oauth2``: with a token of the provider (Google, Microsoft 365)."""
    provider: str = ""
    """For ``oauth2``: ``google`` or ``microsoft``; empty for another one, whose ``token_url`` is set."""
    client_id: str = ""
    """For ``oauth2``: the id of the application that was registered with the provider."""
    client_secret: str = ""
    """Its secret, better by ``client_secret_file``; empty for an application that has none."""
    refresh_token: str = ""
    """Better by ``refresh_token_file``; empty: the one that ``leadgate mailbox authorize`` keeps in the data folder."""
    token_url: str = ""
    """Where tokens are given; empty: the provider's own address. With Microsoft: the one of your tenant."""
    port: int = 993
    """TCP port of the server: mostly 993, or 143 with ``tls = "starttls"``."""
    tls: str = "implicit"
    """``implicit``, ``starttls``, or ``none`` (loopback only). Certificates are always verified."""
    ca_file: str = ""
    """PEM file with the certificate authority of the server, where it is your own; empty: the system's."""
    folders: tuple[str, ...] = ("INBOX",)
    """Which folders are read. New letters of the first come at once, of the others within ``poll_seconds``."""
    sent_folder: str = AUTO
    """The folder with the company's own answers, read too, so that they join the history; ``auto``: the one that the
    server names as such; empty: none."""
    after: str = NOTHING
    """What is done with a letter after it was stored: ``nothing``, ``seen``, ``flag:NAME`` or ``move:FOLDER``."""
    since: str = NOW
    """Which letters are read when a folder is seen first: ``now`` (only those that come from now on), a day
    (``2026-01-31``: what came since), or ``all``."""
    max_size: int = 40 << 20
    """Bytes of one letter; of a larger one only the headers are read, and its lead says so."""
    poll_seconds: float = 60
    """How often folders are looked at that the server does not watch for us (IDLE watches one)."""
    silent_hours: float = 72
    """After so many hours without a new letter people are told, as it may mean that letters go elsewhere. 0: never."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: use letters, digits, '-', '_' and '.', at most 64, as in \"sales\"")
        for key in ("host", "username"):
            if not getattr(self, key).strip() or _CONTROL.search(getattr(self, key)):
                raise ValueError(f"{key} is empty or holds line breaks")
        for key in ("password", "client_id", "client_secret", "refresh_token", "token_url"):
            if _CONTROL.search(getattr(self, key)):
                raise ValueError(f"{key} holds line breaks or other control characters")
        if self.tls not in ("implicit", "starttls", "none"):
            raise ValueError(f'tls = "{self.tls}" is unknown: write "implicit", "starttls" or "none"')
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError(f'tls = "none" would send the password of {self.name} in the clear to {self.host}')
        if not 0 < self.port < 65536:
            raise ValueError(f"port = {self.port} is no port: it goes from 1 to 65535")
        for name in ("max_size", "poll_seconds"):
            _require_positive(name, getattr(self, name))
        if self.silent_hours < 0:
            raise ValueError(f"silent_hours = {self.silent_hours:g}: write 0 for never, or a number of hours")
        self._check_folders()
        self._check_auth()
        _check_after(self.after, self.folders)
        _check_since(self.since)

    def _check_folders(self) -> None:
        every = self.every_folder
        if not self.folders or any(not name or _CONTROL.search(name) for name in every):
            raise ValueError('folders must name at least one folder, as in folders = ["INBOX"]')
        if len(set(every)) < len(every):
            raise ValueError("folders and sent_folder name a folder twice")

    def _check_auth(self) -> None:
        if self.auth not in ("password", "oauth2"):
            raise ValueError(f'auth = "{self.auth}" is unknown: write "password" or "oauth2"')
        if self.auth == "password":
            if self.client_id or self.refresh_token:
                raise ValueError('client_id and refresh_token do nothing without auth = "oauth2"')
            return
        if self.provider not in ("google", "microsoft", ""):
            raise ValueError(f'provider = "{self.provider}" is unknown: write "google", "microsoft", or a token_url')
        if not self.provider and not self.token_url:
            raise ValueError('auth = "oauth2" needs provider = "google" or "microsoft", or a token_url')
        if not self.client_id:
            raise ValueError('auth = "oauth2" needs client_id, the id of the application at the provider; docs/mail.md')
        if self.token_url and not _is_safe_url(self.token_url):
            raise ValueError(f'token_url = "{self.token_url}" must begin with https://')

    @property
    def every_folder(self) -> tuple[str, ...]:
        """All folders to read that are named, the one that IDLE watches first."""
        return (*self.folders, self.sent_folder) if self.sent_folder not in ("", AUTO) else self.folders

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


def _is_safe_url(url: str) -> bool:
    """HTTPS, or plain HTTP that does not leave this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _check_after(after: str, folders: tuple[str, ...]) -> None:
    deed, _, name = after.partition(":")
    if after in (NOTHING, SEEN):
        return
    if deed not in ("move", "flag") or not name or _CONTROL.search(name):
        raise ValueError(f'after = "{after}" is unknown: write "nothing", "seen", "flag:NAME" or "move:FOLDER"')
    if deed == "flag" and not _KEYWORD.fullmatch(name):
        raise ValueError(f'after = "{after}": a flag is of letters, digits, "$", "_" and "-", as in "flag:$Leadgate"')
    if deed == "move" and name in folders:
        raise ValueError(f'after = "{after}": letters would be moved to a folder that they are read from')


def _check_since(since: str) -> None:
    if since in (NOW, ALL):
        return
    try:
        date.fromisoformat(since)
    except ValueError:
        raise ValueError(f'since = "{since}" is neither "now", "all" nor a day like "2026-01-31"') from None
