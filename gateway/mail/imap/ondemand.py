"""A letter that was too large to be read with the others, fetched because somebody wants it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.core.types import Json
from gateway.mail.imap.place import Listed
from gateway.mail.imap.session import ImapSession, Timing
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.imap.trouble import FolderMissing
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import MailboxSettings

LARGEST = 100 << 20
"""Bytes: the reader of letters has five times as much memory."""


class LetterGone(Exception):
    """It can't be had. ``args[0]`` is a sentence without its full stop."""


async def fetch_letter(
    settings: MailboxSettings,
    tokens: AccessTokens | None,
    meta: Mapping[str, Json],
    message_id: str | None,
    *,
    now: datetime,
    timing: Timing | None = None,
) -> bytes:
    """The whole letter whose first reading left ``meta`` (gateway.mail.imap.letters).

    Beside the connection that reads the mailbox. Where its number means nothing any more it is looked for by its
    Message-ID and size. Raises LetterGone, FolderMissing, and what a connection raises (see trouble.py).
    """
    timing = timing or Timing()
    thread, session = MailboxThread(f"fetch-{settings.name}", timing.call), ImapSession(settings, timing, tokens)
    try:
        await thread.call(session.open)
        return await thread.call(lambda: _fetch(session, settings, meta, message_id, now))
    finally:
        session.abort()
        thread.leave(session.dispose)


def _fetch(
    session: ImapSession, settings: MailboxSettings, meta: Mapping[str, Json], message_id: str | None, now: datetime
) -> bytes:
    listed = _find(session, settings, meta, message_id)
    if listed is None:
        raise LetterGone(f"The mailbox {settings.name} does not have the letter any more")
    if listed.size > LARGEST:
        raise LetterGone(f"The letter is too large even so ({listed.size >> 20} MiB; the most is {LARGEST >> 20})")
    letters = session.fetch([listed], LARGEST, now)
    if not letters or letters[0].problem is not None:
        raise LetterGone(f"The mail server lists the letter but does not give it ({settings.name})")
    return letters[0].raw


def _find(
    session: ImapSession, settings: MailboxSettings, meta: Mapping[str, Json], message_id: str | None
) -> Listed | None:
    """Leaves its folder open."""
    first = str(meta.get("folder"))
    for folder in dict.fromkeys((first, *settings.every_folder)):
        try:
            state = session.examine(folder)
        except FolderMissing:
            continue
        if folder == first and state.uidvalidity == meta.get("uidvalidity"):
            found = session.sizes([int(meta["uid"])])
            if found:
                return found[0]
        uids = session.uids_of(message_id) if message_id else []
        for listed in session.sizes(uids):
            if listed.size == meta.get("size"):
                return listed
    return None
