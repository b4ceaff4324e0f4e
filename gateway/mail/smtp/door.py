"""How much may be inside at one moment: connections in all, connections of one address, bytes of letters."""

from __future__ import annotations

import ipaddress
from collections import Counter


class Door:
    """Counts who is inside. No time and no IO."""

    def __init__(self, *, connections: int, per_address: int, octets: int) -> None:
        self._connections = connections
        self._per_address = per_address
        self._octets = octets
        self._inside: Counter[str] = Counter()
        self.octets_inside = 0
        """Bytes of the letters that are being received or stored."""

    @property
    def connections_inside(self) -> int:
        """Open connections."""
        return self._inside.total()

    def enter(self, address: str) -> str | None:
        """Let a connection in and return None, or return the reason why it has to stay outside."""
        network = network_of(address)
        if self.connections_inside >= self._connections:
            return "too many connections"
        if self._inside[network] >= self._per_address:
            return "too many connections from your address"
        self._inside[network] += 1
        return None

    def leave(self, address: str) -> None:
        """The connection that entered with ``address`` is gone."""
        network = network_of(address)
        self._inside[network] -= 1
        if self._inside[network] <= 0:
            del self._inside[network]

    def take(self, octets: int) -> bool:
        """Reserve memory for a part of a letter; False when there is none left."""
        if self.octets_inside + octets > self._octets:
            return False
        self.octets_inside += octets
        return True

    def give_back(self, octets: int) -> None:
        """Free what was taken."""
        self.octets_inside -= octets


def network_of(address: str) -> str:
    """What counts as one sender: an IPv4 address, or the /64 of an IPv6 one (every customer has a whole /64)."""
    if ":" not in address:
        return address
    try:
        number = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if number.ipv4_mapped is not None:
        return str(number.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(number) >> 64 << 64, 64)))
