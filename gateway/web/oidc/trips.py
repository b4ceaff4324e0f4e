"""Where a browser is between leaving for the provider and coming back, kept by the browser itself in a signed cookie.

State, nonce and PKCE verifier are made from the trip's id and our key, so the cookie holds none of them, and whoever
sees one of them in an address learns nothing of the others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.core.clock import Clock

LIFETIME = timedelta(minutes=10)
"""As long as a person may take at the provider."""
MAX_TARGET = 1000
"""Longer paths are forgotten: a cookie has 4,096 bytes."""
REMEMBERED = 10_000
"""Trips that ended, each for ten minutes at most: more than a company of 1,000 makes in a morning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One way to the provider and back."""

    id: str
    target: str
    """The path that the person wanted."""
    ends_at: datetime


class Trips:
    """Begins trips, knows them again, and lets none end twice. ``key``: gives 256 bits."""

    def __init__(self, key: Callable[[], bytes], clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._ended: OrderedDict[str, datetime] = OrderedDict()

    def begin(self, target: str) -> Trip:
        """A new one."""
        kept = target if len(target) <= MAX_TARGET else "/"
        return Trip(id=secrets.token_urlsafe(24), target=kept, ends_at=self._clock.now() + LIFETIME)

    def cookie(self, trip: Trip) -> str:
        """What the browser keeps."""
        path = base64.urlsafe_b64encode(trip.target.encode()).decode().rstrip("=")
        text = f"{trip.id}.{int(trip.ends_at.timestamp())}.{path}"
        return f"{text}.{self._derived('cookie', text)}"

    def of_cookie(self, cookie: str | None) -> Trip | None:
        """The trip of a cookie of ours that is not over."""
        text, _, mac = (cookie or "").rpartition(".")
        if not text or not hmac.compare_digest(mac.encode(), self._derived("cookie", text).encode()):
            return None
        trip_id, until, path = text.split(".")  # ours, so it has three parts
        ends_at = datetime.fromtimestamp(int(until), UTC)
        target = base64.urlsafe_b64decode(path + "=" * (-len(path) % 4)).decode()
        return Trip(id=trip_id, target=target, ends_at=ends_at) if self._clock.now() < ends_at else None

    def end(self, trip: Trip) -> bool:
        """Take the trip; False for one that was taken before."""
        now = self._clock.now()
        while self._ended and (next(iter(self._ended.values())) <= now or len(self._ended) >= REMEMBERED):
            self._ended.popitem(last=False)
        if trip.id in self._ended:
            return False
        self._ended[trip.id] = trip.ends_at
        return True

    def state(self, trip: Trip) -> str:
        """RFC 6749 section 10.12: what the provider must bring back."""
        return self._derived("state", trip.id)

    def nonce(self, trip: Trip) -> str:
        """OpenID Connect Core section 3.1.2.1: what the ID token must hold."""
        return self._derived("nonce", trip.id)

    def verifier(self, trip: Trip) -> str:
        """RFC 7636 section 4.1: 43 characters."""
        return self._derived("verifier", trip.id)

    def challenge(self, trip: Trip) -> str:
        """RFC 7636 section 4.2, method S256."""
        return _text(hashlib.sha256(self.verifier(trip).encode()).digest())

    def _derived(self, what: str, text: str) -> str:
        return _text(hmac.digest(self._key(), f"{what}:{text}".encode(), "sha256"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
