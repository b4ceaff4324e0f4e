"""The keys of the adapter ``webhook``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from crm_adapter.base import Context, Misconfigured
from crm_adapter.guard import Guard
from crm_adapter.options import BadOption, Options

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
"""Standard Webhooks, "Symmetric signatures": the key has 24 bytes (192 bits) to 64 bytes (512 bits)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where to send, and what to sign with."""

    url: str = field(repr=False)
    """May hold a secret path, so it is not shown."""
    keys: tuple[bytes, ...] = field(repr=False)
    """Every request is signed with each: while a secret is changed, the receiver knows the old or the new one."""
    timeout: float = 20.0
    """Seconds for the whole request; Standard Webhooks recommends 15 to 30."""
    guard: Guard = field(repr=False)


def parse(options: Mapping[str, Any], context: Context) -> WebhookSettings:
    """Read ``url``, ``secret`` (one or several) and ``timeout``. Raises BadOption."""
    reader = Options(options)
    url = reader.text("url")
    secrets = reader.texts("secret")
    timeout = reader.number("timeout", 20.0, least=1, most=60)
    reader.finish()
    guard = Guard(_private_hosts(url, context))
    try:
        guard.check_url(url)
    except Misconfigured as error:
        raise BadOption("url", f"can't be used: {error}") from None
    return WebhookSettings(url=url, keys=tuple(key_of(secret) for secret in secrets), timeout=timeout, guard=guard)


def _private_hosts(url: str, context: Context) -> frozenset[str]:
    if not isinstance(context.allow_private, bool):
        return context.allow_private
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return frozenset({host}) if context.allow_private and host else frozenset()


def key_of(secret: str) -> bytes:
    """The bytes of ``whsec_<base64>``. Raises BadOption, which never shows the secret."""
    if not secret.startswith(PREFIX):
        raise BadOption("secret", f"must begin with {PREFIX}; {_HOW_TO}")
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadOption("secret", f"is no base64 after {PREFIX}; {_HOW_TO}") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadOption("secret", f"holds {len(key)} bytes, {LEAST_BYTES} to {MOST_BYTES} are wanted; {_HOW_TO}")
    return key


_HOW_TO = 'make one with: echo "whsec_$(openssl rand -base64 32)"'
