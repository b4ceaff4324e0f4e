"""``leadgate export``: leads, calls and contacts as CSV, XLSX or JSON lines."""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.cli.common import add_command, add_config_and_data, add_group, tell, with_store

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gateway.config import Settings
    from gateway.storage.store import Store
    from gateway.web.queries.filters import Filters

FORMATS = ("csv", "xlsx", "jsonl")


def add(commands: Any) -> None:
    """Declare export leads, export calls, export contacts."""
    group = add_group(commands, "export", "write leads, calls or contacts to a file")
    for kind in ("leads", "calls", "contacts"):
        command = add_command(
            group,
            kind,
            _export,
            f"write the {kind}, one row each, the newest first",
            more=(
                "CSV and XLSX hold no formulas: what looks like one has an apostrophe before it (CSV) or is a text\n"
                "(XLSX). Times are those of [gateway] timezone. JSON lines are the objects of the API."
            ),
            examples=[f"leadgate export {kind} --since 2026-11-01 --output {kind}.csv",
                      f"leadgate export {kind} --format xlsx --output {kind}.xlsx"],
        )  # fmt: skip
        command.set_defaults(kind=kind)
        add_config_and_data(command)
        command.add_argument("--format", choices=FORMATS, help="default: by the name of --output, else csv")
        command.add_argument("--output", metavar="FILE", help="where to (default: standard output)")
        command.add_argument("--since", metavar="TIME", help="from this day or moment on (ISO 8601)")
        command.add_argument("--until", metavar="TIME", help="before this day or moment")
        command.add_argument("--status", help="only with this status, as in the API")
        command.add_argument("--channel", choices=("call", "mail", "form"))
        command.add_argument("--manager", metavar="LOGIN", help="only this manager's; 'none' for nobody's")


def _export(args: argparse.Namespace) -> int:
    from gateway.core.errors import ConfigError

    chosen = args.format or _by_name(args.output) or "csv"
    if chosen == "xlsx" and args.output is None and sys.stdout.isatty():
        raise ConfigError("--format xlsx is no text for a terminal: name a file with --output.")

    async def work(store: Store, settings: Settings) -> int:
        filters = _filters(args, settings)
        count = await store.read(lambda connection: _write(connection, args, chosen, filters, settings))
        tell(f"{count} {args.kind}")
        return 0

    return with_store(args, work)


def _by_name(output: str | None) -> str | None:
    ending = Path(output).suffix.removeprefix(".").lower() if output else ""
    return ending if ending in FORMATS else None


def _filters(args: argparse.Namespace, settings: Settings) -> Filters:
    """Raises ConfigError that names the option."""
    from zoneinfo import ZoneInfo

    from gateway.core.errors import ConfigError
    from gateway.web.api.parameters import FilterReader
    from gateway.web.queries.filters import Filters

    reader = FilterReader(settings.gateway.region, ZoneInfo(settings.gateway.timezone))

    def moment(name: str) -> datetime | None:
        text = getattr(args, name)
        try:
            return reader.moment(text) if text else None
        except ValueError as error:
            raise ConfigError(f"--{name}: {error}.") from None

    narrowed = {"status": args.status, "channel": args.channel, "manager": args.manager}
    return Filters(since=moment("since"), until=moment("until"), **narrowed)


def _write(connection: Connection, args: argparse.Namespace, chosen: str, filters: Filters, settings: Settings) -> int:
    """How many rows were written."""
    from zoneinfo import ZoneInfo

    from gateway.web.exports import EXPORTS
    from gateway.web.sheets import write_csv, write_jsonl, write_xlsx

    export, zone = EXPORTS[args.kind], ZoneInfo(settings.gateway.timezone)
    with _output(args.output) as stream:
        if chosen == "jsonl":
            return write_jsonl(export.items(connection, filters), stream)
        rows = export.rows(connection, filters)
        if chosen == "xlsx":
            return write_xlsx(rows, export.columns, stream, zone)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", errors="replace")
        try:
            return write_csv(rows, export.columns, text, zone)
        finally:
            text.flush()
            text.detach()


def _output(name: str | None) -> AbstractContextManager[BinaryIO]:
    if name is None:
        return nullcontext(sys.stdout.buffer)
    return Path(name).open("wb")
