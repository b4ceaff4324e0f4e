"""``leadgate import mail``: old letters from files. Run twice it changes nothing the second time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config_and_data, tell, with_store
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.core.ports import Sink
    from gateway.mail.files import Found
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
        "store the letters of files",
        more=(
            "PATH is a letter (.eml), an mbox file, a Maildir, or a folder with any of them. Letters that are known\n"
            "already, from a mailbox or an earlier import, stay as they are; the others keep their own dates.\n"
            "They become leads when Leadgate runs. Exit code 1 where a letter could not be taken."
        ),
        examples=["leadgate import mail old.mbox", "leadgate import mail ~/Maildir ~/letters/*.eml"],
    )
    add_config_and_data(mail)
    mail.add_argument("paths", nargs="+", type=Path, metavar="PATH")


def _import_mail(args: argparse.Namespace) -> int:
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
        keep=settings.retention.keep,
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
            tell(f"{count.letters} letters, {count.stored} stored, {count.known} known already ... {where}")


async def _store_one(found: Found, sink: Sink, count: Count) -> None:
    from gateway.core.clock import SystemClock
    from gateway.core.types import Outcome
    from gateway.mail.files import inbound_of

    if found.why_not:
        count.refused.append(found)
        return
    receipt = await sink.accept(inbound_of(found, SystemClock()))
    if receipt.outcome is Outcome.STORED:
        count.stored += 1
    elif receipt.outcome is Outcome.DUPLICATE:
        count.known += 1
    else:
        count.waiting += 1


def _sum_up(count: Count) -> None:
    print(f"{count.letters} letters, {count.stored} stored, {count.known} known already")
    if count.waiting:
        print(f"  {count.waiting} wait in the spool: the database took nothing. They are stored when Leadgate runs")
    if count.refused:
        print(f"  {len(count.refused)} could not be taken:")
        for found in count.refused[:REASONS_SHOWN]:
            print(f"    {escape_controls(found.where)}: {found.why_not}")
        if len(count.refused) > REASONS_SHOWN:
            print(f"    ... and {len(count.refused) - REASONS_SHOWN} more")
