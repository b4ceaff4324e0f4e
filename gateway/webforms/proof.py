"""Who sent it: signatures over the raw body, and secrets that come with it. All comparisons take constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.webforms.body import Body

MAX_AGE = 300
"""Seconds by which a signed time may be off: older requests may be somebody's recording."""

PROOF_HEADERS = (
    "typeform-signature", "tally-signature", "x-webflow-signature", "x-webflow-timestamp", "x-hub-signature-256",
    "x-hubspot-signature-v3", "x-hubspot-request-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature",
    "authorization", "x-api-key", "x-webhook-secret",
)  # fmt: skip
"""Headers that a proof may stand in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Everything of a request that can show who sent it."""

    raw: bytes
    body: Body
    headers: Mapping[str, str]
    """Those of PROOF_HEADERS that came, names in lower case."""
    url: str
    """As it was asked for."""
    query: tuple[tuple[str, str], ...]
    now: float
    """Seconds since the epoch."""

    def header(self, name: str) -> str:
        """A header, empty where it did not come."""
        return self.headers.get(name, "")


Verify = Callable[[Proof, str], bool]
"""True where the request proves to know the secret."""


def same(given: str, expected: str) -> bool:
    """Equal, found out in constant time. Nothing is never equal."""
    return bool(given) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


def hmac_hex(secret: str, *parts: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of the parts in a row, in hexadecimal."""
    return hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).hexdigest()


def hmac_base64(secret: str | bytes, *parts: bytes) -> str:
    """The same in Base64."""
    key = secret.encode() if isinstance(secret, str) else secret
    return base64.b64encode(hmac.digest(key, b"".join(parts), "sha256")).decode()


def is_recent(stamp: str, now: float, *, per_second: int = 1) -> bool:
    """Whether a signed time (seconds, or milliseconds with 1000 ``per_second``) is about now."""
    digits = stamp.isascii() and stamp.isdigit() and len(stamp) <= 16
    return digits and abs(int(stamp) / per_second - now) <= MAX_AGE


def standard_webhooks(proof: Proof, secret: str) -> bool:
    """Standard Webhooks (standardwebhooks.com): id, time and body signed; several signatures while a key changes."""
    stamp, key = proof.header("webhook-timestamp"), _standard_key(secret)
    if key is None or not is_recent(stamp, proof.now):
        return False
    signed = f"{proof.header('webhook-id')}.{stamp}.".encode("utf-8", "replace")
    expected = "v1," + hmac_base64(key, signed, proof.raw)
    return any(same(given, expected) for given in proof.header("webhook-signature").split(" ")[:20])


def _standard_key(secret: str) -> bytes | None:
    """``whsec_`` and Base64."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return None


def shared_secret(proof: Proof, secret: str) -> bool:
    """The secret itself, for senders that can't sign: in a header, or as ``secret`` in the address or the body."""
    scheme, _, token = proof.header("authorization").partition(" ")
    given = [proof.header("x-api-key"), proof.header("x-webhook-secret"), proof.body.value("secret") or ""]
    given += [value for name, value in proof.query if name == "secret"]
    if scheme.lower() == "bearer":
        given.append(token.strip())
    return any(same(one, secret) for one in given)
