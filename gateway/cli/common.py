"""What several commands share: their options, the settings, a store for the time of one command, tables and JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.storage.store import Store

T = TypeVar("T")


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    more: str = "",
    examples: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Declare a command with its summary, further help and examples."""
    lines = "\n".join(f"  {example}" for example in examples)
    text = f"{_sentence(summary)}\n\n{more}"
    epilog = f"example{'s' if len(examples) > 1 else ''}:\n{lines}" if examples else None
    parser = _declare(commands, name, summary, text.strip(), epilog)
    parser.set_defaults(run=run)
    return parser


def add_group(commands: Any, name: str, summary: str) -> Any:
    """Declare a group of commands; the commands of the group are added to what it returns."""
    parser = _declare(commands, name, summary, _sentence(summary), None)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _declare(commands: Any, name: str, summary: str, text: str, epilog: str | None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[:1].upper()}{summary[1:]}."


def add_config(parser: argparse.ArgumentParser) -> None:
    """``--config``."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="configuration file (default: ./leadgate.toml, else /etc/leadgate/leadgate.toml, else none)",
    )


def add_config_and_data(parser: argparse.ArgumentParser) -> None:
    """``--config`` and ``--data``."""
    add_config(parser)
    parser.add_argument("--data", metavar="DIR", help="data folder, instead of [gateway] data (default: ./data)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def load_settings(args: argparse.Namespace) -> Settings:
    """The settings that ``--config``, ``--data`` and the environment give. Raises ConfigError."""
    from gateway.config import Settings, find

    settings = Settings.load(find(args.config), os.environ)
    return settings.with_data(getattr(args, "data", None))


def with_store(args: argparse.Namespace, work: Callable[[Store, Settings], Awaitable[T]]) -> T:
    """Run ``work`` with the configured database open, upgraded first where needed."""
    import asyncio

    from gateway.config import prepare_folder
    from gateway.storage.migrations import upgrade
    from gateway.storage.store import Store

    settings = load_settings(args)
    quiet_log(settings)
    prepare_folder(settings.data)
    upgrade(settings.storage, settings.data)

    async def session() -> T:
        store = Store.open(settings.storage, settings.data)
        await store.start()
        try:
            return await work(store, settings)
        finally:
            await store.stop()

    return asyncio.run(session())


def quiet_log(settings: Settings) -> None:
    """For short commands: only what is wrong, and never a secret."""
    from gateway import log

    log.configure(level="warning", style=settings.log.format, secrets=settings.secrets())


def tell(sentence: str) -> None:
    """Talk to the person: on standard error, so that standard output holds data only."""
    print(sentence, file=sys.stderr)


def print_json(value: Any) -> None:
    """One JSON value on one line."""
    print(json.dumps(value, ensure_ascii=False, default=_as_json))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Columns as wide as their widest cell, two blanks apart."""
    from gateway.log import escape_controls

    table = [tuple(headings), *(tuple(escape_controls(cell or "") for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def record(info: Any) -> Mapping[str, Any]:
    """A dataclass as the object that ``--json`` prints."""
    return asdict(info)


def moment(at: datetime | None, settings: Settings) -> str:
    """A time for people, in the configured zone; a dash for none."""
    from zoneinfo import ZoneInfo

    return at.astimezone(ZoneInfo(settings.gateway.timezone)).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is nothing that JSON can carry")
