"""``leadgate callbacks``: who waits for a call, and what is done about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    moment,
    print_json,
    print_table,
    tell,
    with_store,
)
from gateway.core.errors import LeadgateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.callbacks.desk import Desk
    from gateway.config import Settings
    from gateway.core.by import By
    from gateway.storage.store import Store
    from gateway.views.callbacks import CallbackDetails

STATUSES = (
    "waiting", "overdue", "anonymous", "over", "open", "claimed", "attempted", "snoozed", "reached_by_us",
    "reached_by_client", "closed", "merged",
)  # fmt: skip
REASONS = ("reached", "not_needed", "wrong_number", "spam", "duplicate", "other")
ID_HELP = "as 'leadgate callbacks list' shows it: the end of an id is enough where it is unique"
OUTCOMES = ("no_answer", "busy", "wrong_number", "call_later", "other")


def add(commands: Any) -> None:
    """Declare callbacks with its commands."""
    group = add_group(commands, "callbacks", "who waits for a call: list, show, claim, close, call and more")
    for made in (_add_list(group), *_add_deeds(group), _add_call(group)):
        add_config_and_data(made)
        add_json(made)


def _add_list(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "list",
        _list,
        "list those who wait, the most urgent first",
        examples=["leadgate callbacks list", "leadgate callbacks list --status overdue --manager anna --json"],
    )
    parser.add_argument("--status", choices=STATUSES, default="waiting", help="only these (default: waiting)")
    parser.add_argument("--manager", metavar="LOGIN", help="only of this manager; none: of nobody")
    parser.add_argument("--limit", type=_positive, default=100, metavar="N", help="at most so many (default: 100)")
    return parser


def _add_deeds(group: Any) -> list[argparse.ArgumentParser]:
    """Everything that is done to one callback."""

    def made(name: str, run: Callable[[argparse.Namespace], int], summary: str, more: str = "") -> Any:
        parser = add_command(group, name, run, summary, examples=[f"leadgate callbacks {name} b3697e3c{more}"])
        parser.add_argument("id", metavar="ID", help=ID_HELP)
        return parser

    show = made("show", _show, "show one callback with its tries and its history")
    claim = made("claim", _claim, "take a callback on for a manager", " --by anna")
    claim.add_argument("--by", required=True, metavar="LOGIN", help="the manager")
    release = made("release", _deed(lambda d, c, i, by, _: d.release(c, i, by)), "give a claim back")
    assign = made("assign", _deed(lambda d, c, i, by, args: d.assign(c, i, by, args.manager)),
                  "give a callback to a manager, or to nobody", " --manager anna")  # fmt: skip
    assign.add_argument("--manager", metavar="LOGIN", help="to whom; without it: to nobody")
    snooze = made("snooze", _deed(lambda d, c, i, by, args: d.snooze(c, i, by, args.preset)),
                  "put a callback off, in working time", " --for 1h")  # fmt: skip
    snooze.add_argument("--for", dest="preset", required=True, metavar="TIME", help="15m, 2h, or 09:00: the next day")
    attempt = made("attempt", _attempt, "note that somebody tried in vain", " --outcome busy")
    attempt.add_argument("--outcome", choices=OUTCOMES, default="no_answer")
    note = made("note", _deed(lambda d, c, i, by, args: d.note(c, i, by, args.text)), "write a note", " 'at 5 p.m.'")
    note.add_argument("text", metavar="TEXT", help="what to remember")
    close = made("close", _close, "end a callback", " --reason spam")
    close.add_argument("--reason", choices=REASONS, required=True)
    for parser in (attempt, close):
        parser.add_argument("--note", metavar="TEXT")
    reopen = made("reopen", _deed(lambda d, c, i, by, _: d.reopen(c, i, by)), "open one again that is over")
    undo = made("undo", _deed(lambda d, c, i, by, _: d.undo(c, i, by)), "take back the last thing that a person did")
    return [show, claim, release, assign, snooze, attempt, note, close, reopen, undo]


def _add_call(group: Any) -> argparse.ArgumentParser:
    parser = add_command(
        group,
        "call",
        _call,
        "call the person: the manager's phone rings first",
        more="Needs [pbx.originate]. Waits until the manager's phone was answered or not; once the person answers the "
        "callback closes by itself, while the gateway runs.",
        examples=["leadgate callbacks call b3697e3c --by anna"],
    )
    parser.add_argument("id", metavar="ID", help=ID_HELP)
    parser.add_argument("--by", metavar="LOGIN", help="whose phone rings (default: who claimed or owns it)")
    parser.add_argument("--extension", metavar="NUMBER", help="which phone of the manager (default: the first)")
    parser.add_argument("--number", metavar="NUMBER", help="another number of the person")
    parser.add_argument("--pbx", metavar="NAME", help="on which PBX (default: the first that can)")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 500")
    return int(text)


def _list(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        import msgspec

        from gateway.core.clock import SystemClock
        from gateway.web.queries.callbacks import board
        from gateway.web.queries.filters import Filters

        filters = Filters(status=args.status, manager=args.manager, now=SystemClock().now())
        found = await store.read(lambda c: board(c, filters, limit=args.limit))
        if args.json:
            print_json({"callbacks": msgspec.to_builtins(found)})
            return 0
        rows = [
            (
                one.id[-8:],
                one.state + (" (overdue)" if one.overdue else ""),
                (one.contact.name if one.contact else None) or one.number or "withheld",
                str(one.tries),
                one.reason,
                moment(one.waiting_since, settings),
                moment(one.due_at, settings),
                (one.claimed_by or one.owner).name if one.claimed_by or one.owner else "-",  # type: ignore[union-attr]
            )
            for one in found
        ]
        print_table(("ID", "STATE", "WHO", "TRIES", "REASON", "WAITS SINCE", "DUE", "MANAGER"), rows)
        return 0

    return with_store(args, work)


def _show(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        found = await store.read(lambda c: _details(c, _full_id(c, args.id)))
        if args.json:
            _print(found)
            return 0
        rows = [
            (moment(step.at, settings), step.kind, step.manager.name if step.manager else step.actor, step.note)
            for step in found.history
        ]
        tell(f"{found.state}: {found.number or 'withheld'}, tried {found.tries} times, due {_due(found, settings)}")
        print_table(("WHEN", "WHAT", "WHO", "NOTE"), rows)
        return 0

    return with_store(args, work)


def _due(found: CallbackDetails, settings: Settings) -> str:
    return moment(found.due_at, settings)


Act = Callable[["Desk", "Connection", str, "By", argparse.Namespace], object]


def _deed(act: Act) -> Callable[[argparse.Namespace], int]:
    """A command that does one thing at the desk."""

    def run(args: argparse.Namespace) -> int:
        async def work(store: Store, settings: Settings) -> int:
            from gateway.app.callbacks import console_desk
            from gateway.audit.log import CONSOLE
            from gateway.core.by import By
            from gateway.core.clock import SystemClock, new_id

            desk = console_desk(settings)
            by = By(actor=CONSOLE, at=SystemClock().now(), new_id=new_id)

            def unit(connection: Connection) -> CallbackDetails:
                callback_id = _full_id(connection, args.id)
                act(desk, connection, callback_id, by, args)
                return _details(connection, callback_id)

            found = await store.write(unit)
            if args.json:
                _print(found)
            else:
                tell(f"{found.id}: {found.state}.")
            return 0

        return with_store(args, work)

    return run


def _claim(args: argparse.Namespace) -> int:
    return _deed(lambda desk, c, i, by, args: desk.claim(c, i, by, args.by))(args)


def _attempt(args: argparse.Namespace) -> int:
    from gateway.callbacks.life import Outcome

    return _deed(lambda desk, c, i, by, args: desk.attempt(c, i, by, Outcome(args.outcome), args.note))(args)


def _close(args: argparse.Namespace) -> int:
    from gateway.callbacks.life import Reason

    return _deed(lambda desk, c, i, by, args: desk.close(c, i, by, Reason(args.reason), args.note))(args)


def _call(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.app.callcommand import call_once

        callback_id = await store.read(lambda c: _full_id(c, args.id))
        made = await call_once(
            store, settings, callback_id, manager=args.by, extension=args.extension, number=args.number, pbx=args.pbx
        )
        if args.json:
            import msgspec

            print_json(msgspec.to_builtins(made))
        else:
            tell(f"{made.number}: {made.state.replace('_', ' ')}. {made.reason or ''}".strip())
        return 0 if made.state == "calling_customer" else 1

    return with_store(args, work)


def _full_id(connection: Connection, text: str) -> str:
    """The id that ``text`` is, or is the end of. Raises LeadgateError."""
    from sqlalchemy import select

    from gateway.storage.tables import Callback

    if not text.replace("-", "").isalnum() or not text.isascii():
        raise LeadgateError(f"{text!r} is no id of a callback. 'leadgate callbacks list' shows them.")
    query = select(Callback.id).where(Callback.id.like(f"%{text}")).limit(2)
    found = connection.execute(query).scalars().all()
    if len(found) != 1:
        which = "Several callbacks end" if found else "No callback ends"
        raise LeadgateError(f"{which} with {text!r}. 'leadgate callbacks list' shows them.")
    return found[0]


def _details(connection: Connection, callback_id: str) -> CallbackDetails:
    from gateway.core.clock import SystemClock
    from gateway.views.callbacks import callback_details

    found = callback_details(connection, callback_id, SystemClock().now())
    assert found is not None  # _full_id found it in the same transaction
    return found


def _print(found: CallbackDetails) -> None:
    import msgspec

    print_json(msgspec.to_builtins(found))
