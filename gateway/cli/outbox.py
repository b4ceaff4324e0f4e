"""``leadgate outbox``: what waits for a CRM, why, and what to do with it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    load_settings,
    moment,
    print_json,
    print_table,
    record,
    tell,
    with_store,
)
from gateway.core.errors import LeadgateError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gateway.config import Settings
    from gateway.delivery.outbox import Shown
    from gateway.storage.store import Store

BY_HAND = "by hand: leadgate outbox"
STATES = ("waiting", "sending", "done", "held", "dead", "dropped")


def add(commands: Any) -> None:
    """Declare outbox with its commands."""
    group = add_group(commands, "outbox", "deliveries to CRMs: list, show, retry, replay, hold, release, drop")
    for parser in (_add_list(group), _add_show(group), *_add_changes(group)):
        add_config_and_data(parser)
        add_json(parser)


def _add_list(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "list",
        _list,
        "list deliveries, the newest first, and which CRMs are on hold",
        examples=["leadgate outbox list", "leadgate outbox list --state dead --crm office --json"],
    )
    parser.add_argument("--crm", metavar="NAME", help="only of this CRM")
    parser.add_argument(
        "--state", action="append", choices=STATES, default=[], help="only in this state; may be repeated"
    )
    parser.add_argument("--limit", type=_positive, default=100, metavar="N", help="at most so many (default: 100)")
    parser.add_argument("--before", type=_positive, metavar="ID", help="only older than this delivery: the next page")
    return parser


def _add_show(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "show",
        _show,
        "show one delivery with its payload and every try",
        more="Numbers, addresses and texts are shown in part, so that the output can be sent on; --full shows all.",
        examples=["leadgate outbox show 42"],
    )
    parser.add_argument("id", type=_positive, metavar="ID")
    parser.add_argument("--full", action="store_true", help="the payload as it is sent")
    return parser


def _add_changes(group: Any) -> list[argparse.ArgumentParser]:
    retry = add_command(
        group,
        "retry",
        _retry,
        "try deliveries again now",
        more="Without ids: --all makes every waiting delivery due now; with --dead also those that were given up.",
        examples=["leadgate outbox retry 42 43", "leadgate outbox retry --all --crm office --dead"],
    )
    retry.add_argument("ids", nargs="*", type=_positive, metavar="ID")
    retry.add_argument("--all", action="store_true", help="every waiting delivery")
    retry.add_argument("--dead", action="store_true", help="with --all: given up ones too")
    retry.add_argument("--crm", metavar="NAME", help="with --all: only of this CRM")
    hold = add_command(
        group,
        "hold",
        _hold,
        "keep deliveries, or everything for one CRM, back until they are released",
        examples=["leadgate outbox hold 42", "leadgate outbox hold --crm office --reason 'being moved'"],
    )
    release = add_command(
        group,
        "release",
        _release,
        "let held deliveries, or a CRM on hold, go on",
        examples=["leadgate outbox release 42", "leadgate outbox release --crm office"],
    )
    for parser in (hold, release):
        parser.add_argument("ids", nargs="*", type=_positive, metavar="ID")
        parser.add_argument("--crm", metavar="NAME", help="the whole CRM")
    drop = add_command(
        group, "drop", _drop, "never send these deliveries", examples=["leadgate outbox drop 42 --reason 'a test'"]
    )
    drop.add_argument("ids", nargs="+", type=_positive, metavar="ID")
    for parser in (hold, drop):
        parser.add_argument("--reason", default=BY_HAND, metavar="TEXT", help="why, for those who look at it later")
    return [retry, _add_replay(group), hold, release, drop]


def _add_replay(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "replay",
        _replay,
        "send a range of deliveries to one CRM again, in their order",
        more="For a CRM that lost what it had. The message ids stay the same: a receiver that recognises doubles\n"
        "keeps one of each. Adapters of CRMs with records bring up to date what is still there.",
        examples=["leadgate outbox replay --crm office --since 2026-11-20 --until 2026-11-22T12:00"],
    )
    parser.add_argument("--crm", metavar="NAME", required=True, help="the CRM")
    parser.add_argument(
        "--since", type=_moment, required=True, metavar="TIME", help="made at this day or moment, or later"
    )
    parser.add_argument("--until", type=_moment, metavar="TIME", help="made before it (default: now)")
    parser.add_argument(
        "--state", action="append", choices=("done", "dead", "dropped"), default=[],
        help="only what ended so; may be repeated (default: done)",
    )  # fmt: skip
    return parser


def _moment(text: str) -> datetime:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day or moment; write it like 2026-11-22T12:00") from None


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _list(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.delivery import outbox

        deliveries = await store.read(
            lambda c: outbox.list_deliveries(
                c, crm=args.crm, states=args.state, before_id=args.before, limit=args.limit
            )
        )
        holds = await store.read(outbox.holds)
        if args.json:
            print_json({"deliveries": [record(delivery) for delivery in deliveries], "on_hold": holds})
            return 0
        for crm, reason in holds.items():
            tell(_on_hold(crm, reason))
        rows = [
            (
                str(one.id),
                one.crm,
                one.event_type,
                one.state,
                str(one.attempts),
                moment(one.due_at, settings),
                _words(one.reason),
            )
            for one in deliveries
        ]
        print_table(("ID", "CRM", "EVENT", "STATE", "TRIES", "DUE", "REASON"), rows)
        return 0

    return with_store(args, work)


def _show(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.delivery import outbox
        from gateway.delivery.redact import redacted

        shown = await store.read(lambda c: outbox.show(c, args.id))
        if shown is None:
            raise LeadgateError(f"There is no delivery {args.id}. 'leadgate outbox list' shows those there are.")
        payload = shown.payload if args.full else redacted(shown.payload)
        if args.json:
            print_json({**record(shown.delivery), "payload": payload, "tries": [record(one) for one in shown.tries]})
        else:
            _print_delivery(shown, payload, settings)
        return 0

    return with_store(args, work)


def _print_delivery(shown: Shown, payload: Any, settings: Settings) -> None:
    one = shown.delivery
    facts = [
        ("delivery", str(one.id)),
        ("crm", one.crm),
        ("event", one.event_type),
        ("message id", one.message_id),
        ("state", one.state),
        ("reason", _words(one.reason) or "-"),
        ("due", moment(one.due_at, settings)),
        ("created", moment(one.created_at, settings)),
        ("in the CRM", one.remote_url or one.remote_id or "-"),
    ]
    print_table(("", ""), facts)
    rows = [
        (str(t.number), moment(t.started_at, settings), t.result or "under way", _words(t.detail)) for t in shown.tries
    ]
    print_table(("TRY", "STARTED", "RESULT", "DETAIL"), rows)
    print_json(payload)


def _on_hold(crm: str, reason: str) -> str:
    import os

    from gateway.cli.language import console_texts
    from gateway.core.sentences import Sentence
    from gateway.delivery.crmwords import crm_words

    said = Sentence(
        "%(crm)s is on hold: %(reason)s. Then: leadgate outbox release --crm %(crm)s",
        {"crm": crm, "reason": crm_words(reason)},
    )
    return said.said(console_texts(os.environ))


def _words(reason: str | None) -> str:
    """In the language of the console."""
    import os

    from gateway.cli.language import console_texts
    from gateway.delivery.crmwords import crm_words

    return crm_words(reason or "").said(console_texts(os.environ))


def _retry(args: argparse.Namespace) -> int:
    from gateway.delivery import outbox

    _ids_or(args, args.all, "--all")
    if args.all:
        return _change(args, lambda c, at: outbox.retry_all(c, at, crm=args.crm, dead=args.dead), "due now")
    return _change(args, lambda c, at: outbox.retry(c, args.ids, at), "due now")


def _replay(args: argparse.Namespace) -> int:
    from zoneinfo import ZoneInfo

    from gateway.core.errors import ConfigError
    from gateway.delivery import outbox

    settings = load_settings(args)
    zone = ZoneInfo(settings.gateway.timezone)

    def aware(moment: datetime) -> datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)

    if args.until is not None and aware(args.until) <= aware(args.since):
        raise ConfigError("--until must be after --since.")

    def change(connection: Connection, at: datetime) -> int:
        until = aware(args.until) if args.until else at
        states = args.state or ("done",)
        return outbox.replay(connection, at, crm=args.crm, since=aware(args.since), until=until, states=states)

    return _change(args, change, f"will be sent again: {args.crm}")


def _hold(args: argparse.Namespace) -> int:
    from gateway.delivery import outbox

    _ids_or(args, args.crm, "--crm NAME")
    if not args.crm:
        return _change(args, lambda c, at: outbox.hold(c, args.ids, args.reason, at), "held")

    def hold_crm(connection: Connection, at: datetime) -> int:
        outbox.hold_crm(connection, args.crm, args.reason, at)
        return 1

    return _change(args, hold_crm, f"held: {args.crm}")


def _release(args: argparse.Namespace) -> int:
    from gateway.delivery import outbox

    _ids_or(args, args.crm, "--crm NAME")
    if args.crm:
        return _change(args, lambda c, _: int(outbox.release_crm(c, args.crm)), f"released: {args.crm}")
    return _change(args, lambda c, at: outbox.release(c, args.ids, at), "released")


def _drop(args: argparse.Namespace) -> int:
    from gateway.delivery import outbox

    return _change(args, lambda c, at: outbox.drop(c, args.ids, args.reason, at), "dropped")


def _ids_or(args: argparse.Namespace, other: Any, option: str) -> None:
    """Either ids or the option, never both and never neither."""
    from gateway.core.errors import ConfigError

    if bool(args.ids) == bool(other):
        raise ConfigError(f"Name either the ids of deliveries or {option}.")


def _change(args: argparse.Namespace, change: Callable[[Connection, datetime], int], done: str) -> int:
    """Make one change and say how many rows it met. Exit code 1 where ids were named and none of them fitted."""

    async def work(store: Store, _: Settings) -> int:
        from gateway.audit.log import CONSOLE, Deed
        from gateway.audit.log import record as write_down
        from gateway.core.clock import SystemClock

        now = SystemClock().now()
        detail = {"crm": getattr(args, "crm", None), "ids": getattr(args, "ids", []), "said": done}

        def unit(connection: Connection) -> int:
            count = change(connection, now)
            if count:
                detail["count"] = count
                write_down(
                    connection, Deed(actor=CONSOLE, action="outbox.changed", object_kind="outbox", detail=detail), now
                )
            return count

        return await store.write(unit)

    count = with_store(args, work)
    if args.json:
        print_json({"changed": count})
    else:
        tell(f"{count} {done}." if count else "Nothing was changed: no delivery fits. See 'leadgate outbox list'.")
    return 0 if count or getattr(args, "all", False) else 1
