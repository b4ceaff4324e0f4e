"""The provider over HTTP: its discovery document, its keys, a code exchanged for tokens. All answers are bounded."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from gateway.core.clock import Clock
from gateway.web.oidc.failure import BadAnswer, ProviderAway
from gateway.web.oidc.settings import OidcSettings, is_safe_address

log = logging.getLogger(__name__)

SECONDS = 10.0
"""How long one answer may take; a person waits for it."""
LARGEST_ANSWER = 256 * 1024
"""Bytes. Discovery documents have 2 to 10 KB, sets of keys up to 20."""
FRESH_SECONDS = 3600.0
"""How long discovery and keys are kept."""
AGAIN_SECONDS = 60.0
"""Keys are not read again sooner for a key that is not among them: anybody can make such a token."""
DISCOVERY = "/.well-known/openid-configuration"
NOT_UNDERSTOOD = "The sign-in provider gave an answer that can't be used."


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What is needed of the discovery document (OpenID Connect Discovery 1.0 section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    secret_in_body: bool
    """The token endpoint takes no HTTP Basic."""
    says_issuer: bool
    """Its answers through the browser name it (RFC 9207)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str | None = field(repr=False)


class Provider:
    """Asks the provider; remembers what seldom changes."""

    def __init__(self, settings: OidcSettings, clock: Clock, *, seconds: float = SECONDS) -> None:
        self._settings = settings
        self._clock = clock
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()

    async def metadata(self) -> Metadata:
        """Where things are. Raises ProviderAway, BadAnswer."""
        async with self._lock:
            if self._metadata is None or self._age(self._metadata[0]) > FRESH_SECONDS:
                found = await self._json("GET", self._settings.issuer.rstrip("/") + DISCOVERY)
                self._metadata = self._clock.monotonic(), _metadata(found, self._settings.issuer)
            return self._metadata[1]

    async def keys(self, *, anew: bool = False) -> KeySet:
        """Its public keys; ``anew``: a key was not among them. Raises ProviderAway, BadAnswer."""
        where = (await self.metadata()).jwks_uri
        async with self._lock:
            most = AGAIN_SECONDS if anew else FRESH_SECONDS
            if self._keys is None or self._age(self._keys[0]) > most:
                found = await self._json("GET", where)
                self._keys = self._clock.monotonic(), _key_set(found)
            return self._keys[1]

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Exchange a code (RFC 6749 section 4.1.3). Raises ProviderAway, BadAnswer."""
        metadata, settings = await self.metadata(), self._settings
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier
        }  # fmt: skip
        headers = {}
        if settings.client_secret and not metadata.secret_in_body:
            # RFC 6749 section 2.3.1: both are form-encoded before they become user name and password
            user, password = (quote(text, safe="") for text in (settings.client_id, settings.client_secret))
            headers["Authorization"] = aiohttp.encode_basic_auth(user, password)
        else:
            fields["client_id"] = settings.client_id
            if settings.client_secret:
                fields["client_secret"] = settings.client_secret
        found = await self._json("POST", metadata.token_endpoint, headers=headers, data=fields)
        id_token, access_token = found.get("id_token"), found.get("access_token")
        if not isinstance(id_token, str):
            raise BadAnswer(NOT_UNDERSTOOD)
        return Tokens(id_token=id_token, access_token=access_token if isinstance(access_token, str) else None)

    async def more_claims(self, access_token: str | None, subject: str) -> Mapping[str, Any]:
        """What the provider says of the person apart from the ID token (Core section 5.3). Raises as above."""
        where = (await self.metadata()).userinfo_endpoint
        if where is None or access_token is None:
            return {}
        found = await self._json("GET", where, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:
            raise BadAnswer("The provider's answers are about two people.")
        return found

    def _age(self, since: float) -> float:
        return self._clock.monotonic() - since

    async def _json(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, data: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """An object that the provider answers with. No redirects: they would take secrets elsewhere."""
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            session = self._opened()
            request = session.request(method, url, headers=asked, data=data, allow_redirects=False)
            async with request as answer:
                raw = await _bounded(answer.content)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("The sign-in provider does not answer", extra={"action": "oidc_away", "reason": _short(error)})
            raise ProviderAway("The sign-in provider does not answer now. Try again soon.") from None
        if raw is None:
            log.warning("The sign-in provider's answer is too large", extra={"action": "oidc_too_large"})
            raise ProviderAway(NOT_UNDERSTOOD)
        if status != 200:
            self._refused(status, raw)
        found = _object(raw)
        if found is None:
            log.warning("The sign-in provider's answer is no JSON", extra={"action": "oidc_no_json"})
            raise ProviderAway(NOT_UNDERSTOOD)
        return found

    def _refused(self, status: int, raw: bytes) -> None:
        """An answer with an error status. Raises."""
        word = error_word((_object(raw) or {}).get("error"))
        extra = {"action": "oidc_refused", "status": status, "reason": word}
        log.warning("The sign-in provider refused a request", extra=extra)
        if status >= 500 or status == 429:
            raise ProviderAway("The sign-in provider does not answer now. Try again soon.")
        if word == "invalid_client" or status == 401:
            raise BadAnswer("The sign-in provider does not know Leadgate: client_id or client_secret is wrong.")
        if word == "invalid_grant":
            raise BadAnswer("The sign-in provider does not take its own code any more: begin again.")
        raise BadAnswer(NOT_UNDERSTOOD)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._seconds)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self._session


async def _bounded(stream: aiohttp.StreamReader) -> bytes | None:
    """All of it; None where it is too much."""
    raw = bytearray()
    async for chunk in stream.iter_any():
        raw += chunk
        if len(raw) > LARGEST_ANSWER:
            return None
    return bytes(raw)


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def error_word(value: object) -> str:
    """The ``error`` of RFC 6749 section 4.1.2.1 where it is a plain word; else nothing: it comes from outside."""
    is_word = isinstance(value, str) and 0 < len(value) <= 60 and value.isascii() and value.replace("_", "").isalnum()
    return str(value) if is_word else ""


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _metadata(found: Mapping[str, Any], issuer: str) -> Metadata:
    if found.get("issuer") != issuer:
        log.warning("The sign-in provider has another issuer", extra={"action": "oidc_other_issuer"})
        raise BadAnswer("The sign-in provider calls itself something else than the issuer that is configured.")
    places = {name: found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    about = found.get("userinfo_endpoint")
    given = [*places.values(), *([about] if about is not None else [])]
    if not all(isinstance(place, str) and is_safe_address(place) for place in given):
        log.warning("An address of the sign-in provider is missing or not https", extra={"action": "oidc_no_https"})
        raise BadAnswer(NOT_UNDERSTOOD)
    ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        **{name: str(place) for name, place in places.items()},
        userinfo_endpoint=about,
        secret_in_body=isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways,
        says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _key_set(found: Mapping[str, Any]) -> KeySet:
    """The keys that can be read: a kind that we do not know takes none of the others away (RFC 7517 section 5)."""
    given, keys = found.get("keys"), []
    for one in given if isinstance(given, list) else []:
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            log.info("A key of the sign-in provider was left out", extra={"action": "oidc_key_left_out"})
    if not keys:
        log.warning("The sign-in provider has no keys that can be used", extra={"action": "oidc_no_keys"})
        raise ProviderAway(NOT_UNDERSTOOD)
    return KeySet(keys)
