"""Settings of the mail room: ``[smtp]`` and ``[[mailbox]]`` of the configuration."""

from __future__ import annotations

import ipaddress

from msgspec import Struct

from gateway.core.address import canonical_address


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
    """A mailbox to be read by IMAP. Parsed and checked, so that a configuration for later versions is not an error."""

    name: str
    """How people call it."""
    host: str
    username: str
    password: str = ""
    port: int = 993
    tls: str = "implicit"
    """``implicit``, ``starttls``, or ``none`` (loopback only)."""
    folders: tuple[str, ...] = ("INBOX",)
    since: str = ""
    """Take letters from this day on (ISO 8601); empty: from now on."""

    def __post_init__(self) -> None:
        if self.tls not in ("implicit", "starttls", "none"):
            raise ValueError(f'tls = "{self.tls}" is unknown: write "implicit", "starttls" or "none"')
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError(f'tls = "none" would send the password of {self.name} in the clear to {self.host}')
        if not 0 < self.port < 65536:
            raise ValueError(f"port = {self.port} is no port: it goes from 1 to 65535")

    def not_yet(self) -> str:
        """The sentence that ``check`` and the start print for a mailbox."""
        return f"mailbox {self.name}: mailboxes are not read yet in this version"

    def __repr__(self) -> str:
        return f"MailboxSettings(name={self.name!r}, host={self.host!r}, username={self.username!r}, password=***)"


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
