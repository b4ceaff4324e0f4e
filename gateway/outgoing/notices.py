"""A notice to the ways by which its manager is told: a letter in his language, a message to the messenger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, literal_column, select, update

from gateway.core.address import canonical_address
from gateway.core.clock import NewId
from gateway.core.languages import texts_for
from gateway.outgoing.queue import Letter, put, put_letter
from gateway.outgoing.settings import URGENCIES, NoticesSettings
from gateway.storage.tables import Manager, Outgoing

_WORD = re.compile(r"\{(text|subject|link|urgency|manager)\}")
MAX_MESSAGE = 4000
"""Characters of a webhook's text: Telegram takes 4096."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """What the spreading must know."""

    settings: NoticesSettings
    has_sender: bool
    """A sender is configured, so letters can leave."""
    base_url: str
    """``https://leads.example.com``, without a slash at its end."""
    language: str
    """Of managers who chose none."""


def is_any_notice(connection: Connection) -> bool:
    """Whether ``spread`` has something to do."""
    return connection.execute(_WAITING.limit(1)).first() is not None


_WAITING = select(Outgoing.id, Outgoing.key, Outgoing.payload, Outgoing.manager_id).where(
    Outgoing.state == literal_column("'waiting'"), Outgoing.way == "notice"
)


def spread(connection: Connection, rules: NoticeRules, at: datetime, new_id: NewId, limit: int = 100) -> int:
    """Turn waiting notices into letters and messages, in the caller's transaction; how many notices."""
    rows = connection.execute(_WAITING.order_by(Outgoing.id).limit(limit)).all()
    for row in rows:
        ways = _ways(connection, row, rules, at, new_id)
        # what a notice became is told by its letter and its message; itself it is done
        state, reason = ("sent", f"by {' and '.join(ways)}") if ways else ("failed", _nobody(rules))
        values = {"state": state, "reason": reason, "updated_at": at}
        connection.execute(update(Outgoing).where(Outgoing.id == row.id).values(**values))
    return len(rows)


def _ways(connection: Connection, row: Any, rules: NoticeRules, at: datetime, new_id: NewId) -> list[str]:
    manager = connection.execute(
        select(Manager.name, Manager.email, Manager.language, Manager.disabled_at).where(Manager.id == row.manager_id)
    ).one_or_none()
    if manager is None or manager.disabled_at is not None:
        return []
    settings, payload, ways = rules.settings, row.payload, []
    link = rules.base_url + payload["link"] if payload["link"] else ""
    address = canonical_address(manager.email or "")
    if settings.mail and rules.has_sender and address and _reaches(payload["urgency"], settings.mail_from):
        letter = Letter(
            to=(address,),
            subject=payload["subject"],
            text=_letter_text(payload["text"], link, manager.language or rules.language),
            mailbox=settings.sender or None,
            purpose="notice",
            manager_id=row.manager_id,
        )
        put_letter(connection, letter, key=f"{row.key}:mail", at=at, new_id=new_id)
        ways.append("mail")
    if settings.webhook_url and _reaches(payload["urgency"], settings.webhook_from):
        message = {**payload, "link": link, "manager": manager.name}
        message_row = {"way": "webhook", "purpose": "notice", "manager_id": row.manager_id, "payload": message}
        put(connection, message_row, key=f"{row.key}:webhook", at=at, new_id=new_id)
        ways.append("webhook")
    return ways


def _nobody(rules: NoticeRules) -> str:
    if not rules.has_sender and not rules.settings.webhook_url:
        return "neither a [[sender]] nor a webhook in [notices] is configured"
    return "the manager is not there, is disabled or has no mail address, or [notices] leaves such notices out"


def _reaches(urgency: str, least: str) -> bool:
    order: tuple[str, ...] = URGENCIES
    return urgency not in order or order.index(urgency) >= order.index(least)


def _letter_text(text: str, link: str, language: str) -> str:
    if not link:
        return text
    opens = texts_for(language).gettext("Open in Leadgate: %(link)s") % {"link": link}
    return f"{text}\n\n{opens}\n"


def webhook_body(template: Any, message: Mapping[str, Any]) -> bytes:
    """The JSON to post: ``template`` with its words in braces replaced in every text. Values can't break out of it."""
    text = "\n".join(part for part in (message["subject"], message["text"], message["link"]) if part)
    words = {
        "text": text[:MAX_MESSAGE],
        "subject": message["subject"],
        "link": message["link"],
        "urgency": message["urgency"],
        "manager": message["manager"],
    }
    return msgspec.json.encode(_filled(template, words))


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    match value:
        case str():  # in one pass: what a customer wrote is not searched for words again
            return _WORD.sub(lambda found: words[found.group(1)], value)
        case dict():
            return {key: _filled(inner, words) for key, inner in value.items()}
        case list():
            return [_filled(inner, words) for inner in value]
        case _:
            return value
