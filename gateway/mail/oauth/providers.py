"""Where the providers give tokens, and what a token must allow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The addresses of one provider."""

    authorize_url: str
    """Where a person allows the access, in a browser."""
    token_url: str
    """Where tokens are given."""
    scope: str
    """What the access is for, as the provider names it: reading by IMAP and sending by SMTP."""
    extra: tuple[tuple[str, str], ...] = ()
    """What the provider wants with the request of a person, so that it gives a refresh token."""


PROVIDERS = {
    # developers.google.com/workspace/gmail/imap/xoauth2-protocol, .../identity/protocols/oauth2/native-app
    "google": Provider(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        scope="https://mail.google.com/",
        extra=(("access_type", "offline"), ("prompt", "consent")),
    ),
    # learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-
    # by-using-oauth
    "microsoft": Provider(
        authorize_url="https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",  # noqa: S106 - an address
        scope="https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
        extra=(("prompt", "select_account"),),
    ),
}
"""The value of ``provider`` -> its addresses."""
