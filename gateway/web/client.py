"""Who is at the other end: the client's address and whether it spoke TLS, as far as our own proxies vouch for it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web.headers import BY_TLS_PROXY
from gateway.web.settings import IpNetwork


def parse_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """An address as sockets and X-Forwarded-For give it (with a zone, brackets, mapped IPv4), or None."""
    if not text:
        return None
    try:
        parsed = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_within(address: str | None, networks: Sequence[IpNetwork]) -> bool:
    """Whether ``address`` is in one of ``networks``."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def forwarded_client(peer: str | None, forwarded_for: str, proxies: Sequence[IpNetwork]) -> str | None:
    """The client's address. X-Forwarded-For is read from its end: only what our own proxies appended is believed."""
    client = peer
    for hop in reversed(forwarded_for.split(",")):
        if not is_within(client, proxies):
            break
        parsed = parse_address(hop)
        if parsed is None:
            break
        client = str(parsed)
    return client


def proxy_middleware(proxies: Sequence[IpNetwork]) -> Middleware:
    """``request.remote`` and ``request.secure`` become the client's own when a trusted proxy handed the request on."""

    @web.middleware
    async def believe_own_proxies(request: web.Request, handler: Handler) -> web.StreamResponse:
        if proxies and is_within(request.remote, proxies):
            forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", []))
            scheme = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
            request[BY_TLS_PROXY] = scheme == "https"
            request = request.clone(
                remote=forwarded_client(request.remote, forwarded_for, proxies) or "",
                scheme="https" if scheme == "https" else "http",
            )
        return await handler(request)

    return believe_own_proxies
