"""Reading an ID token: whose signature, for whom, when, and for which trip (OpenID Connect Core section 3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet

from gateway.web.oidc.failure import BadAnswer, ClockSkew, UnknownKey

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Public keys only: neither "none" nor HMAC with the client's secret, whatever the token itself says (RFC 8725)."""
LEEWAY = 60.0
"""Seconds by which clocks may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the token must say."""

    issuer: str
    client_id: str
    nonce: str


def read_id_token(raw: str, keys: KeySet, expected: Expected, now: datetime) -> Mapping[str, Any]:
    """The claims. Raises UnknownKey, ClockSkew, BadAnswer."""
    try:
        claims = jwt.decode(raw, keys, algorithms=ALGORITHMS).claims
    except InvalidKeyIdError:
        raise UnknownKey("The provider signed its answer with a key that it does not publish.") from None
    except BadSignatureError:
        raise BadAnswer("The signature of the provider's answer is wrong.") from None
    except UnsupportedAlgorithmError:
        raise BadAnswer("The provider's answer is not signed in a way that can be trusted.") from None
    except (JoseError, ValueError, TypeError, KeyError):  # cut off, no JSON, a key that does not fit, nonsense
        raise BadAnswer("The provider's answer can't be read.") from None
    _check_parties(claims, expected)
    _check_times(claims, now.timestamp())
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise BadAnswer("The provider's answer belongs to another sign-in: begin again.")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise BadAnswer("The provider's answer can't be read.")
    return claims


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise BadAnswer("The answer was made by another provider than the one that is configured.")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or expected.client_id not in named:
        raise BadAnswer("The provider's answer is meant for another program: is client_id right?")
    party = claims.get("azp")
    if (party is not None or len(named) > 1) and party != expected.client_id:
        raise BadAnswer("The provider's answer is meant for another program: is client_id right?")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raises ClockSkew with the difference: the token is seconds old, so what does not fit is a clock."""
    issued, expires, begins = (_moment(claims, name) for name in ("iat", "exp", "nbf"))
    if issued is None or expires is None:
        raise BadAnswer("The provider's answer can't be read.")
    early = max(issued, begins or issued) - now
    late = now - expires
    if early > LEEWAY:
        raise ClockSkew(
            "This machine's clock is %(seconds)s seconds behind the provider's: set one of them right.",
            seconds=round(early),
        )
    if late >= LEEWAY:
        raise ClockSkew(
            "The provider's answer ended %(seconds)s seconds ago by this machine's clock: set one of the clocks right.",
            seconds=round(late),
        )


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return None
    return float(value)
