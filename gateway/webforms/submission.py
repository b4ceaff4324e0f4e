"""One POST as the intake sees it, and what it answers: no web framework in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Everything of one POST that matters."""

    form: str
    """The key in the address."""
    raw: bytes
    content_type: str = ""
    query: tuple[tuple[str, str], ...] = ()
    """Parameters of the address that was posted to."""
    address: str | None = None
    """The sender's IP address; None where it is not known."""
    origin: str | None = None
    referer: str | None = None
    user_agent: str | None = None
    idempotency_key: str | None = None
    message_id: str | None = None
    """The header ``webhook-id`` of Standard Webhooks: the sender's own id of what it sends."""
    proof: Mapping[str, str] = field(default_factory=dict)
    """Headers that may prove who sends; only of forms with a secret."""
    url: str = ""
    """The address as it was asked for; only of forms with a secret."""
    browser: bool = False
    """A visitor's browser, rather than a builder's hook."""
    navigating: bool = False
    """The browser shows the answer as a page: an ordinary form, no script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the sender is told."""

    status: int
    """HTTP status (RFC 9110 section 15)."""
    body: Mapping[str, Json]
    location: str | None = None
    """Where a browser goes, with status 303."""
    retry_after: int | None = None
    """Seconds."""
