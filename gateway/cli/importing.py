"""``leadgate import``: history from files and databases. Run twice it changes nothing the second time."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import importing_mail, importing_tables
from gateway.cli.common import add_command, add_config_and_data, add_group, load_settings, tell, with_store
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.storage.store import Store
    from gateway.telephony.history.columns import LogKind
    from gateway.telephony.history.importing import Imported
    from gateway.telephony.history.page import Log
    from gateway.telephony.settings import PbxSettings

TELL_EVERY = 2.0
"""Seconds between two words on how far it is."""


def add(commands: Any) -> None:
    """Declare import cdr, mail, contacts and spend."""
    group = add_group(commands, "import", "store history")
    cdr = add_command(
        group,
        "cdr",
        _import_cdr,
        "store the calls of a PBX's own logs",
        more=(
            "PATH is a CSV file with call detail records (CDR) or channel events (CEL), as Asterisk writes them or\n"
            "with a heading, or the SQLAlchemy URL of a database. Calls that are known already stay as they are.\n"
            "The calls become leads when Leadgate runs."
        ),
        examples=[
            "leadgate import cdr /var/log/asterisk/cdr-csv/Master.csv",
            "leadgate import cdr --pbx office --timezone Asia/Almaty mysql+pymysql://reader:PASSWORD@pbx/asteriskcdrdb",
        ],
    )
    add_config_and_data(cdr)
    cdr.add_argument("--pbx", metavar="NAME", help="whose calls they are (default: the only [[pbx]], else 'pbx')")
    cdr.add_argument("--timezone", metavar="ZONE", help="of the times in the logs (default: [gateway] timezone)")
    cdr.add_argument("--encoding", metavar="NAME", help="of CSV files (default: UTF-8, else windows-1251)")
    cdr.add_argument("--table", metavar="NAME", help="of databases (default: cdr; 'cel' or '*.cel' for channel events)")
    cdr.add_argument("paths", nargs="+", metavar="PATH")
    importing_mail.add_to(group)
    importing_tables.add_to(group)


def _import_cdr(args: argparse.Namespace) -> int:
    from gateway.core.errors import ConfigError, LeadgateError

    pbx = _pbx(args, load_settings(args))

    async def work(store: Store, settings: Settings) -> int:
        failed = 0
        for path in args.paths:
            try:
                done = await _import_one(path, args, pbx, store, settings)
            except ConfigError:
                raise
            except LeadgateError as error:
                tell(f"leadgate: {escape_controls(str(error))}.")
                failed += 1
            else:
                _sum_up(_shown(path), done)
                failed += bool(done.refused)
        return 1 if failed else 0

    return with_store(args, work)


async def _import_one(
    path: str, args: argparse.Namespace, pbx: tuple[str, PbxSettings | None], store: Store, settings: Settings
) -> Imported:
    from gateway.capture.sink import DurableSink
    from gateway.capture.spool import Spool
    from gateway.core.clock import SystemClock, new_id
    from gateway.telephony.history.importing import import_log
    from gateway.telephony.lines import LineRules

    name, configured = pbx
    lines = configured.lines if configured is not None else LineRules()
    log = _open(path, args, settings)
    clock = SystemClock()
    sink = DurableSink(
        store=store,
        spool=Spool(settings.data / "spool"),
        clock=clock,
        new_id=new_id,
        keep=settings.retention.of,
        on_stored=lambda: None,
        patience=60.0,  # nobody waits for an answer: better slow than through the spool
    )
    spoken = time.monotonic()

    def progress(done: Imported) -> None:
        nonlocal spoken
        if time.monotonic() - spoken >= TELL_EVERY:
            spoken = time.monotonic()
            tell(f"{_shown(path)}: {done.rows} rows, {done.stored} calls stored, {done.known} known already ...")

    try:
        return await import_log(
            log, sink, clock, pbx=name, lines=lines, region=settings.gateway.region, progress=progress
        )
    finally:
        log.close()


def _open(path: str, args: argparse.Namespace, settings: Settings) -> Log:
    """The log at a path or URL. Raises ConfigError, LogUnreadable."""
    from zoneinfo import ZoneInfo

    from gateway.core.errors import ConfigError
    from gateway.telephony.history.sources import kind_of_file, open_log
    from gateway.telephony.settings import LogSource

    zone = ZoneInfo(settings.gateway.timezone)
    try:
        if "://" in path:
            table = args.table or ""
            kind: LogKind = "cel" if table.rpartition(".")[2].startswith("cel") else "cdr"
            return open_log(LogSource(url=path, table=table, timezone=args.timezone or ""), kind, zone)
        source = LogSource(file=path, encoding=args.encoding or "", timezone=args.timezone or "")
        return open_log(source, kind_of_file(Path(path)), zone)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _pbx(args: argparse.Namespace, settings: Settings) -> tuple[str, PbxSettings | None]:
    """The name under which the calls are stored, and the PBX's own rules where it is configured."""
    from gateway.core.errors import ConfigError

    names = [pbx.name for pbx in settings.pbx]
    if args.pbx is None and len(names) > 1:
        raise ConfigError(f"--pbx: say which of {', '.join(names)} the calls are from.")
    name = args.pbx or (names[0] if names else "pbx")
    configured = next((pbx for pbx in settings.pbx if pbx.name == name), None)
    if configured is None and names:
        raise ConfigError(f"--pbx: no [[pbx]] is called {name!r}; there is {', '.join(names)}.")
    return name, configured


def _sum_up(shown: str, done: Imported) -> None:
    print(f"{shown}: {done.rows} rows, {done.stored} calls stored, {done.known} known already")
    for sentence in done.notes:
        print(f"  {escape_controls(sentence)}")
    if done.headless:
        print(f"  {done.headless} calls left out: they began before the first row")
    if done.still_open:
        print(f"  {done.still_open} calls left out: they have not ended yet; run it again later")
    if done.refused:
        print(f"  {done.refused} rows could not be taken:")
        for row in done.reasons:
            print(f"    {escape_controls(row.where)}: {row.why}")
        if done.refused > len(done.reasons):
            print(f"    ... and {done.refused - len(done.reasons)} more")


def _shown(path: str) -> str:
    """Without the password of a URL."""
    if "://" not in path:
        return escape_controls(path)
    from sqlalchemy import make_url

    return make_url(path).render_as_string(hide_password=True)
