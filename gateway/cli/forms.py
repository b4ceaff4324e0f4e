"""``leadgate forms``: what the forms received, and reading it again after a mapping has changed."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    moment,
    print_json,
    print_table,
    record,
    tell,
    with_store,
)
from gateway.core.errors import LeadgateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gateway.capture.deliverylog import Noted
    from gateway.capture.replay import Delivery, Replaced, Stored
    from gateway.config import Settings
    from gateway.core.types import Draft
    from gateway.storage.store import Store
    from gateway.webforms.settings import FormSettings

CONNECTOR = "form"
PAGE = 100
"""Deliveries that are read at once."""
MAX_SHOWN = 20_000
"""Bytes of a raw delivery that are printed."""


def add(commands: Any) -> None:
    """Declare forms with its commands."""
    group = add_group(commands, "forms", "what the forms received: log, show, replay")
    for parser in (_add_log(group), _add_show(group), _add_replay(group)):
        add_config_and_data(parser)
        add_json(parser)


def _add_log(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "log",
        _log,
        "list what the forms received, the newest first",
        more="A line without an ID is no item of its own: a duplicate, or a request that was refused and is not kept.",
        examples=["leadgate forms log", "leadgate forms log --form site --kind spam --limit 20 --json"],
    )
    parser.add_argument("--form", metavar="KEY", help="only of this form")
    parser.add_argument("--kind", choices=("message", "spam", "test"), help="only of this kind")
    parser.add_argument("--limit", type=_positive, default=50, metavar="N", help="at most so many (default: 50)")
    parser.add_argument("--before", type=_positive, metavar="ID", help="only older than this delivery: the next page")
    return parser


def _add_show(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group, "show", _show, "show one delivery as it came, and how it was read", examples=["leadgate forms show 42"]
    )
    parser.add_argument("ids", type=_positive, metavar="ID", nargs=1)
    return parser


def _add_replay(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "replay",
        _replay,
        "read deliveries again with the present settings",
        more="For after a change of preset or mapping. The gateway may run meanwhile, and places contacts and leads.",
        examples=[
            "leadgate forms replay 42 --dry-run",
            "leadgate forms replay --form site",
            "leadgate forms replay 43 --not-spam",
        ],
    )
    parser.add_argument("ids", type=_positive, metavar="ID", nargs="*")
    parser.add_argument("--form", metavar="KEY", help="all deliveries of this form")
    parser.add_argument("--not-spam", action="store_true", help="take them for what a person sent, from now on")
    parser.add_argument("--dry-run", action="store_true", help="only print what they would become")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _log(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.capture.replay import deliveries

        found = await store.read(
            lambda connection: deliveries(
                connection, CONNECTOR, source=args.form, kind=args.kind, before_id=args.before, limit=args.limit
            )
        )
        noted = [] if args.kind else await store.read(partial(_notes_beside, found, args))
        if args.json:
            print_json({"deliveries": [record(one) for one in found], "others": [record(one) for one in noted]})
            return 0
        lines = [(one.received_at, _line(one, settings)) for one in found]
        lines += [(one.at, _noted_line(one, settings)) for one in noted]
        lines.sort(key=lambda line: line[0], reverse=True)
        columns = ("ID", "FORM", "RECEIVED", "OUTCOME", "KIND", "READ AS", "WHO", "REMARK")
        print_table(columns, [line for _, line in lines])
        return 0

    return with_store(args, work)


def _notes_beside(page: Sequence[Delivery], args: argparse.Namespace, connection: Connection) -> Sequence[Noted]:
    """What was refused or came twice in the time that a page of deliveries covers."""
    from gateway.capture.deliverylog import notes

    since = page[-1].received_at if len(page) == args.limit else None
    until = page[0].received_at if args.before and page else None
    return notes(connection, CONNECTOR, source=args.form, since=since, until=until, limit=args.limit)


def _noted_line(one: Noted, settings: Settings) -> tuple[str | None, ...]:
    times = f"{one.number} times. " if one.number > 1 else ""
    return (None, one.source, moment(one.at, settings), one.outcome, None, None, one.peer, f"{times}{one.detail}"[:120])


def _line(one: Delivery, settings: Settings) -> tuple[str | None, ...]:
    who = ", ".join(part for part in (one.name, *one.handles) if part)
    remark = one.error or " ".join(one.problems)
    outcome = "stored" if one.state != "aside" else "aside"
    when = moment(one.received_at, settings)
    return (str(one.id), one.source, when, outcome, one.kind, one.preset, who[:60], remark[:120])


def _show(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        one = await _find(store, args.ids[0])
        raw = one.raw[:MAX_SHOWN].decode("utf-8", "backslashreplace")
        told = {
            "id": one.id,
            "form": one.source,
            "received_at": one.received_at,
            "interaction_id": one.interaction_id,
            "meta": one.meta,
            "raw": raw,
            "read": one.draft,
        }
        if args.json:
            print_json(told)
            return 0
        facts = [("form", one.source), ("received", moment(one.received_at, settings)), ("bytes", str(len(one.raw)))]
        print_table(("", ""), [*facts, *((name, str(value)) for name, value in one.meta.items()), ("raw", raw)])
        print_json(one.draft)
        return 0

    return with_store(args, work)


async def _find(store: Store, number: int) -> Stored:
    from gateway.capture.replay import stored

    one = await store.read(lambda connection: stored(connection, CONNECTOR, number))
    if one is None:
        raise LeadgateError(f"There is no delivery {number} of a form. 'leadgate forms log' lists those there are.")
    return one


def _replay(args: argparse.Namespace) -> int:
    if bool(args.ids) == bool(args.form):
        raise LeadgateError("Name the deliveries to read again, or all of a form with --form KEY.")

    async def work(store: Store, settings: Settings) -> int:
        counts: dict[str, int] = {}
        told = []
        async for one in _chosen(store, args):
            draft = _read_again(one, settings, not_spam=args.not_spam)
            outcome = await _put(store, one, draft, args)
            counts[outcome.value] = counts.get(outcome.value, 0) + 1
            told.append(_outcome(one, draft, outcome))
        if args.json:
            print_json({"replayed": told, "counts": counts})
        else:
            print_table(
                ("ID", "FORM", "OUTCOME", "KIND", "WHO", "REMARK"),
                [[str(cell) for cell in row.values()] for row in told],
            )
            tell(", ".join(f"{number} {word}" for word, number in counts.items()) or "Nothing to read again.")
        return 0

    return with_store(args, work)


def _outcome(one: Stored, draft: Draft, outcome: Replaced) -> dict[str, Any]:
    who = ", ".join(part for part in (draft.name, *(handle.value for handle in draft.handles)) if part)
    remark = draft.details.get("spam") or " ".join(draft.problems)
    return {
        "id": one.id,
        "form": one.source,
        "outcome": outcome.value,
        "kind": draft.kind.value,
        "who": who,
        "remark": remark,
    }


async def _chosen(store: Store, args: argparse.Namespace) -> AsyncIterator[Stored]:
    """The deliveries that were named, or all of a form, page by page."""
    for number in args.ids:
        yield await _find(store, number)
    last = 0
    while args.form:
        page = await store.read(partial(_page, args.form, last))
        for one in page:
            yield one
        if len(page) < PAGE:
            return
        last = page[-1].id


def _page(form: str, after: int, connection: Connection) -> Sequence[Stored]:
    from gateway.capture.replay import stored_of

    return stored_of(connection, CONNECTOR, form, after_id=after, limit=PAGE)


def _read_again(one: Stored, settings: Settings, *, not_spam: bool) -> Draft:
    from gateway.webforms.reread import reread

    before = (one.draft or {}).get("details") or {}
    return reread(
        _settings_of(one.source, settings),
        one.raw,
        one.meta,
        before,
        region=settings.gateway.region,
        received_at=one.received_at,
        not_spam=not_spam,
    )


def _settings_of(key: str, settings: Settings) -> FormSettings:
    """The form that a delivery came to; one that was removed is read with what fits any."""
    from gateway.webforms.settings import FormSettings

    return next((form for form in settings.form if key in (form.key, *form.previous_keys)), FormSettings(key=key))


async def _put(store: Store, one: Stored, draft: Draft, args: argparse.Namespace) -> Replaced:
    from gateway.capture.replay import Replaced, is_same_reading
    from gateway.core.clock import SystemClock

    if args.dry_run:
        return Replaced.UNCHANGED if is_same_reading(one, draft) else Replaced.CHANGED
    at = SystemClock().now()
    return await store.write(partial(_put_and_record, one, draft, at, args.not_spam))


def _put_and_record(one: Stored, draft: Draft, at: datetime, not_spam: bool, connection: Connection) -> Replaced:
    from gateway.audit.log import CONSOLE, Deed, record
    from gateway.capture.replay import Replaced, put_reading

    outcome = put_reading(connection, one, draft, at)
    if outcome is Replaced.CHANGED:
        detail = {"form": one.source, "delivery": one.id}
        action = "form.not_spam" if not_spam else "form.replayed"
        deed = Deed(
            actor=CONSOLE, action=action, object_kind="interaction", object_id=one.interaction_id, detail=detail
        )
        record(connection, deed, at)
    return outcome
