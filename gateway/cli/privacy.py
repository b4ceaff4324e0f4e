"""``leadgate erase``, ``purge``, ``audit``, ``backup`` and ``restore``: what an owner owes his data."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    load_settings,
    print_json,
    print_table,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.app.erasing import ErasedEverywhere
    from gateway.config import Settings
    from gateway.core.types import Handle
    from gateway.privacy.copies import Copy
    from gateway.storage.store import Store


def add(commands: Any) -> None:
    """Declare erase, purge, audit list, audit verify, backup and restore."""
    for parser in (*_add_forgetting(commands), *_add_audit(commands), *_add_copies(commands)):
        add_config_and_data(parser)
        add_json(parser)


def _add_forgetting(commands: Any) -> Sequence[argparse.ArgumentParser]:
    erase = add_command(
        commands,
        "erase",
        _erase,
        "remove a person from everywhere",
        more=(
            "Calls, letters, forms, leads, callbacks, documents, deliveries, waiting files, recordings in the folder\n"
            "of [[pbx]] recordings, lines of CRMs that are files. A keyed hash stays, so that no log of the PBX and\n"
            "no mailbox brings the person back. What other CRMs have is named at the end, with its id there.\n"
            "A recording that can't be removed now is tried again every hour, see 'leadgate recordings list'.\n"
            "Exit code 1 where something is left. --tell only prints what is stored."
        ),
        examples=["leadgate erase --phone '+7 926 123-45-67'", "leadgate erase --email ivan@example.com --tell"],
    )
    erase.add_argument("--phone", action="append", default=[], metavar="NUMBER", help="in any spelling; several times")
    erase.add_argument("--email", action="append", default=[], metavar="ADDRESS", help="several times")
    erase.add_argument("--tell", action="store_true", help="erase nothing: print everything that is stored, as JSON")
    purge = add_command(
        commands,
        "purge",
        _purge,
        "remove what is older than [retention] allows",
        more="The gateway does it by itself every hour; this does it now.",
        examples=["leadgate purge"],
    )
    return erase, purge


def _add_audit(commands: Any) -> Sequence[argparse.ArgumentParser]:
    group = add_group(commands, "audit", "the log of deeds: list, verify")
    listed = add_command(group, "list", _list, "print the newest deeds", examples=["leadgate audit list --limit 200"])
    listed.add_argument("--limit", type=int, default=50, metavar="N")
    verified = add_command(
        group,
        "verify",
        _verify,
        "prove that no line of the log was changed or removed",
        more="Exit 1 where the chain is broken. Keep the hash that it prints elsewhere: it proves all lines before it.",
        examples=["leadgate audit verify"],
    )
    return listed, verified


def _add_copies(commands: Any) -> Sequence[argparse.ArgumentParser]:
    backup = add_command(
        commands,
        "backup",
        _backup,
        "copy everything that can't be made again into one file",
        more=(
            "The database, files, spool and keys, as of one moment, while the gateway runs. The configuration is\n"
            "not in it: it holds passwords. For PostgreSQL the database is copied with pg_dump, see docs/backup.md."
        ),
        examples=["leadgate backup /backup/leadgate-2026-11-22.tar"],
    )
    backup.add_argument("file", metavar="FILE")
    restore = add_command(
        commands,
        "restore",
        _restore,
        "unpack a copy into an empty data folder",
        more="What happened since the copy comes back from CDR, CEL and the mailboxes when the gateway starts.",
        examples=["leadgate restore /backup/leadgate-2026-11-22.tar --data ./data"],
    )
    restore.add_argument("file", metavar="FILE")
    return backup, restore


def _erase(args: argparse.Namespace) -> int:
    from gateway.app.erasing import erase_everywhere, tell_everything
    from gateway.app.removal import places_of

    handles = _handles(args)

    async def work(store: Store, settings: Settings) -> int:
        if args.tell:
            told = await tell_everything(store, handles)
            print_json(told)
            return 0 if told is not None else 1
        places = places_of(settings)
        done = await erase_everywhere(store, settings.data, handles, places=places, crms=settings.crm)
        _report(args, done)
        return 0 if done.complete else 1

    return with_store(args, work)


def _report(args: argparse.Namespace, done: ErasedEverywhere) -> None:
    from gateway.cli.recordings import outcome_as_json, tell_outcomes

    erased = done.erased
    if args.json:
        print_json({
            "rows": erased.rows,
            "total": erased.total,
            "recordings": [outcome_as_json(outcome) for outcome in done.recordings],
            "files": [asdict(file) for file in done.files],
            "copies": [asdict(copy) for copy in erased.copies],
            "complete": done.complete,
        })  # fmt: skip
        return
    print_table(("TABLE", "ROWS"), [(name, str(count)) for name, count in sorted(erased.rows.items())])
    tell(f"{erased.total} rows were removed." if erased.total else "Nothing was stored of this person.")
    tell_outcomes(done.recordings)
    if erased.shared:
        tell(f"{erased.shared} calls of other people had the same recordings and have none now.")
    for file in done.files:
        tell(f"{file.place}: {file.problem}." if file.problem else f"{file.place}: {file.count} lines were removed.")
    for copy in erased.copies:
        tell(_copy(copy))


def _copy(copy: Copy) -> str:
    """Where a CRM has the person, for who removes it there."""
    there = copy.remote_id or "without an answer: search for it"
    sound = f", with the recording {copy.recording}" if copy.recording else ""
    return f"The CRM {copy.crm} was told: {copy.kind} {there}{sound}{f' ({copy.url})' if copy.url else ''}. Remove it."


def _handles(args: argparse.Namespace) -> Sequence[Handle]:
    from gateway.core.address import email_handle
    from gateway.core.errors import ConfigError
    from gateway.core.phone import phone_handle

    region = load_settings(args).gateway.region
    found = []
    for text, handle in (
        *((text, phone_handle(text, region)) for text in args.phone),
        *((text, email_handle(text)) for text in args.email),
    ):
        if handle is None:
            raise ConfigError(f"{text!r} is no phone number or mail address.")
        found.append(handle)
    if not found:
        raise ConfigError("Say whom: --phone NUMBER or --email ADDRESS.")
    return found


def _purge(args: argparse.Namespace) -> int:
    from gateway.app.removal import RecordingRemoval
    from gateway.app.upkeep import purge_all
    from gateway.core.clock import SystemClock

    async def work(store: Store, settings: Settings) -> int:
        clock = SystemClock()
        await RecordingRemoval.of(settings, store, clock).work()
        gone = await purge_all(store, clock)
        if args.json:
            print_json(gone)
        else:
            print_table(("TABLE", "ROWS"), [(name, str(count)) for name, count in sorted(gone.items())])
            tell(f"{sum(gone.values())} rows were removed.")
        return 0

    return with_store(args, work)


def _list(args: argparse.Namespace) -> int:
    from gateway.audit.log import newest

    async def work(store: Store, _settings: Settings) -> int:
        rows = await store.read(lambda c: newest(c, args.limit))
        if args.json:
            print_json({"items": rows})
        else:
            cells = [
                (row["at"].isoformat(timespec="seconds"), row["actor"], row["action"], row["object_kind"],
                 row["object_id"]) for row in rows
            ]  # fmt: skip
            print_table(("AT", "WHO", "WHAT", "KIND", "OBJECT"), cells)
        return 0

    return with_store(args, work)


def _verify(args: argparse.Namespace) -> int:
    from gateway.audit.log import verify

    async def work(store: Store, _settings: Settings) -> int:
        found = await store.read(verify)
        if args.json:
            print_json(asdict(found))
        elif found.broken_at is None:
            tell(f"All {found.rows} lines fit each other. The newest is {found.newest}")
        else:
            tell(f"The chain is broken at line {found.broken_at}: it or one before it was changed or removed.")
        return 0 if found.broken_at is None else 1

    return with_store(args, work)


def _backup(args: argparse.Namespace) -> int:
    from gateway.app.backup import DATABASE, make
    from gateway.core.clock import SystemClock
    from gateway.core.errors import ConfigError

    settings = load_settings(args)
    url = settings.storage.resolved(str(settings.data / DATABASE))
    if url.get_backend_name() != "sqlite" or not url.database:
        raise ConfigError("This copies SQLite. For PostgreSQL: pg_dump and the data folder, see docs/backup.md.")
    done = make(settings.data, Path(url.database), Path(args.file), SystemClock().now())
    if args.json:
        print_json(asdict(done))
    else:
        tell(f"{done.files} files, {done.size / 1e6:.1f} MB, schema {done.schema}: {args.file}")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from gateway.app.backup import restore

    settings = load_settings(args)
    done = restore(Path(args.file), settings.data)
    if args.json:
        print_json(asdict(done))
    else:
        tell(
            f"{done.files} files of {done.made_at} (Leadgate {done.version}) are in {settings.data}. Start the gateway."
        )
    return 0
