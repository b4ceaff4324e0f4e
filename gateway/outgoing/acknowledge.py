"""The short letter that says that a request arrived. Off until configured; three guards keep it from ever looping.

Each guard alone ends a loop of two machines that answer each other, whatever the other two do:

1. ``no_machine``: what a machine wrote, or wrote for many, is never answered (RFC 3834 section 2).
2. ``not_lately``: an address gets one in so many hours; what was sent is stored, so a restart forgets nothing.
3. ``not_too_many``: so many in an hour to everybody together; and what answers an acknowledgement of ours, told by the
   token in its ids, gets none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from gateway.core.address import canonical_address
from gateway.core.languages import texts_for
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Direction, Draft, HandleKind, Kind
from gateway.outgoing.claims import Senders
from gateway.outgoing.compose import one_line, reply_subject, token_in
from gateway.outgoing.queue import Letter, put_letter
from gateway.outgoing.settings import AcknowledgementSettings
from gateway.storage.tables import Outgoing

PURPOSE = "acknowledgement"
_NOBODY = re.compile(
    r"^(?:(?:no|do[-_.]?not|donot|dont)[-_.]?(?:reply|answer|respond).*|mailer-daemon|postmaster|bounces?(?:[-+].*)?"
    r"|abuse|owner-.*|.*-(?:request|bounces|owner)|listserv|majordomo)$"
)
MAX_SHOWN = 200
"""Characters of the customer's own subject and name that are repeated to them: nobody sends advertisements by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who would get an acknowledgement for what."""

    address: str
    draft: Draft
    at: datetime
    rule: AcknowledgementSettings


def no_machine(request: Request, own_addresses: frozenset[str], own_domains: frozenset[str]) -> str | None:
    """The first guard: why this is nobody to answer, None where it is a person."""
    draft, address = request.draft, request.address
    if draft.kind is not Kind.MESSAGE:
        return f"it is no message of a person ({draft.kind})"
    reason = draft.details.get("no_auto_answer")
    if reason:
        return str(reason)
    envelope = draft.details.get("envelope") or {}
    if envelope.get("mail_from") in ("", "<>"):
        return "it came from the null sender"
    local, _, domain = address.rpartition("@")
    if _NOBODY.match(local):
        return f"nobody reads {address}"
    if address in own_addresses or domain in own_domains:
        return f"{address} is our own"
    return None


def not_lately(connection: Connection, request: Request) -> str | None:
    """The second guard: this address got one in the last hours."""
    since = request.at - timedelta(hours=request.rule.hours)
    query = select(Outgoing.id).where(
        Outgoing.recipient == request.address, Outgoing.purpose == PURPOSE, Outgoing.created_at > since
    )
    if connection.execute(query.limit(1)).first() is None:
        return None
    return f"{request.address} got one in the last {request.rule.hours:g} hours"


def not_too_many(connection: Connection, request: Request) -> str | None:
    """The third guard: the cap on all together, and no answer to the answer of an acknowledgement."""
    since = request.at - timedelta(hours=1)
    query = select(func.count()).where(Outgoing.purpose == PURPOSE, Outgoing.created_at > since)
    if connection.execute(query).scalar_one() >= request.rule.per_hour:
        return f"{request.rule.per_hour} went out in the last hour"
    details = request.draft.details
    ids = (details.get("in_reply_to"), *(details.get("references") or ()))
    tokens = {token for one in ids if isinstance(one, str) and (token := token_in(one))}
    answered = select(Outgoing.id).where(Outgoing.token.in_(tokens), Outgoing.purpose == PURPOSE)
    if tokens and connection.execute(answered.limit(1)).first() is not None:
        return "it answers an acknowledgement of ours"
    return None


class Acknowledger:
    """A follower of the processing: a request that opened a lead is acknowledged, once, if all guards agree."""

    def __init__(
        self,
        *,
        rules: Sequence[AcknowledgementSettings],
        senders: Senders,
        own_addresses: Iterable[str],
        own_domains: Iterable[str],
        language: str,
    ) -> None:
        """``language``: of the built-in text where a rule names none."""
        self._rules = tuple(rules)
        self._senders = senders
        addresses = [*own_addresses, *(sender.address for sender in senders.by_name.values())]
        self._own_addresses = frozenset(filter(None, map(canonical_address, addresses)))
        self._own_domains = frozenset(domain.lower() for domain in own_domains)
        self._language = language

    def follow(self, connection: Connection, placement: Placement) -> tuple[Event, ...]:
        """See ``processing.step.Follower``. Doing it twice sends one letter."""
        request = self._request(placement)
        if request is not None and self.refusal(connection, request) is None:
            letter = self._letter(request, placement)
            key = f"{PURPOSE}:{placement.interaction_id}"
            put_letter(connection, letter, key=key, at=placement.at, new_id=placement.new_id)
        return ()

    def refusal(self, connection: Connection, request: Request) -> str | None:
        """The first guard that says no, in its words."""
        return (
            no_machine(request, self._own_addresses, self._own_domains)
            or not_lately(connection, request)
            or not_too_many(connection, request)
        )

    def _request(self, placement: Placement) -> Request | None:
        draft = placement.draft
        fits = placement.lead_opened and not placement.is_history and draft.direction is Direction.INBOUND
        if not self._rules or not fits or placement.channel not in (Channel.MAIL, Channel.FORM):
            return None
        rule = next((rule for rule in self._rules if _is_for(rule, draft.line, placement.channel)), None)
        address = next((handle.value for handle in draft.handles if handle.kind is HandleKind.EMAIL), None)
        if rule is None or address is None or self._senders.find(rule.sender or None) is None:
            return None
        if not address.rpartition("@")[0].isascii():
            return None  # most servers could not deliver it
        return Request(address=address, draft=draft, at=placement.at, rule=rule)

    def _letter(self, request: Request, placement: Placement) -> Letter:
        draft, rule = request.draft, request.rule
        texts = texts_for(rule.language or None, self._language)
        subject = one_line(draft.subject or "")[:MAX_SHOWN]
        name = one_line(draft.name or "")[:MAX_SHOWN]
        words = {"name": name, "subject": subject}
        answered = draft.details.get("message_id") if placement.channel is Channel.MAIL else None
        return Letter(
            to=(request.address,),
            subject=_filled(rule.subject, words) or _subject(subject, texts.gettext("We have received your request")),
            text=_filled(rule.text, words)
            or texts.gettext(
                "Hello!\n\nYour request has arrived, and one of us will answer it.\n\n"
                "This letter was written by a program; you need not answer it."
            ),
            mailbox=rule.sender or None,
            in_reply_to=answered,
            references=tuple(draft.details.get("references") or ()) if answered else (),
            purpose="acknowledgement",
            lead_id=placement.lead_id,
            contact_id=placement.contact_id,
        )


def _is_for(rule: AcknowledgementSettings, line: str | None, channel: Channel) -> bool:
    """Whether the rule names the address or the form."""
    if not rule.lines:
        return True
    if line is None:
        return False
    wanted = (one.lower() if channel is Channel.MAIL else one for one in rule.lines)
    return (line.lower() if channel is Channel.MAIL else line) in wanted


def _filled(template: str, words: dict[str, str]) -> str:
    return template.format_map(words) if template else ""


def _subject(theirs: str, ours: str) -> str:
    """``Re: theirs``, so that mail programs show one thread; our own words where they wrote none."""
    return reply_subject(theirs) or ours
