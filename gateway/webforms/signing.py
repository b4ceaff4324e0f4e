"""What a form's page gets signed: the moment it was shown, and a proof of work. Pure, but for the key's file.

Token: ``issued.nonce.mac``. Proof of work: version 1 of ALTCHA (altcha.org/docs, server integration), SHA-256 of a salt
and a number that the browser must find; the salt carries the end of its life.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from gateway.core.keyfile import KEY_BYTES, key_in
from gateway.core.types import Json
from gateway.webforms.tree import said, table

LIFETIME = 7 * 86_400
"""Seconds for which a token or a proof counts: the snippet keeps a submission for so long while we can't be reached."""
REMEMBERED = 50_000
"""Tokens that are remembered as used; beyond, the oldest is forgotten."""
MAX_TOKEN = 2_000


class Used:
    """Which tokens were used, and by which submission: sent again, the same submission may use it again."""

    def __init__(self) -> None:
        self._by: OrderedDict[str, bytes] = OrderedDict()

    def by_another(self, token: str, submission: bytes) -> bool:
        """Note the use; true where another submission came with this token before."""
        known = self._by.get(token)
        if known is None:
            self._by[token] = submission
            if len(self._by) > REMEMBERED:
                self._by.popitem(last=False)
            return False
        return known != submission


class Signer:
    """Issues and checks, with one key for all forms; the form's own key goes into each signature."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def use(self, key: bytes) -> None:
        """Sign with this key from now on."""
        self._key = key

    def token(self, form: str, now: float) -> str:
        """A token for a form that is shown now (seconds since the epoch)."""
        stem = f"{int(now * 1000)}.{secrets.token_urlsafe(9)}"
        return f"{stem}.{self._mac('token', form, stem)}"

    def age(self, form: str, token: str, now: float) -> float | None:
        """Seconds since the token was issued; None where we did not issue it for this form."""
        stem, _, mac = token[:MAX_TOKEN].rpartition(".")
        issued = stem.partition(".")[0]
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac("token", form, stem).encode()):
            return None
        return now - int(issued) / 1000

    def challenge(self, form: str, highest: int, now: float) -> dict[str, Json]:
        """A proof of work as ALTCHA's widget and our snippet take it."""
        # the last "&" keeps digits of the number from being moved into the time, which would give the same hash
        salt = f"{secrets.token_hex(12)}?expires={int(now) + LIFETIME}&"
        challenge = _sha256(salt, secrets.randbelow(highest + 1))
        return {
            "algorithm": "SHA-256",
            "challenge": challenge,
            "maxnumber": highest,
            "salt": salt,
            "signature": self._mac("work", form, challenge),
        }

    def wrong_work(self, form: str, payload: str, now: float) -> str | None:
        """What is wrong with a solved proof of work; None where it is right."""
        solved = _solution(payload)
        if not solved:
            return "can't be read"
        salt, challenge = said(solved.get("salt")), said(solved.get("challenge"))
        signature = said(solved.get("signature")).encode("utf-8", "replace")
        if not hmac.compare_digest(signature, self._mac("work", form, challenge).encode()):
            return "was not asked for by this form"
        if _sha256(salt, said(solved.get("number"))) != challenge:
            return "is wrong"
        expires = parse_qs(salt.partition("?")[2]).get("expires", ["0"])[0]
        return None if expires.isdigit() and int(expires) >= now else "is too old"

    def _mac(self, purpose: str, form: str, text: str) -> str:
        signed = f"{purpose}\n{form}\n{text}".encode("utf-8", "replace")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()


def challenge_of(payload: str) -> str:
    """What a solved proof of work solves; one challenge has many spellings, and counts once."""
    return said(_solution(payload).get("challenge"))


def _solution(payload: str) -> dict[str, Json]:
    try:
        return table(msgspec.json.decode(base64.b64decode(payload[:MAX_TOKEN], validate=True)))
    except (binascii.Error, ValueError, RecursionError):
        return {}


def _sha256(salt: str, number: int | str) -> str:
    return hashlib.sha256(f"{salt}{number}".encode("utf-8", "replace")).hexdigest()


def new_key() -> bytes:
    """A key for a gateway without a folder: what it signed counts until it ends."""
    return secrets.token_bytes(KEY_BYTES)


def stored_key(file: Path) -> bytes:
    """The key in ``file``, made at the first start, so that open pages outlive a restart. Raises OSError."""
    key = key_in(file)
    if len(key) >= KEY_BYTES:
        return key
    file.unlink()  # a crash left it short: nothing was signed with it
    return key_in(file)
