"""Inbounds as connectors would hand them over, for tests of what comes after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.core.address import email_handle
from gateway.core.phone import phone_handle
from gateway.core.types import Channel, Direction, Draft, Handle, Inbound, Kind, Phase, Source
from tests.support.clock import MONDAY


def handles(*, phone: str | None = None, email: str | None = None) -> tuple[Handle, ...]:
    """Normalised handles of what a person typed."""
    found = (phone_handle(phone, "RU") if phone else None, email_handle(email) if email else None)
    return tuple(handle for handle in found if handle is not None)


def form(
    key: str, *, phone: str | None = None, email: str | None = None, name: str | None = None, **draft: Any
) -> Inbound:
    """A submission of the form ``site``."""
    facts: dict[str, Any] = {
        "occurred_at": MONDAY, "text": "Please call me.", "fields": {"phone": phone or "", "email": email or ""},
    }  # fmt: skip
    return Inbound(
        connector="form",
        source="site",
        channel=Channel.FORM,
        dedup_key=f"form:site:{key}",
        key=f"form:site:{key}",
        raw=b"phone=...",
        received_at=MONDAY,
        draft=Draft(
            direction=Direction.INBOUND,
            phase=Phase.ENDED,
            handles=handles(phone=phone, email=email),
            name=name,
            source=Source(name="site", utm={"source": "yandex"}),
            **(facts | draft),
        ),
    )


def letter(key: str, raw: bytes = b"From: ivan@example.com\r\n\r\nHello") -> Inbound:
    """A letter that nobody read yet."""
    return Inbound(
        connector="smtp",
        source="smtp",
        channel=Channel.MAIL,
        dedup_key=f"mail:{key}",
        key=f"mail:{key}",
        raw=raw,
        received_at=MONDAY,
        pending="to be parsed",
        meta={"mail_from": "ivan@example.com"},
    )


def call(
    key: str,
    phase: Phase,
    *,
    caller: str | None = "+79261234567",
    direction: Direction = Direction.INBOUND,
    outcome: str | None = None,
    at: datetime = MONDAY,
    kind: Kind = Kind.MESSAGE,
    line: str | None = "+74950000101",
) -> Inbound:
    """One report of a call."""
    return Inbound(
        connector="ami",
        source="office",
        channel=Channel.CALL,
        dedup_key=f"call:office:{key}:{phase}",
        key=f"call:office:{key}",
        raw=b"{}",
        received_at=at,
        draft=Draft(
            direction=direction,
            phase=phase,
            occurred_at=at,
            kind=kind,
            handles=handles(phone=caller),
            line=line,
            details={"outcome": outcome, "answered": outcome == "answered"},
        ),
    )
