"""How a mailbox is, in sentences for people: what /health shows and what an alarm says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.core.ports import Alarm
from gateway.mail.imap.reader import FolderReader
from gateway.mail.imap.trouble import Trouble
from gateway.mail.settings import MailboxSettings

ALARMED_AFTER = timedelta(hours=1)
"""How long a mailbox may be away before people are told: servers are restarted, and lines break."""


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
        return Alarm(key=key, subject=f"The mailbox {name} is not read", text=f"{trouble.sentence}.")
    if silent is not None:
        key = f"imap:{name}/silent/{silent:%Y%m%d%H%M}"
        return Alarm(key=key, subject=f"The mailbox {name} is silent", text=f"{silence(silent, now)}.")
    return None
