"""Settings of signing in through an OpenID provider: table ``[web.oidc]`` of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec

Role = Literal["owner", "chief", "manager", "auditor"]


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider that the company's people have their accounts with: Keycloak, Authentik, Entra ID, Google, ..."""

    issuer: str
    """As the provider calls itself: ``https://id.example.com/realms/office``. The rest is read from its discovery."""
    client_id: str
    """Under what name Leadgate is registered there."""
    client_secret: str = ""
    """Its secret; empty for a client without one (then PKCE alone proves who asks)."""
    name: str = ""
    """What stands on the button; empty: the host of the issuer."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked for."""
    claim: str = "email"
    """The claim that says who it is: its value is the login or the mail address of one of our people, in any case."""
    unverified_email: bool = False
    """Also take an address of which the provider does not say ``email_verified``. Only where nobody can choose it."""
    create: bool = False
    """Somebody whom we do not know yet is added. Otherwise they are refused, whatever the provider says."""
    role: Role = "manager"
    """What somebody who is added becomes, where ``roles`` says nothing."""
    roles_claim: str = "groups"
    """The claim whose values ``roles`` names; a dot leads into it, as in ``realm_access.roles``."""
    roles: Mapping[str, Role] = {}
    """Value of ``roles_claim`` -> role, the highest counts. With it, nobody without one of them comes in."""
    only: bool = False
    """Nobody signs in with a password; ``leadgate user password LOGIN --link`` still lets in."""
    redirect_uri: str = ""
    """Where the provider sends people back to, as registered there; empty: ``/login/oidc/callback`` of this address."""

    def __post_init__(self) -> None:
        for key in ("issuer", "redirect_uri"):
            value = getattr(self, key)
            if (value or key == "issuer") and not is_safe_address(value):
                raise ValueError(f"{key} is not https://..., and codes would be readable on the way: use https")
        if self.redirect_uri and not urlsplit(self.redirect_uri).path.endswith(CALLBACK_PATH):
            raise ValueError(f"redirect_uri does not end with {CALLBACK_PATH}, which is where we wait for people")
        if not self.client_id:
            raise ValueError("client_id is empty. It is what the provider calls Leadgate")
        if "openid" not in self.scopes:
            raise ValueError('scopes needs "openid", or the provider says nothing about who it is')
        if not self.claim or not self.roles_claim:
            raise ValueError('claim and roles_claim each name a claim, as "email" and "groups"')

    @property
    def label(self) -> str:
        """What people call the provider."""
        return self.name or urlsplit(self.issuer).hostname or self.issuer

    def __repr__(self) -> str:
        return f"OidcSettings(issuer={self.issuer!r}, client_id={self.client_id!r})"

    __str__ = __repr__


CALLBACK_PATH = "/login/oidc/callback"


def is_safe_address(url: str) -> bool:
    """https with a host, and no more than a path and a query; plain http only to this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username or parts.fragment or any(ord(sign) < 0x21 for sign in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
