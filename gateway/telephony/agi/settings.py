"""Where the dialplan may ask, and what proves that it is the PBX that asks."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

USUAL_PORT = 4573
"""The port of ``agi://`` addresses without one (``res_agi.c``, ``AGI_PORT``)."""

_SECRET = re.compile(r"[A-Za-z0-9._~-]{8,200}")


class Listen(NamedTuple):
    """A host and a port to listen on."""

    host: str
    port: int


def parse_listen(text: str) -> Listen:
    """``127.0.0.1:4573``, ``[::1]:4573`` or ``:4573``. Raises ValueError with a sentence."""
    host, colon, port = text.strip().rpartition(":")
    wrong = f"agi_listen {text!r} is no address to listen on. Write it like 127.0.0.1:{USUAL_PORT}"
    if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(wrong)
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(wrong)
    return Listen(host.removeprefix("[").removesuffix("]"), int(port))


def check_secret(secret: str) -> None:
    """Raises ValueError with a sentence: the secret stands in an address of the dialplan."""
    if not _SECRET.fullmatch(secret):
        raise ValueError(
            "agi_secret: use 8 to 200 letters, digits, '-', '_', '.' and '~', for it stands in the address agi://. "
            "Make one: openssl rand -hex 16"
        )


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> Network:
    """``10.0.0.5`` or ``10.0.0.0/24``. Raises ValueError with a sentence."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"agi_allow: {text!r} is no address or network. Write it like 10.0.0.5 or 10.0.0.0/24"
        ) from None


def networks_of(host: str) -> list[Network]:
    """The addresses behind the name of the PBX; none where it can't be resolved now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_network(str(info[4][0]).partition("%")[0]) for info in found]


LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def may_ask(address: str, networks: Iterable[Network]) -> bool:
    """Whether a peer's address is in one of the networks; an IPv4 address may come in its IPv6 form."""
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer in network for network in networks)
