"""``leadgate import mail``: old letters from files and mailboxes. Run twice it changes nothing the second time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as dawn
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config_and_data, load_settings, tell, with_store
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.core.ports import Sink
    from gateway.core.types import Inbound
    from gateway.mail.files import Found
    from gateway.mail.settings import MailboxSettings
    from gateway.storage.store import Store

TELL_EVERY = 2.0
"""Seconds between two words on how far it is."""
AT_ONCE = 64
"""Letters that are stored together: they share a commit."""
REASONS_SHOWN = 20
"""Letters that could not be taken and are named; the others are counted."""


@dataclass
class Count:
    """What became of the letters."""

    stored: int = 0
    known: int = 0
    waiting: int = 0
    """In the spool, because the database took nothing."""
    refused: list[Found] = field(default_factory=list)

    @property
    def letters(self) -> int:
        """All of them."""
        return self.stored + self.known + self.waiting + len(self.refused)


def add_to(group: Any) -> None:
    """Declare import mail in the group ``import``."""
    mail = add_command(
        group,
        "mail",
        _import_mail,
        "store the letters of files, or of a mailbox since a day",
        more=(
            "PATH is a letter (.eml), an mbox file, a Maildir, or a folder with any of them. With --mailbox all\n"
            "letters in its folders are read that came since a day; nothing in it is changed. Letters that are known\n"
            "already, from a mailbox or an earlier import, stay as they are; the others keep their own dates.\n"
            "They become leads when Leadgate runs. Exit code 1 where a letter could not be taken."
        ),
        examples=[
            "leadgate import mail old.mbox",
            "leadgate import mail ~/Maildir ~/letters/*.eml",
            "leadgate import mail --mailbox sales --since 2026-01-31",
        ],
    )
    add_config_and_data(mail)
    mail.add_argument("--mailbox", metavar="NAME", help="read this [[mailbox]] instead of files")
    mail.add_argument("--since", metavar="DATE", help="with --mailbox: a day like 2026-01-31 (UTC), or 'all'")
    mail.add_argument("paths", nargs="*", type=Path, metavar="PATH")


def _import_mail(args: argparse.Namespace) -> int:
    if args.mailbox is not None:
        return _import_mailbox(args)
    if args.since is not None or not args.paths:
        tell("leadgate: name files, or a mailbox with --mailbox NAME --since DATE.")
        return 2
    missing = [path for path in args.paths if not path.exists()]
    if missing:
        for path in missing:
            tell(f"leadgate: {escape_controls(str(path))}: there is no such file or folder.")
        return 1

    async def work(store: Store, settings: Settings) -> int:
        count = Count()
        await _store_all(_letters(args.paths), _sink(store, settings), count)
        _sum_up(count)
        return 1 if count.refused else 0

    return with_store(args, work)


def _import_mailbox(args: argparse.Namespace) -> int:
    from gateway.core.errors import ConfigError
    from gateway.mail.settings import ALL

    if args.paths or args.since is None:
        tell("leadgate: --mailbox wants --since DATE (or --since all), and no files.")
        return 2
    settings = load_settings(args)
    mailbox = next((mailbox for mailbox in settings.mailbox if mailbox.name == args.mailbox), None)
    if mailbox is None:
        there = ", ".join(mailbox.name for mailbox in settings.mailbox) or "none"
        raise ConfigError(f"No [[mailbox]] is called {args.mailbox!r}; there is {there}.")
    try:
        since = None if args.since == ALL else datetime.combine(date.fromisoformat(args.since), dawn(), UTC)
    except ValueError:
        tell(f"leadgate: --since {escape_controls(args.since)} is neither a day like 2026-01-31 nor 'all'.")
        return 2

    async def work(store: Store, settings: Settings) -> int:
        count = Count()
        try:
            await _store_mailbox(mailbox, since, _sink(store, settings), settings, count)
        finally:
            _sum_up(count)
        return 0

    return with_store(args, work)


async def _store_mailbox(
    mailbox: MailboxSettings, since: datetime | None, sink: Sink, settings: Settings, count: Count
) -> None:
    """Raises ConfigError with what the server says, NotDurable when nothing takes the letters."""
    import asyncio

    from gateway.core.clock import SystemClock
    from gateway.core.errors import ConfigError, LeadgateError
    from gateway.mail.imap.importing import letters_since
    from gateway.mail.imap.trouble import FolderMissing, trouble_of
    from gateway.mail.oauth.tokens import tokens_of

    clock = SystemClock()
    spoken = time.monotonic()
    try:
        async for batch in letters_since(mailbox, tokens_of(mailbox, settings.data, clock), since, clock):
            await asyncio.gather(*(_store_item(item, sink, count) for item in batch.items))
            if time.monotonic() - spoken >= TELL_EVERY:
                spoken = time.monotonic()
                tell(f"{_progress(count)} ... {escape_controls(batch.folder)}")
    except LeadgateError:
        raise
    except FolderMissing as error:
        raise ConfigError(f"{error}.") from None
    except Exception as error:  # a server may answer anything
        raise ConfigError(f"{trouble_of(error, mailbox).sentence}. Run it again to go on.") from error


def _sink(store: Store, settings: Settings) -> Sink:
    from gateway.capture.sink import DurableSink
    from gateway.capture.spool import Spool
    from gateway.core.clock import SystemClock, new_id

    spool = Spool(settings.data / "spool")
    spool.folder.mkdir(parents=True, exist_ok=True)
    return DurableSink(
        store=store,
        spool=spool,
        clock=SystemClock(),
        new_id=new_id,
        keep=settings.retention.of,
        on_stored=lambda: None,
        patience=60.0,  # nobody waits for an answer: better slow than through the spool
    )


def _letters(paths: Iterable[Path]) -> Iterator[Found]:
    from gateway.mail.files import letters_of

    for path in paths:
        yield from letters_of(path)


async def _store_all(letters: Iterator[Found], sink: Sink, count: Count) -> None:
    """Raises NotDurable when nothing takes them; what was stored until then is known to the next run."""
    spoken = time.monotonic()
    import asyncio

    while group := await asyncio.to_thread(lambda: list(islice(letters, AT_ONCE))):
        await asyncio.gather(*(_store_one(found, sink, count) for found in group))
        if time.monotonic() - spoken >= TELL_EVERY:
            spoken = time.monotonic()
            where = escape_controls(group[-1].where)
            tell(f"{_progress(count)} ... {where}")


async def _store_one(found: Found, sink: Sink, count: Count) -> None:
    from gateway.core.clock import SystemClock
    from gateway.mail.files import inbound_of

    if found.why_not:
        count.refused.append(found)
        return
    await _store_item(inbound_of(found, SystemClock()), sink, count)


async def _store_item(item: Inbound, sink: Sink, count: Count) -> None:
    from gateway.core.types import Outcome

    receipt = await sink.accept(item)
    if receipt.outcome is Outcome.STORED:
        count.stored += 1
    elif receipt.outcome is Outcome.DUPLICATE:
        count.known += 1
    else:
        count.waiting += 1


def _progress(count: Count) -> str:
    return f"{count.letters} letters, {count.stored} stored, {count.known} known already"


def _sum_up(count: Count) -> None:
    print(_progress(count))
    if count.waiting:
        print(f"  {count.waiting} wait in the spool: the database took nothing. They are stored when Leadgate runs")
    if count.refused:
        print(f"  {len(count.refused)} could not be taken:")
        for found in count.refused[:REASONS_SHOWN]:
            print(f"    {escape_controls(found.where)}: {found.why_not}")
        if len(count.refused) > REASONS_SHOWN:
            print(f"    ... and {len(count.refused) - REASONS_SHOWN} more")
