"""Keeps configured URLs from reaching into the own network (server-side request forgery).

https only, public addresses only, unless the administrator named the host as private on purpose. The address is checked
after it was resolved, because ``127.1``, ``0x7f.1`` and any name of an attacker resolve to loopback; and the checked
address is the one that is connected to, because a second look-up may give another answer (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from crm_adapter.base import Misconfigured
from crm_adapter.said import Said

_TRANSLATED = (
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052: 64:ff9b::7f00:1 is 127.0.0.1, and Python calls it global
    IPv6Network("64:ff9b:1::/48"),  # local-use NAT64, RFC 8215
    IPv6Network("2002::/16"),  # 6to4, RFC 3056
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """True where ``address`` can only be a host on the internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=128)
def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.split("%", 1)[0])
    except ValueError:
        return None


@lru_cache(maxsize=128)
def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty where it is none. Most requests of an adapter go to a few addresses."""
    try:
        parts = urlsplit(url)
        return ("", "") if parts.port == 0 else (parts.scheme, parts.hostname or "")
    except ValueError:
        return "", ""


class Guard:
    """Says which hosts may be reached, and how."""

    def __init__(self, private_hosts: Iterable[str] = ()) -> None:
        self._private = frozenset(host.strip().lower().strip("[]").rstrip(".") for host in private_hosts)

    def allows_private(self, host: str) -> bool:
        """True where the administrator named ``host`` as private."""
        return host.lower().rstrip(".") in self._private

    def check_url(self, url: str) -> str:
        """The host of ``url``. Raises Misconfigured for anything but https to a host that may be public."""
        scheme, host = _scheme_and_host(url)
        if scheme not in ("https", "http") or not host:
            raise Misconfigured(Said("the address is no URL; write it like https://crm.example.com/hook"))
        if scheme == "http" and not self.allows_private(host):
            raise Misconfigured(
                Said(
                    "%(host)s would be reached by plain http, readable on the way; use https, or name the host in "
                    "allow_private when it stands in your own network",
                    host=host,
                )
            )
        literal = _literal(host)
        if literal is not None:
            self.check_address(host, literal)
        return host

    def check_address(self, host: str, address: IPv4Address | IPv6Address) -> None:
        """Raise Misconfigured when ``host`` leads to an address it may not."""
        if is_public(address) or self.allows_private(host):
            return
        raise Misconfigured(
            Said(
                "%(host)s is at %(address)s, which is no public address; when this is your own CRM, name the host in "
                "allow_private",
                host=host,
                address=address,
            )
        )


class GuardedResolver(AbstractResolver):
    """Resolves names and gives out only addresses that the guard allows; aiohttp connects to exactly these."""

    def __init__(self, guard: Guard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """One bad address refuses the name: a name that leads both ways is not to be trusted with either."""
        if self._inner is None:
            self._inner = ThreadedResolver()
        found = await self._inner.resolve(host, port, family)
        for result in found:
            address = _literal(result["host"])
            if address is None:
                raise OSError(None, f"{host} resolved to something that is no address")
            self._guard.check_address(host, address)
        return found

    async def close(self) -> None:
        if self._inner is not None:
            await self._inner.close()
