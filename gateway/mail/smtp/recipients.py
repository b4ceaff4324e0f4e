"""Which recipients are ours. Anything else is refused, so that the listener is no open relay and no open sink."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.address import canonical_address


class Recipients:
    """The ``recipients`` of the configuration, ready to be asked."""

    def __init__(self, patterns: Iterable[str]) -> None:
        addresses: set[str] = set()
        domains: set[str] = set()
        for pattern in patterns:
            local, _, domain = pattern.rpartition("@")
            canonical = canonical_address(f"any@{domain}" if local == "*" else pattern)
            if canonical is None:
                raise ValueError(f'"{pattern}" is neither an address nor "*@domain"')
            if local == "*":
                domains.add(canonical.rpartition("@")[2])
            else:
                addresses.add(canonical)
        self._addresses = frozenset(addresses)
        self._domains = frozenset(domains)

    def accepts(self, address: str) -> bool:
        """True when ``address`` is ours; with no pattern at all, any address is."""
        if not self._addresses and not self._domains:
            return True
        canonical = canonical_address(address)
        if canonical is None:
            return False
        return canonical in self._addresses or canonical.rpartition("@")[2] in self._domains
