"""A person allows Leadgate to read a mailbox: in a browser, once (RFC 6749 section 4.1 with PKCE, RFC 7636; RFC 8252).

The browser may be on another machine: then it ends at an address that it can't open, and the person copies that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from gateway.core.sentences import Sentence
from gateway.mail.oauth.providers import PROVIDERS
from gateway.mail.oauth.tokens import AccessTokens, TokenError
from gateway.mail.settings import MailboxSettings


@dataclass(slots=True, kw_only=True)
class Authorization:
    """One attempt."""

    settings: MailboxSettings
    tokens: AccessTokens
    redirect: str
    """Where the browser is sent afterwards: ``http://localhost:PORT``."""
    _state: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    _verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def url(self) -> str:
        """What the person opens."""
        provider = PROVIDERS.get(self.settings.provider)
        digest = hashlib.sha256(self._verifier.encode()).digest()
        fields = {
            "client_id": self.settings.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect,
            "scope": provider.scope if provider else "",
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "login_hint": self.settings.username,
            **dict(provider.extra if provider else ()),
        }
        return f"{authorize_url(self.settings)}?{urlencode(fields)}"

    def finish(self, address: str) -> None:
        """``address``: where the browser was sent. Keeps the tokens. Raises TokenError with a sentence."""
        answer = {name: values[0] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
        if not hmac.compare_digest(answer.get("state", ""), self._state):
            raise TokenError("This is not the address that the browser was sent to after the question of this run")
        if "code" not in answer:
            reason = answer["error"][:40] if "error" in answer else Sentence("no reason was given")
            raise TokenError("The access was not allowed (%(reason)s)", reason=reason)
        self.tokens.redeem(
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self.redirect,
                "code_verifier": self._verifier,
            }
        )
        if not self.tokens.has_refresh_token:
            raise TokenError("The provider gave no refresh token: the access would end within the hour")


def authorize_url(settings: MailboxSettings) -> str:
    """The address of the question; it stands beside a ``token_url`` of one's own."""
    if settings.token_url:
        return f"{settings.token_url.removesuffix('/token')}/authorize"
    return PROVIDERS[settings.provider].authorize_url
