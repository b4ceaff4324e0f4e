"""Access tokens for a mailbox, made from its refresh token (RFC 6749 section 6). Blocking: for the mailbox's thread.

An access token lives for an hour and stays in memory. A refresh token that the provider replaces (Microsoft does at
each use) is written to the data folder, readable by its owner only, before the access token made with it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence, verbatim
from gateway.core.systemerrors import certificate_words, system_words
from gateway.mail.oauth.providers import PROVIDERS
from gateway.mail.settings import MailboxSettings

FOLDER = "tokens"
"""In the data folder."""
SECONDS = 20.0
"""How long the provider may take for an answer."""
LARGEST_ANSWER = 64 * 1024
"""Bytes; tokens of Microsoft are 2 KB."""
USUAL_LIFE = 3600.0
"""Seconds that an access token lives where the provider does not say (RFC 6749 section 5.1 only recommends it)."""
EARLY = 300.0
"""Seconds before its end at which an access token is replaced: a login must not meet the very end."""
_DEAD = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "interaction_required"})
"""Errors that a person must end (RFC 6749 section 5.2, and Microsoft's own)."""

Post = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""Address and fields of a form to status and body. Raises OSError or HTTPException."""


class TokenError(LeadgateError):
    """There is no access token now. The sentence has no full stop, and no secret."""

    code = "token"
    retryable = True


class TokenDead(TokenError):
    """There will be none until a person authorizes the mailbox again."""

    code = "token_dead"
    retryable = False


@dataclass(frozen=True, slots=True)
class TokenFiles:
    """Refresh tokens in files of their own, one a mailbox."""

    folder: Path

    def load(self, mailbox: str, configured: str) -> str:
        """The newest refresh token: the stored one, unless ``configured`` was changed since; empty where none is."""
        try:
            stored = json.loads(self._file(mailbox).read_text(encoding="utf-8"))
            token, origin = str(stored["refresh_token"]), str(stored["origin"])
        except (OSError, ValueError, KeyError, TypeError):
            return configured
        return token if origin == _digest(configured) or not configured else configured

    def save(self, mailbox: str, configured: str, token: str) -> None:
        """Keep ``token``, which came in the place of ``configured``. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"refresh_token": token, "origin": _digest(configured)})
        beside = self._file(mailbox).with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self._file(mailbox))

    def _file(self, mailbox: str) -> Path:
        return self.folder / f"{mailbox}.json"  # the name of a mailbox can't leave the folder: see MailboxSettings


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """RFC 6749 knows no redirects here: whoever sends one could hand us a token of their own."""

    def redirect_request(self, *_: object) -> None:
        """Makes the redirect an answer with an error status."""


def post_form(url: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
    """POST as RFC 6749 wants it; certificates are verified. An answer with an error status is an answer too."""
    body = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data=body, headers={"Accept": "application/json"})  # noqa: S310 - settings
    try:
        with _opener.open(request, timeout=SECONDS) as answer:
            return answer.status, answer.read(LARGEST_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(LARGEST_ANSWER)


_opener = urllib.request.build_opener(_NoRedirect)


@dataclass(slots=True, eq=False)
class AccessTokens:
    """The access token of one mailbox. Any thread may ask."""

    settings: MailboxSettings
    files: TokenFiles
    clock: Clock
    post: Post = post_form
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return self.settings.token_url or PROVIDERS[self.settings.provider].token_url

    def current(self) -> tuple[str, bool]:
        """An access token, and whether it was made just now. Raises TokenError."""
        with self._lock:
            if self._token and self.clock.monotonic() < self._until:
                return self._token, False
            self._refresh()
            return self._token, True

    @property
    def has_refresh_token(self) -> bool:
        """Whether there is something to make access tokens from."""
        return bool(self.files.load(self.settings.name, self.settings.refresh_token))

    def forget(self) -> None:
        """The mail server did not take it."""
        with self._lock:
            self._token = ""

    def redeem(self, fields: Mapping[str, str]) -> None:
        """Exchange a grant for tokens and keep them. Raises TokenError."""
        answer = self._ask({**self._client(), **fields})
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise TokenError("%(server)s gave no access token", server=self._host)
        self._keep(answer.get("refresh_token"))
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else USUAL_LIFE
        self._token, self._until = token, self.clock.monotonic() + max(seconds / 2, seconds - EARLY)

    def _refresh(self) -> None:
        token = self.files.load(self.settings.name, self.settings.refresh_token)
        if not token:
            raise TokenDead(
                "There is no refresh token yet. Run: leadgate mailbox authorize %(mailbox)s", mailbox=self.settings.name
            )
        self.redeem({"grant_type": "refresh_token", "refresh_token": token})

    def _keep(self, token: object) -> None:
        name, configured = self.settings.name, self.settings.refresh_token
        if not isinstance(token, str) or not token or token == self.files.load(name, configured):
            return
        try:
            self.files.save(name, configured, token)
        except OSError as error:
            raise TokenError(
                "The new refresh token can't be kept in %(folder)s: %(words)s",
                folder=self.files.folder,
                words=system_words(error),
            ) from None

    def _client(self) -> dict[str, str]:
        secret = {"client_secret": self.settings.client_secret} if self.settings.client_secret else {}
        return {"client_id": self.settings.client_id, **secret}

    def _ask(self, fields: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            status, body = self.post(self.token_url, fields)
        except (OSError, HTTPException) as error:
            raise TokenError(
                "%(server)s, which gives the tokens, can't be reached: %(words)s",
                server=self._host,
                words=_words(error),
            ) from None
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TokenError(
                "%(server)s answered %(status)s and nothing that can be understood", server=self._host, status=status
            )
        if status == 200 and "error" not in answer:
            return answer
        raise self._refusal(status, str(answer.get("error")))

    def _refusal(self, status: int, error: str) -> TokenError:
        """Only the error's code is told: descriptions repeat what was sent, tokens among it."""
        tellable = error.replace("_", "").isalnum() and len(error) < 40
        code = error if tellable else Sentence("no reason that can be told")
        if error in _DEAD:
            return TokenDead(
                "%(server)s takes the refresh token of %(mailbox)s no longer (%(reason)s). Run: leadgate mailbox "
                "authorize %(mailbox)s",
                server=self._host,
                mailbox=self.settings.name,
                reason=code,
            )
        return TokenError(
            "%(server)s gives no token now: %(status)s, %(reason)s", server=self._host, status=status, reason=code
        )

    @property
    def _host(self) -> str:
        return urllib.parse.urlsplit(self.token_url).hostname or "the token server"


def tokens_of(mailbox: MailboxSettings, data: Path, clock: Clock) -> AccessTokens | None:
    """What a mailbox signs in with, None for a password. ``data`` is the data folder."""
    return AccessTokens(mailbox, TokenFiles(data / FOLDER), clock) if mailbox.auth == "oauth2" else None


def _words(error: Exception) -> Sentence:
    reason = getattr(error, "reason", None)  # what urllib puts around another error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return certificate_words(reason)
    for one in (reason, error):
        if isinstance(one, OSError) and not isinstance(one, ssl.SSLError | urllib.error.URLError):
            return system_words(one)
    return verbatim(" ".join(str(reason or error).split()) or type(error).__name__)
