"""Slowing down those who guess passwords: per account and per address, never a lock for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from gateway.core.clock import Clock

FREE_FAILURES = 5
"""A person who mistypes is not slowed down."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 900.0
"""1 s doubles with each failure up to 15 minutes: about 100 guesses a day."""
FORGET_SECONDS = 24 * 3600.0
"""Failures older than this are no longer counted."""
REMEMBERED = 20_000
"""Accounts and addresses kept; the least recently tried are forgotten first. About 4 MiB."""


@dataclass(slots=True)
class _Record:
    failures: int
    last_at: float
    free_at: float


def account_key(login: str) -> str:
    """The key of an account, known or not."""
    return "account:" + login.strip().casefold()[:200]


def address_key(address: str) -> str:
    """The key of a client's address; one IPv6 /64 is one customer of its provider, hence one key."""
    return "address:" + network_of(address)


def network_of(address: str) -> str:
    """``203.0.113.9`` as it is, ``2001:db8::1`` as its /64; anything else as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


class LoginThrottle:
    """Counts failed tries in memory. A try counts as failed from its begin, so that many at once gain nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def begin(self, keys: Iterable[str]) -> float:
        """Count a try under all ``keys``. Returns 0, or the seconds to wait: then it is refused and not counted."""
        now = self._clock.monotonic()
        keys = tuple(keys)
        wait = max((self._wait(key, now) for key in keys), default=0.0)
        if wait <= 0:
            for key in keys:
                self._count(key, now)
        return max(wait, 0.0)

    def succeeded(self, keys: Iterable[str]) -> None:
        """The password was right: forget what was counted under ``keys``."""
        for key in keys:
            self._records.pop(key, None)

    def take_back(self, key: str) -> None:
        """The try begun last was not a failure of ``key``: an address with many people behind it, one of them right."""
        record = self._records.get(key)
        if record is not None:
            record.failures -= 1
            record.free_at = self._clock.monotonic()

    def _wait(self, key: str, now: float) -> float:
        record = self._records.get(key)
        return record.free_at - now if record else 0.0

    def _count(self, key: str, now: float) -> None:
        record = self._records.pop(key, None)
        if record is None or now - record.last_at > FORGET_SECONDS:
            record = _Record(failures=0, last_at=now, free_at=now)
        record.failures += 1
        record.last_at = now
        excess = record.failures - FREE_FAILURES
        if excess >= 0:
            # 2 ** 10 s is above 15 minutes already: the exponent needs no more
            record.free_at = now + min(FIRST_WAIT_SECONDS * 2 ** min(excess, 10), LONGEST_WAIT_SECONDS)
        self._records[key] = record
        while len(self._records) > REMEMBERED:
            self._records.popitem(last=False)

    def __len__(self) -> int:
        return len(self._records)
