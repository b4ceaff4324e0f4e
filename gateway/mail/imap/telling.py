"""How a mailbox is, in sentences for people: what /health shows and what an alarm says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.core.ports import Alarm
from gateway.core.sentences import N_, Sentence
from gateway.mail.imap.reader import FolderReader
from gateway.mail.imap.trouble import Trouble
from gateway.mail.settings import MailboxSettings

ALARMED_AFTER = timedelta(hours=1)
"""How long a mailbox may be away before people are told: servers are restarted, and lines break."""

_NOT_READ = N_("The mailbox %(name)s is not read")
_SILENCE = N_(
    "No letter has come for %(hours)s hours. Write one to this address, and look whether letters go elsewhere. The key "
    "silent_hours of [[mailbox]] says after how long you are told."
)
_WAYS_OUT = {
    "refused": N_(
        "The mail server does not let Leadgate in. Check username and password of [[mailbox]] %(name)s; Gmail, Yandex "
        "and Mail.ru want a password made for this application, with IMAP switched on."
    ),
    "unauthorized": N_(
        "The provider takes the token of this mailbox no longer. Run 'leadgate mailbox authorize %(name)s' and sign in "
        "as the mailbox."
    ),
    "untrusted": N_(
        "The connection to the mail server is not safe, so nothing is read. Check host, port, tls and ca_file of "
        "[[mailbox]] %(name)s."
    ),
    "unreachable": N_(
        "The mail server can't be reached. Check host and port of [[mailbox]] %(name)s, and the network."
    ),
    "dropped": N_("The mail server ends each connection. Ask its provider; 'leadgate doctor' tells more of %(name)s."),
    "unstorable": N_(
        "Leadgate can't store letters now, so they stay in the mailbox %(name)s. Look at the database and the disk."
    ),
    "failed": N_(
        "The mail server answers what can't be understood. Please report it with the words below; the mailbox is "
        "%(name)s."
    ),
}
"""State of a trouble -> what to do."""


def balance_of(reader: FolderReader) -> list[str]:
    """How a folder stands."""
    place = reader.place
    if place is None:
        return []
    since = f" since {place.since:%Y-%m-%d %H:%M} UTC" if place.since else ""
    said = [f"{reader.folder}: {reader.on_server} letters on the server, {reader.read} read in this run{since}"]
    if reader.balance is not None:
        found = f" ({reader.balance.found} of them were missing, and were read again)" if reader.balance.found else ""
        said.append(
            f"{reader.folder}: the server has {reader.balance.on_server} since {reader.balance.since:%Y-%m-%d %H:%M} "
            f"UTC, Leadgate has all of them{found}"
        )
    return said


def silent_since(readers: Sequence[FolderReader], settings: MailboxSettings, now: datetime) -> datetime | None:
    """Since when no letter came, where that is longer than ``silent_hours``. The folder of sent letters counts not."""
    heard = [
        reader.place.heard_at
        for reader in readers
        if reader.folder in settings.folders and reader.place is not None and reader.place.heard_at is not None
    ]
    if not heard or not settings.silent_hours:
        return None
    return max(heard) if now - max(heard) >= timedelta(hours=settings.silent_hours) else None


def silence(since: datetime | None, now: datetime) -> str:
    """The sentence about it; empty where it is not silent."""
    if since is None:
        return ""
    hours = (now - since).total_seconds() / 3600
    return (
        f"No letter has come for {hours:.0f} hours: write one to this address, and look whether letters go elsewhere "
        "(silent_hours)"
    )


def alarm_of(
    settings: MailboxSettings,
    trouble: Trouble | None,
    since: datetime | None,
    silent: datetime | None,
    now: datetime,
) -> Alarm | None:
    """What people must hear of this mailbox now. ``since``: when it was read last, or the start."""
    name = settings.name
    if trouble is not None and (trouble.lasting or (since is not None and now - since >= ALARMED_AFTER)):
        key = f"imap:{name}/{trouble.state}/{since:%Y%m%d%H%M}" if since else f"imap:{name}/{trouble.state}"
        return Alarm(key=key, subject=Sentence(_NOT_READ, {"name": name}), text=_told(trouble, name))
    if silent is not None:
        key = f"imap:{name}/silent/{silent:%Y%m%d%H%M}"
        hours = int((now - silent).total_seconds() // 3600)
        text = Sentence(_SILENCE, {"hours": hours})
        return Alarm(key=key, subject=Sentence(N_("The mailbox %(name)s is silent"), {"name": name}), text=text)
    return None


def _told(trouble: Trouble, name: str) -> Sentence:
    """What to do in the reader's language, then what the log has: it holds the words of the mail server."""
    way_out = Sentence(_WAYS_OUT.get(trouble.state, _WAYS_OUT["failed"]), {"name": name})
    told = {"way_out": way_out, "words": trouble.sentence}
    return Sentence(N_("%(way_out)s\nIn the words of the log: %(words)s."), told)
