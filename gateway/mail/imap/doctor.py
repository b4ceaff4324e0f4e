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
    subject = f"mailbox {settings.name}"
    timing = timing or Timing()
    thread = MailboxThread(f"doctor-{settings.name}", timing.call)
    session = ImapSession(settings, timing, tokens)
    try:
        await thread.call(session.open)
        way = "tells of new letters (IDLE)" if session.can_idle else f"is asked every {settings.poll_seconds:g} s"
        findings = [Finding(level=Level.OK, subject=subject, said=f"{settings.host} lets us in and {way}.")]
        sent = await thread.call(session.sent_folder) if settings.sent_folder == AUTO else None
        folders = dict.fromkeys((*settings.every_folder, *([sent] if sent else [])))
        findings += [await _examine_folder(settings, one, cursors, known, clock, session, thread) for one in folders]
        findings += await _silence(settings, cursors, clock)
    except StoreUnavailable:
        raise
    except Exception as error:  # a server may answer anything, and doctor is there to say what
        said = f"{trouble_of(error, settings).sentence}."
        keys = "username, password" if settings.auth == "password" else "username, client_id; mailbox authorize"
        remedy = f"[[mailbox]] {settings.name}: host, port, tls, ca_file, {keys}; docs/mail.md."
        return [Finding(level=Level.FAIL, subject=subject, said=said, remedy=remedy)]
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
    said = f"no letter has come for {(now - max(heard)).total_seconds() / 3600:.0f} hours."
    remedy = "write a letter to this address, and look whether letters go elsewhere; or a larger silent_hours."
    return [Finding(level=Level.WARN, subject=f"mailbox {settings.name}", said=said, remedy=remedy)]


async def _examine_folder(
    settings: MailboxSettings,
    folder: str,
    cursors: Cursors,
    known: Known,
    clock: Clock,
    session: ImapSession,
    thread: MailboxThread,
) -> Finding:
    subject = f"mailbox {settings.name}: {folder}"
    stored = await cursors.get(cursor_name(settings.name, folder))
    try:
        state = await thread.call(lambda: session.examine(folder))
    except FolderMissing as error:
        remedy = f"correct folders or sent_folder of [[mailbox]] {settings.name}."
        return Finding(level=Level.FAIL, subject=subject, said=f"{error}.", remedy=remedy)
    if stored is None:
        said = (
            f"has {state.exists} letters; it was never read. 'leadgate run' begins with since = \"{settings.since}\"."
        )
        return Finding(level=Level.NOTE, subject=subject, said=said)
    place = Place.from_json(stored)
    if not same_numbers(place, state):
        said = "has new numbers (UIDVALIDITY); the gateway reads it again and compares by content."
        return Finding(level=Level.NOTE, subject=subject, said=said)
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


def finding_of(subject: str, balance: Balance) -> Finding:
    """The balance as a sentence."""
    has = f"the server has {balance.on_server} letters since {balance.since:%Y-%m-%d %H:%M} UTC, Leadgate has"
    if balance.missing:
        named = ", ".join(str(uid) for uid in sorted(balance.missing)[:NAMED])
        more = ", ..." if len(balance.missing) > NAMED else ""
        said = f"{has} {balance.held} of them; {len(balance.missing)} are not stored: UID {named}{more}."
        remedy = "save these letters as files and run 'leadgate import mail'; please report it, with the log."
        return Finding(level=Level.FAIL, subject=subject, said=said, remedy=remedy)
    if balance.unread:
        said = f"{has} {balance.held}; {balance.unread} are not read yet, which 'leadgate run' does."
        return Finding(level=Level.NOTE, subject=subject, said=said)
    return Finding(level=Level.OK, subject=subject, said=f"{has} all of them.")
