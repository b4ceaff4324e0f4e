"""What ``leadgate doctor`` asks a mailbox: whether it lets us in, and whether every letter it has is stored here.

The second is counted, not believed: all letters of the last days are fetched and looked for by their content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.findings import Finding, Level
from gateway.core.ports import Cursors
from gateway.core.sentences import Sentence, counted, ended
from gateway.mail.imap.letters import cursor_name, inbound_of
from gateway.mail.imap.place import LAST_UID, Place, batches, same_numbers
from gateway.mail.imap.session import ImapSession, Letter, Timing
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.imap.trouble import FolderMissing, trouble_of
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import AUTO, MailboxSettings

Known = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Those of some ``Inbound.dedup_key`` that are stored."""

SINCE = timedelta(days=2)
"""Which letters are counted: enough to see a fault, few enough to fetch them while a person waits."""
NAMED = 5
"""Missing letters that a sentence names."""
FOLDER = "mailbox.folder"


@dataclass(slots=True, kw_only=True)
class Balance:
    """What the server has of one folder since a moment, and what we have of that."""

    folder: str
    since: datetime
    on_server: int = 0
    held: int = 0
    unread: int = 0
    """Letters that reading has not come to yet."""
    missing: list[int] = field(default_factory=list)
    """UIDs that were read, and are not stored: there must be none."""


async def examine_mailbox(
    settings: MailboxSettings,
    cursors: Cursors,
    known: Known,
    *,
    clock: Clock,
    tokens: AccessTokens | None = None,
    timing: Timing | None = None,
) -> list[Finding]:
    """Connects as the gateway does, beside it. Raises StoreUnavailable; what the server does is in the findings."""
    subject = Sentence("mailbox %(name)s", {"name": settings.name})
    timing = timing or Timing()
    thread = MailboxThread(f"doctor-{settings.name}", timing.call)
    session = ImapSession(settings, timing, tokens)
    try:
        await thread.call(session.open)
        server = {"server": settings.host, "seconds": f"{settings.poll_seconds:g}"}
        said = (
            Sentence("%(server)s lets us in and tells of new letters (IDLE).", server)
            if session.can_idle
            else Sentence("%(server)s lets us in and is asked every %(seconds)s s.", server)
        )
        findings = [Finding(code="mailbox.login", level=Level.OK, subject=subject, said=said)]
        sent = await thread.call(session.sent_folder) if settings.sent_folder == AUTO else None
        folders = dict.fromkeys((*settings.every_folder, *([sent] if sent else [])))
        findings += [await _examine_folder(settings, one, cursors, known, clock, session, thread) for one in folders]
        findings += await _silence(settings, cursors, clock)
    except StoreUnavailable:
        raise
    except Exception as error:  # a server may answer anything, and doctor is there to say what
        said = ended(trouble_of(error, settings).sentence)
        keys = "username, password" if settings.auth == "password" else "username, client_id"
        remedy = Sentence(
            "look at host, port, tls, ca_file, %(keys)s of [[mailbox]] %(name)s; docs/mail.md has the steps.",
            {"name": settings.name, "keys": keys},
        )
        return [Finding(code="mailbox.login", level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
    finally:
        session.abort()
        thread.leave(session.dispose)
    return findings


async def _silence(settings: MailboxSettings, cursors: Cursors, clock: Clock) -> list[Finding]:
    """Whether no letter came for ``silent_hours`` to any of the folders; nothing where it was never read."""
    heard = []
    for folder in settings.folders:
        stored = await cursors.get(cursor_name(settings.name, folder))
        if stored is not None and (at := Place.from_json(stored).heard_at) is not None:
            heard.append(at)
    now, limit = clock.now(), timedelta(hours=settings.silent_hours)
    if not heard or not limit or now - max(heard) < limit:
        return []
    said = counted(
        "no letter has come for %(num)s hour.",
        "no letter has come for %(num)s hours.",
        round((now - max(heard)).total_seconds() / 3600),
    )
    remedy = Sentence(
        "write a letter to this address, and look whether letters go elsewhere; or a larger silent_hours."
    )
    subject = Sentence("mailbox %(name)s", {"name": settings.name})
    return [Finding(code="mailbox.silent", level=Level.WARN, subject=subject, said=said, remedy=remedy)]


async def _examine_folder(
    settings: MailboxSettings,
    folder: str,
    cursors: Cursors,
    known: Known,
    clock: Clock,
    session: ImapSession,
    thread: MailboxThread,
) -> Finding:
    subject = Sentence("mailbox %(name)s: %(folder)s", {"name": settings.name, "folder": folder})
    stored = await cursors.get(cursor_name(settings.name, folder))
    try:
        state = await thread.call(lambda: session.examine(folder))
    except FolderMissing as error:
        remedy = Sentence("correct folders or sent_folder of [[mailbox]] %(name)s.", {"name": settings.name})
        return Finding(code=FOLDER, level=Level.FAIL, subject=subject, said=ended(error), remedy=remedy)
    if stored is None:
        said = counted(
            "has %(num)s letter; it was never read. 'leadgate run' begins with since = \"%(since)s\".",
            "has %(num)s letters; it was never read. 'leadgate run' begins with since = \"%(since)s\".",
            state.exists,
            since=settings.since,
        )
        return Finding(code=FOLDER, level=Level.NOTE, subject=subject, said=said)
    place = Place.from_json(stored)
    if not same_numbers(place, state):
        said = Sentence("has new numbers (UIDVALIDITY); the gateway reads it again and compares by content.")
        return Finding(code=FOLDER, level=Level.NOTE, subject=subject, said=said)
    begun, recently = place.since, clock.now() - SINCE
    found = Balance(folder=folder, since=recently if begun is None else max(begun, recently))
    await count(found, place, settings, known, clock, session, thread)
    return finding_of(subject, found)


async def count(
    balance: Balance,
    place: Place,
    settings: MailboxSettings,
    known: Known,
    clock: Clock,
    session: ImapSession,
    thread: MailboxThread,
) -> None:
    """Fetch every letter of the open folder that came since ``balance.since``, and look whether it is stored."""
    day_before = balance.since - timedelta(days=1)  # SEARCH SINCE knows days only, in the server's own zone
    uids = await thread.call(lambda: session.uids(1, LAST_UID, day_before))
    listed = await thread.call(lambda: session.sizes(uids))
    recent = [letter for letter in listed if letter.arrived is None or letter.arrived >= balance.since]
    balance.on_server = len(recent)
    balance.unread = sum(letter.uid > place.last_uid for letter in recent)
    for batch in batches([letter for letter in recent if letter.uid <= place.last_uid]):
        letters = await thread.call(partial(session.fetch, batch, settings.max_size, clock.now()))
        keys = {_key(letter, settings, balance.folder, place, clock): letter.listed.uid for letter in letters}
        stored = await known(list(keys))
        balance.held += len(letters) - sum(key not in stored for key in keys)
        balance.missing += [uid for key, uid in keys.items() if key not in stored]


def _key(letter: Letter, settings: MailboxSettings, folder: str, place: Place, clock: Clock) -> str:
    return inbound_of(letter, settings, folder, place.uidvalidity, received_at=clock.now()).dedup_key


def finding_of(subject: Sentence, balance: Balance) -> Finding:
    """The balance as a sentence."""
    has = counted(
        "the server has %(num)s letter since %(moment)s UTC",
        "the server has %(num)s letters since %(moment)s UTC",
        balance.on_server,
        moment=f"{balance.since:%Y-%m-%d %H:%M}",
    )
    if balance.missing:
        named = ", ".join(str(uid) for uid in sorted(balance.missing)[:NAMED])
        more = ", ..." if len(balance.missing) > NAMED else ""
        values = {"has": has, "held": balance.held, "lost": len(balance.missing), "uids": named + more}
        said = Sentence(
            "%(has)s, Leadgate has %(held)s of them; not stored are %(lost)s, with the numbers (UID) %(uids)s.", values
        )
        remedy = Sentence("save these letters as files and run 'leadgate import mail'; please report it, with the log.")
        return Finding(code=FOLDER, level=Level.FAIL, subject=subject, said=said, remedy=remedy)
    if balance.unread:
        values = {"has": has, "held": balance.held, "unread": balance.unread}
        said = Sentence("%(has)s, Leadgate has %(held)s; not read yet, which 'leadgate run' does: %(unread)s.", values)
        return Finding(code=FOLDER, level=Level.NOTE, subject=subject, said=said)
    said = Sentence("%(has)s, Leadgate has all of them.", {"has": has})
    return Finding(code=FOLDER, level=Level.OK, subject=subject, said=said)
