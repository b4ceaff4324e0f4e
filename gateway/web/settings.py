"""Settings of the web listeners: table ``[web]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

import msgspec

from gateway.web.oidc.settings import OidcSettings

IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a listener waits: host (a name, IPv4 or IPv6 address; empty for every address) and TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """``127.0.0.1:8080``, ``[::1]:8080`` or ``:8080``. Raises ValueError with a sentence."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(f'"{text}" is no address to listen on: write it as "127.0.0.1:8080" or "[::1]:8080"')
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise ValueError(f'"{text}": an IPv6 address stands in brackets, as in "[::1]:8080"')
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def for_browsers(self) -> str:
        """An address that can be opened on this machine: "every address" is not one."""
        reachable = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return str(ListenAddress(reachable, self.port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both listeners. With the same address twice, all routes are on one."""

    public: str = "127.0.0.1:8080"
    """Where forms arrive; may face the internet."""
    private: str = "127.0.0.1:8080"
    """Where people, the PBX and scripts come in."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of our own reverse proxies: only their X-Forwarded-For and X-Forwarded-Proto count."""
    header_seconds: float = 10.0
    """From the first byte (or the connection) to the end of the headers; then the connection is closed."""
    body_seconds: float = 30.0
    """A body may take this long; after that only while it comes with at least ``body_bytes_per_second``."""
    body_bytes_per_second: int = 500
    """The slowest body, on average, that is waited for after ``body_seconds``."""
    idle_seconds: float = 75.0
    """How long a kept-alive connection may be silent between two requests."""
    max_connections: int = 500
    """Open connections a listener; more are answered 503."""
    max_connections_per_address: int = 20
    """Open connections of one address (IPv6: one /64) on the public listener; loopback and our proxies are exempt."""
    max_body_bytes: int = 1_048_576
    """The largest body a handler reads as a whole; larger ones are answered 413. Files of forms are streamed."""
    session_idle_minutes: int = 30
    """A signed-in browser that asks nothing for so long must sign in again."""
    session_hours: int = 12
    """A signed-in browser must sign in again after so long, whatever it does."""
    setup_link_hours: int = 72
    """How long a one-time link to set a password works."""

    managers_see: Literal["all", "own"] = "all"
    """Whose leads, calls and callbacks a manager sees: everybody's, or only their own and nobody's."""
    mask_for: tuple[Literal["chief", "manager", "auditor", "owner"], ...] = ()
    """Roles that see telephone numbers and mail addresses of customers masked; the owner never."""
    second_factor_for: tuple[Literal["owner", "chief", "manager", "auditor"], ...] = ()
    """Roles that do nothing before they have set up a second factor; who has no password comes through a provider."""
    oidc: OidcSettings | None = None
    """Table ``[web.oidc]``: signing in through a provider; without it there are passwords only."""

    def __post_init__(self) -> None:
        ListenAddress.parse(self.public)
        ListenAddress.parse(self.private)
        self.proxy_networks()
        if "owner" in self.mask_for:
            raise ValueError('mask_for: an owner always sees numbers whole; take "owner" out')
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")

    @property
    def one_listener(self) -> bool:
        """Whether all routes are on one port. Two zeros are two ports, each chosen by the system."""
        address = ListenAddress.parse(self.public)
        return address == ListenAddress.parse(self.private) and address.port != 0

    def proxy_networks(self) -> tuple[IpNetwork, ...]:
        """``trusted_proxies`` parsed. Raises ValueError with a sentence."""
        networks = []
        for text in self.trusted_proxies:
            try:
                networks.append(ip_network(text, strict=False))
            except ValueError:
                raise ValueError(
                    f'trusted_proxies: "{text}" is no address or network, such as "10.0.0.5" or "10.0.0.0/24"'
                ) from None
        return tuple(networks)


class LocaleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of table ``[gateway]`` that says how people read numbers, times and words."""

    region: str = "RU"
    """ISO 3166 country of numbers written without a country code."""
    timezone: str = "Europe/Moscow"
    """IANA name of the zone in which times are shown and dates in filters are meant."""
    language: str = "en"
    """Language of who has not chosen one and whose browser asks for none we have: ``ru`` or ``en``."""


_POSITIVE = (
    "header_seconds",
    "body_seconds",
    "body_bytes_per_second",
    "idle_seconds",
    "max_connections",
    "max_connections_per_address",
    "max_body_bytes",
    "session_idle_minutes",
    "session_hours",
    "setup_link_hours",
)
