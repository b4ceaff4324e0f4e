"""Signing in to an IMAP server, with a password or with a token of its provider."""

from __future__ import annotations

from typing import Any

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from gateway.mail.imap.trouble import words_of
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import MailboxSettings


def log_in(client: Any, settings: MailboxSettings, tokens: AccessTokens | None) -> None:
    """Raises LoginError when the server refuses, TokenError when there is no token, OSError and imapclient's errors."""
    if tokens is None:
        _with_password(client, settings.username, settings.password)
        return
    token, fresh = tokens.current()
    try:
        _with_token(client, settings.username, token)
    except IMAPClientAbortError:
        raise
    except LoginError:
        tokens.forget()
        if fresh:
            raise
        # it ran out before its time, or was revoked; whether there is another one the provider says
        _with_token(client, settings.username, tokens.current()[0])


def _with_password(client: Any, username: str, password: str) -> None:
    if (username + password).isascii():
        client.login(username, password)
        return
    try:  # LOGIN carries ASCII only; AUTHENTICATE PLAIN is UTF-8 (RFC 4616)
        client.plain_login(username, password)
    except IMAPClientError as error:
        raise LoginError(words_of(error)) from None


def _with_token(client: Any, username: str, token: str) -> None:
    """XOAUTH2, which Google, Microsoft and Dovecot speak, else OAUTHBEARER (RFC 7628).

    A server that refuses tells the reason in a challenge, and its NO only after the answer to it.
    """
    bearer_only = client.has_capability("AUTH=OAUTHBEARER") and not client.has_capability("AUTH=XOAUTH2")
    if bearer_only:
        mechanism, first, after = "OAUTHBEARER", f"n,a={username},\1auth=Bearer {token}\1\1", "\1"
    else:
        mechanism, first, after = "XOAUTH2", f"user={username}\1auth=Bearer {token}\1\1", ""
    answers = [first]
    challenges: list[bytes] = []

    def answer(challenge: bytes) -> str:
        if answers:
            return answers.pop()
        challenges.append(challenge)
        return after

    try:
        client.sasl_login(mechanism, answer)
    except LoginError as error:
        reason = challenges[0].decode("utf-8", "replace") if challenges else ""
        raise LoginError(f"{words_of(error)} {reason}".strip()) from None
