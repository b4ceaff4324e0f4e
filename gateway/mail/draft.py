"""The record of a letter to a ``Draft``: which way it went, whose handles it carries, when it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.address import canonical_address, email_handle
from gateway.core.phone import phone_handle
from gateway.core.types import Attachment, Direction, Draft, Handle, Json, Kind, Phase

LATE = timedelta(days=7)
"""Mail servers give up a letter after five days (RFC 5321 section 4.5.4.1); an older Date is a wrong clock."""
EARLY = timedelta(minutes=15)
"""How much the sender's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Ours:
    """The company's own addresses and domains, in canonical form."""

    addresses: frozenset[str]
    domains: frozenset[str]

    @staticmethod
    def of(addresses: Iterable[str], domains: Iterable[str]) -> Ours:
        """From the words of the configuration."""
        canonical = (canonical_address(address) for address in addresses)
        return Ours(frozenset(filter(None, canonical)), frozenset(domain.lower() for domain in domains))

    def __contains__(self, email: object) -> bool:
        canonical = canonical_address(email) if isinstance(email, str) else None
        return canonical is not None and (canonical in self.addresses or canonical.rpartition("@")[2] in self.domains)


def make_draft(
    record: Mapping[str, Json], meta: Mapping[str, Json], received_at: datetime, ours: Ours, region: str
) -> Draft:
    """``record`` is that of docs/contracts.md (inspect mail); ``meta`` holds the envelope: ``mail_from``, ``rcpt_to``.

    ``meta["history"]`` true: an import of old mail, whose dates are believed however old they are.
    """
    customer = _customer(record, ours)
    direction = _direction(record, customer["email"], ours)
    inbound = direction is Direction.INBOUND
    return Draft(
        direction=direction,
        phase=Phase.ENDED,
        occurred_at=_occurred_at(record["date"], received_at, bool(meta.get("history"))),
        kind=Kind(record["kind"]),
        handles=_handles(record, customer, meta, ours, region) if inbound else _recipients(record, ours),
        name=customer["name"] if inbound else None,
        line=_line(record, meta, ours),
        subject=record["subject"] or None,
        text=record["text"] if record["forwarded"] else record["new_text"] or record["text"],
        fields=record["form_fields"] or {},
        attachments=tuple(Attachment(**file) for file in record["attachments"]),
        problems=tuple(record["problems"]),
        details=_details(record, meta),
    )


def _customer(record: Mapping[str, Json], ours: Ours) -> dict[str, Json]:
    """``customer`` of the record, unless our own addresses tell that a stranger forwarded something to us.

    Then the stranger is who wants something: the first writer may be ourselves or someone who never wrote to us.
    """
    customer: dict[str, Json] = record["customer"]
    sender = record["from"] or {}
    known = ours.addresses or ours.domains
    if (
        record["forwarded"]
        and not record["form_fields"]
        and known
        and sender.get("email")
        and sender["email"] not in ours
    ):
        return {"name": sender["name"], "email": sender["email"], "phones": []}
    return customer


def _direction(record: Mapping[str, Json], customer: str | None, ours: Ours) -> Direction:
    """A letter from one of our addresses is ours, unless it speaks for a customer: a site's form, a forward."""
    sender = (record["from"] or {}).get("email")
    if sender not in ours or record["form_fields"] or record["forwarded"] or (customer and customer not in ours):
        return Direction.INBOUND
    outside = [email for email in (*record["to"], *record["cc"]) if email not in ours]
    return Direction.OUTBOUND if outside else Direction.INTERNAL


def _handles(
    record: Mapping[str, Json], customer: Mapping[str, Json], meta: Mapping[str, Json], ours: Ours, region: str
) -> tuple[Handle, ...]:
    """The customer's address, then the phones. A bounce has no customer: it was written by a machine about our own
    letter.
    """
    if record["kind"] == Kind.BOUNCE:
        return ()
    email = customer["email"]
    if email is None and record["from"] is None:
        email = meta.get("mail_from")
    handles = [email_handle(email) if email not in ours else None]
    handles += [phone_handle(phone, region) for phone in customer["phones"]]
    return tuple(dict.fromkeys(handle for handle in handles if handle is not None))


def _recipients(record: Mapping[str, Json], ours: Ours) -> tuple[Handle, ...]:
    outside = (email_handle(email) for email in (*record["to"], *record["cc"]) if email not in ours)
    return tuple(dict.fromkeys(handle for handle in outside if handle is not None))


def _line(record: Mapping[str, Json], meta: Mapping[str, Json], ours: Ours) -> str | None:
    """Our address that the letter went to."""
    envelope = meta.get("rcpt_to")
    candidates = [*(envelope if isinstance(envelope, list | tuple) else ()), *record["to"], *record["cc"]]
    return next((email for email in candidates if email in ours), candidates[0] if candidates else None)


def _occurred_at(date: str | None, received_at: datetime, history: bool) -> datetime:
    if date is None:
        return received_at
    written = datetime.fromisoformat(date)
    if written > received_at + EARLY or (not history and written < received_at - LATE):
        return received_at
    return written


def _details(record: Mapping[str, Json], meta: Mapping[str, Json]) -> dict[str, Json]:
    kept = (
        "message_id",
        "in_reply_to",
        "references",
        "from",
        "reply_to",
        "to",
        "cc",
        "date",
        "text",
        "kind_reason",
        "forwarded",
        "no_auto_answer",
        "enclosed_message_id",
    )
    found = {"authentication": record["authentication"]} if record.get("authentication") else {}
    envelope = {name: meta[name] for name in ("mail_from", "rcpt_to") if name in meta}
    return {**{name: record[name] for name in kept}, **found, "envelope": envelope}
