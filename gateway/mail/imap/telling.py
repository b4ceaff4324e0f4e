"""How a mailbox is, in sentences for people: what /health shows and what an alarm says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.core.ports import Alarm
from gateway.core.sentences import N_, NOTHING, Sentence, counted
from gateway.mail.imap.reader import Balance, FolderReader
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


def balance_of(reader: FolderReader) -> list[Sentence]:
    """How a folder stands."""
    place = reader.place
    if place is None:
        return []
    values = {"folder": reader.folder, "read": reader.read, "moment": _moment(place.since)}
    said = [
        counted(
            "%(folder)s: %(num)s letter on the server, %(read)s read in this run since %(moment)s UTC",
            "%(folder)s: %(num)s letters on the server, %(read)s read in this run since %(moment)s UTC",
            reader.on_server,
            **values,
        )
        if place.since
        else counted(
            "%(folder)s: %(num)s letter on the server, %(read)s read in this run",
            "%(folder)s: %(num)s letters on the server, %(read)s read in this run",
            reader.on_server,
            **values,
        )
    ]
    if reader.balance is not None:
        said.append(_compared(reader.folder, reader.balance))
    return said


def _compared(folder: str, balance: Balance) -> Sentence:
    """What the newest comparison with the server found."""
    values = {"folder": folder, "moment": _moment(balance.since), "count": balance.on_server, "found": balance.found}
    if balance.found:
        return Sentence(
            "%(folder)s: the server has %(count)s since %(moment)s UTC, Leadgate has all of them (%(found)s of them "
            "were missing, and were read again)",
            values,
        )
    return Sentence("%(folder)s: the server has %(count)s since %(moment)s UTC, Leadgate has all of them", values)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


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


def silence(since: datetime | None, now: datetime) -> Sentence:
    """The sentence about it; nothing where it is not silent."""
    if since is None:
        return NOTHING
    return counted(
        "No letter has come for %(num)s hour: write one to this address, and look whether letters go elsewhere "
        "(silent_hours)",
        "No letter has come for %(num)s hours: write one to this address, and look whether letters go elsewhere "
        "(silent_hours)",
        round((now - since).total_seconds() / 3600),
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
    """What to do, then what happened, with the words of the mail server."""
    way_out = Sentence(_WAYS_OUT.get(trouble.state, _WAYS_OUT["failed"]), {"name": name})
    told = {"way_out": way_out, "words": trouble.sentence}
    return Sentence("%(way_out)s\n%(words)s.", told)
