"""``leadgate import contacts`` and ``import spend``: CSV files. Run twice they change nothing the second time."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config_and_data, tell, with_store
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.core.by import By
    from gateway.core.csvrows import BadRow, Row
    from gateway.storage.store import Store

AT_ONCE = 200
"""Rows of one transaction."""
REASONS_SHOWN = 50
MAX_BYTES = 200 << 20


def add_to(group: Any) -> None:
    """Declare import contacts and import spend."""
    contacts = add_command(
        group,
        "contacts",
        _contacts,
        "store contacts of a CSV file",
        more=(
            "Columns: name, phone, email, company, manager (id, login, name or extension), by their headings, in any\n"
            "order; several numbers in one cell are parted by commas. Contacts that are known get what they lack and\n"
            "keep what they have. Comma, semicolon or tab; UTF-8 or windows-1251."
        ),
        examples=["leadgate import contacts customers.csv"],
    )
    spend = add_command(
        group,
        "spend",
        _spend,
        "store what sources of leads cost, of a CSV file",
        more=(
            "Columns: source (utm_source, or the name of a line, mailbox or form), medium, campaign, channel, from,\n"
            "to, amount, currency, comment. Without 'to': one day. An amount that is known is set anew."
        ),
        examples=["leadgate import spend november.csv"],
    )
    for command in (contacts, spend):
        add_config_and_data(command)
        command.add_argument("--encoding", metavar="NAME", default="", help="(default: UTF-8, else windows-1251)")
        command.add_argument("file", metavar="FILE", type=Path)


def _contacts(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.app.leadwork import contact_desk
        from gateway.contacts import importing

        done, desk = importing.Imported(), contact_desk(settings)
        for batch, by in _batches(_rows(args, importing.COLUMNS, ())):
            done.add(await store.write(lambda c, batch=batch, by=by: importing.import_rows(c, batch, desk, by)))  # type: ignore[misc]
            tell(f"{done.rows} rows ...")
        words = f"{done.rows} rows: {done.made} contacts made, {done.completed} completed, {done.known} known already"
        return _sum_up(words, done.refused)

    return with_store(args, work)


def _spend(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.leads import spend

        done, currency = spend.Imported(), settings.leads.currency
        for batch, by in _batches(_rows(args, spend.COLUMNS, ("first_day", "amount"))):
            done.add(await store.write(lambda c, batch=batch, by=by: spend.import_rows(c, batch, currency, by)))  # type: ignore[misc]
            tell(f"{done.rows} rows ...")
        words = f"{done.rows} rows: {done.made} amounts stored, {done.changed} set anew, {done.known} known already"
        return _sum_up(words, done.refused)

    return with_store(args, work)


def _rows(args: argparse.Namespace, columns: Mapping[str, tuple[str, ...]], needed: tuple[str, ...]) -> Iterable[Row]:
    """The rows of the file. Raises BadFile, OSError."""
    from gateway.core.csvrows import BadFile, read_rows

    if args.file.stat().st_size > MAX_BYTES:
        raise BadFile(f"{args.file} is larger than {MAX_BYTES >> 20} MB: cut it into several files.")
    return read_rows(args.file.read_bytes(), columns, needed=needed, encoding=args.encoding)


def _batches(rows: Iterable[Row]) -> Iterator[tuple[list[Row], By]]:
    """The rows of one transaction each, and in whose name they are stored."""
    from gateway.audit.log import CONSOLE
    from gateway.core.by import By
    from gateway.core.clock import SystemClock, new_id

    clock, rows = SystemClock(), iter(rows)
    while batch := list(islice(rows, AT_ONCE)):
        yield batch, By(actor=CONSOLE, at=clock.now(), new_id=new_id)


def _sum_up(sentence: str, refused: Sequence[BadRow]) -> int:
    print(sentence)
    if refused:
        print(f"  {len(refused)} rows could not be taken:")
        for row in refused[:REASONS_SHOWN]:
            print(f"    line {row.line}: {escape_controls(row.why)}")
        if len(refused) > REASONS_SHOWN:
            print(f"    ... and {len(refused) - REASONS_SHOWN} more")
    return 1 if refused else 0
