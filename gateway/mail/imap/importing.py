"""All letters of a mailbox since a day, for ``leadgate import mail --mailbox``. How far it is read does not move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.core.clock import Clock
from gateway.core.types import Inbound
from gateway.mail.imap.letters import inbound_of
from gateway.mail.imap.place import LAST_UID, batches, windows
from gateway.mail.imap.reader import SEARCH_SLACK
from gateway.mail.imap.session import ImapSession, Timing
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import AUTO, MailboxSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some letters of one folder, to be stored."""

    folder: str
    items: list[Inbound]


async def letters_since(
    settings: MailboxSettings,
    tokens: AccessTokens | None,
    since: datetime | None,
    clock: Clock,
    *,
    timing: Timing | None = None,
) -> AsyncIterator[Batch]:
    """Everything that came since then (None: ever) in all configured folders, oldest first, a batch at a time.

    Raises FolderMissing and what a connection raises (see trouble.py).
    """
    timing = timing or Timing()
    thread, session = MailboxThread(f"import-{settings.name}", timing.call), ImapSession(settings, timing, tokens)
    try:
        await thread.call(session.open)
        sent = await thread.call(session.sent_folder) if settings.sent_folder == AUTO else None
        for folder in dict.fromkeys((*settings.every_folder, *([sent] if sent else []))):
            async for batch in _of_folder(session, thread, settings, folder, since, clock):
                yield batch
    finally:
        session.abort()
        thread.leave(session.dispose)


async def _of_folder(
    session: ImapSession,
    thread: MailboxThread,
    settings: MailboxSettings,
    folder: str,
    since: datetime | None,
    clock: Clock,
) -> AsyncIterator[Batch]:
    state = await thread.call(lambda: session.examine(folder))
    searched = since - SEARCH_SLACK if since is not None else None
    top = state.uidnext - 1 if state.uidnext is not None else LAST_UID
    for first, last in windows(1, top, state.exists):
        uids = await thread.call(partial(session.uids, first, last, searched))
        listed = await thread.call(partial(session.sizes, uids))
        wanted = [one for one in listed if since is None or one.arrived is None or one.arrived >= since]
        for batch in batches(wanted):
            now = clock.now()
            letters = await thread.call(partial(session.fetch, batch, settings.max_size, now))
            items = [
                inbound_of(letter, settings, folder, state.uidvalidity, received_at=now, history=True)
                for letter in letters
            ]
            yield Batch(folder=folder, items=items)
