"""From a letter in a mailbox to the Sink and, later, to a Draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.core.ports import Interpreter
from gateway.core.types import Channel, Cursor, Draft, Inbound, Json, Sighting
from gateway.mail.imap.session import Letter
from gateway.mail.settings import MailboxSettings

CONNECTOR = "imap"


def cursor_name(mailbox: str, folder: str) -> str:
    """``imap:sales/INBOX``: where the place in a folder is stored."""
    return f"imap:{mailbox}/{folder}"


def mark_of(uidvalidity: int, uid: int) -> str:
    """What tells a letter in its folder."""
    return f"{uidvalidity}/{uid}"


def key_of(letter: Letter) -> str:
    """The same for the same letter by SMTP, in another folder or mailbox, and after a change of UIDVALIDITY."""
    return f"mail:{letter.digest}"


def inbound_of(
    letter: Letter,
    settings: MailboxSettings,
    folder: str,
    uidvalidity: int,
    *,
    received_at: datetime,
    cursor: Cursor | None = None,
    history: bool = False,
) -> Inbound:
    """What is handed over for one letter of ``folder``. ``history``: an import, whose dates are believed."""
    key = key_of(letter)
    if not letter.raw:  # nothing of it tells it from another: its place does
        key = f"imap:{settings.name}/{folder}/{uidvalidity}/{letter.listed.uid}"
    meta = _meta(letter, settings, folder, uidvalidity)
    arrived = letter.listed.arrived or received_at
    return Inbound(
        connector=CONNECTOR,
        source=settings.name,
        channel=Channel.MAIL,
        dedup_key=key,
        key=key,
        raw=letter.raw,
        received_at=received_at,
        pending="to be parsed",
        meta={**meta, "history": True} if history else meta,
        cursor=cursor,
        sighting=Sighting(place=folder, mark=mark_of(uidvalidity, letter.listed.uid), seen_at=arrived),
    )


def _meta(letter: Letter, settings: MailboxSettings, folder: str, uidvalidity: int) -> dict[str, Json]:
    listed = letter.listed
    meta: dict[str, Json] = {
        "folder": folder,
        "uidvalidity": uidvalidity,
        "uid": listed.uid,
        "size": listed.size,
        "arrived": listed.arrived.isoformat() if listed.arrived else None,
        "mailbox": settings.name,
    }
    if settings.address is not None:
        meta["rcpt_to"] = [settings.address]
    if letter.problem is not None:
        meta["problem"] = letter.problem
    return meta


class MailboxInterpreter:
    """Implements ``core.ports.Interpreter`` for letters from mailboxes: the mail room's own, told what IMAP knows."""

    def __init__(self, letters: Interpreter) -> None:
        self._letters = letters

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        """A Draft, always. A letter was received when the mail server took it, not when it was fetched."""
        arrived = meta.get("arrived")
        came_at = min(datetime.fromisoformat(arrived), received_at) if isinstance(arrived, str) else received_at
        draft = await self._letters.interpret(raw, meta, came_at)
        problem, mailbox = meta.get("problem"), meta.get("mailbox")
        return replace(
            draft,
            problems=(str(problem), *draft.problems) if problem else draft.problems,
            source=replace(draft.source, name=draft.source.name or str(mailbox)) if mailbox else draft.source,
        )
