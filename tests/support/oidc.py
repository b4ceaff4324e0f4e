"""An OpenID provider on a real socket that keeps to the rules, or breaks the one that a test names."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import BasicAuth, web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from gateway.core.clock import Clock

CLIENT = "leadgate at the office"
SECRET = "quite: a secret & more"


@cache
def rsa_key(name: str) -> RSAKey:
    """One key a name: making one takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"}, private=True)


@dataclass(slots=True, eq=False)
class FakeProvider:
    """Whoever comes is signed in as the person of ``claims``."""

    clock: Clock
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"email": "anna@example.com", "email_verified": True})
    about: dict[str, Any] = field(default_factory=dict)
    """What only the userinfo endpoint says."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token that are other than they should be; None takes one away."""
    sign: str = "RS256"
    """How tokens are signed: an algorithm, or the word for a fault (see ``_signed``)."""
    kid: str = "first"
    answers: dict[str, Any] = field(default_factory=dict)
    """Path -> what is answered there instead: a status, a text or bytes, or "never"."""
    discovery: dict[str, Any] = field(default_factory=dict)
    """What the discovery document says otherwise."""
    says_issuer: bool = True
    asked: Counter[str] = field(default_factory=Counter)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Keep to the rules again."""
        fresh = FakeProvider(clock=self.clock)
        for name in ("claims", "about", "changes", "sign", "kid", "answers", "discovery", "says_issuer"):
            setattr(self, name, getattr(fresh, name))

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._misbehave])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/keys", self._keys),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/userinfo", self._userinfo),
            ]
        )
        return app

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked[request.path] += 1
        match self.answers.get(request.path):
            case None:
                answer: web.StreamResponse = await handler(request)
                return answer
            case int(status):
                return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"})
            case "never":
                await asyncio.Event().wait()
            case (int(status), str(text)):
                return web.Response(status=status, text=text, content_type="application/json")
            case bytes(body):
                return web.Response(body=body, content_type="application/json")
        raise AssertionError(f"no such answer: {self.answers[request.path]!r}")

    async def _discovery(self, _: web.Request) -> web.Response:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": self.says_issuer,
        }
        return web.json_response({**found, **self.discovery})

    async def _keys(self, _: web.Request) -> web.Response:
        found = KeySet([rsa_key(self.kid), elliptic_key()]).as_dict(private=False)
        strange = [{"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AA"}, {"kty": "RSA", "n": "?"}, 7]
        return web.json_response({"keys": [*strange, *found["keys"]]})

    async def _authorize(self, request: web.Request) -> web.Response:
        """The person agreed: back with a code."""
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], **({"iss": self.issuer} if self.says_issuer else {})}
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._knows(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self._signed(self._claims(asked["nonce"]))
        return web.json_response({"access_token": "at-1", "token_type": "Bearer", "id_token": token})

    def _knows(self, request: web.Request, form: dict[str, str]) -> bool:
        header = request.headers.get("Authorization")
        if header is None:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        given = BasicAuth.decode(header)
        return (unquote(given.login), unquote(given.password)) == (CLIENT, SECRET)

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer at-1"
        return web.json_response({"sub": "subject-1", **self.about})

    def _claims(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "subject-1", "nonce": nonce, "iat": now, "exp": now + 300}
        both = {**usual, **self.claims, **self.changes}
        return {name: value for name, value in both.items() if value is not None}

    def _signed(self, claims: dict[str, Any]) -> str:
        match self.sign:
            case "none":
                parts = ({"alg": "none"}, claims)
                coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
                return ".".join([*coded, ""])
            case "secret":
                return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))
            case "public key":  # RFC 8725 section 2.1: a public key is no secret
                public = OctKey.import_key(rsa_key("first").as_pem(private=False).hex())
                return jwt.encode({"alg": "HS256", "kid": "first"}, claims, public)
            case "other key":
                return jwt.encode({"alg": "RS256", "kid": "first"}, claims, rsa_key("stranger"))
            case "own key":  # the token brings its key along
                own = ECKey.generate_key("P-256", private=True)
                return jwt.encode({"alg": "ES256", "jwk": own.as_dict(private=False)}, claims, own)
            case "garbage":
                return "a.b.c"
            case "ES256":
                return jwt.encode({"alg": "ES256", "kid": "curve"}, claims, elliptic_key())
            case _:
                return jwt.encode(
                    {"alg": self.sign, "kid": self.kid}, claims, rsa_key(self.kid), algorithms=[self.sign]
                )


@cache
def elliptic_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"}, private=True)


@asynccontextmanager
async def running_provider(clock: Clock) -> AsyncIterator[FakeProvider]:
    """Listening on loopback."""
    provider = FakeProvider(clock=clock)
    runner = web.AppRunner(provider.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
