"""``leadgate route`` and ``leadgate absence``: who gets whom and why, and who is away."""

from __future__ import annotations

import argparse
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

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
    from gateway.config import Settings
    from gateway.core.assignment import Assigned, AssignRequest
    from gateway.storage.store import Store


def add(commands: Any) -> None:
    """Declare route explain and absence with its commands."""
    _add_route(add_group(commands, "route", "who gets whom: explain"))
    _add_absence(add_group(commands, "absence", "who is away, and who stands in: add, list, remove"))


def _add_route(group: Any) -> None:
    explain = add_command(
        group,
        "explain",
        _explain,
        "say who would get a person, with what every rule says and why",
        more=(
            "Asks the rules of the configuration about what is stored; nothing is changed, and no turn is used up.\n"
            "Telephones are not known to this command: everybody counts as online and free."
        ),
        examples=[
            "leadgate route explain --caller +79261234567 --dialled +74951234567",
            "leadgate route explain --channel form --dialled site --utm source=yandex",
        ],
    )
    explain.add_argument("--caller", metavar="NUMBER", help="the person's number; without it: withheld")
    explain.add_argument("--email", metavar="ADDRESS", help="the person's mail address")
    explain.add_argument("--dialled", metavar="LINE", help="number dialled, mail address or key of the form")
    explain.add_argument("--channel", choices=("call", "mail", "form"), default="call", help="default: call")
    explain.add_argument("--source", metavar="NAME", help="PBX, mailbox or form it came from")
    explain.add_argument("--utm", metavar="KEY=VALUE", action="append", default=[], help="repeatable")
    explain.add_argument("--at", metavar="TIME", help="another moment than now, as 2026-12-31T23:00")
    add_config_and_data(explain)
    add_json(explain)


def _add_absence(group: Any) -> None:
    new = add_command(
        group,
        "add",
        _absence_add,
        "enter an absence: rules give nobody to who is away, but to who stands in",
        more="Days are meant whole: --to is the last day of the absence. A time may be given, as 2026-12-01T14:00.",
        examples=["leadgate absence add anna --from 2026-12-01 --to 2026-12-14 --substitute oleg --reason vacation"],
    )
    new.add_argument("login", metavar="LOGIN", help="who is away")
    new.add_argument("--from", metavar="DAY", dest="first", required=True, help="the first day, or moment")
    new.add_argument("--to", metavar="DAY", dest="last", required=True, help="the last day, or the moment of return")
    new.add_argument("--substitute", metavar="LOGIN", help="who stands in; without: the next rule decides")
    new.add_argument("--reason", default="", help="for people")
    shown = add_command(group, "list", _absence_list, "list the absences", examples=["leadgate absence list --all"])
    shown.add_argument("--all", action="store_true", help="those that are over too")
    gone = add_command(
        group, "remove", _absence_remove, "take an absence back", examples=["leadgate absence remove 0199-..."]
    )
    gone.add_argument("id", metavar="ID", help="as 'leadgate absence list' shows it")
    for one in (new, shown, gone):
        add_config_and_data(one)
        add_json(one)


def _explain(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> Assigned:
        from gateway.routing.assign import Assigner
        from gateway.routing.calendars import Schedules
        from gateway.routing.exceptions import stored

        where = settings.gateway
        schedules = Schedules.of(settings.hours, timezone=where.timezone, region=where.region)
        schedules.take(await store.read(stored))
        assigner = Assigner(settings.routing, schedules, region=where.region, timezone=where.timezone)
        request = await store.read(lambda connection: _request(connection, args, settings))
        return await store.read(lambda connection: assigner.explain(connection, request))

    assigned = with_store(args, work)
    trail = [{"rule": tried.rule, "matched": tried.matched, "why": tried.why} for tried in assigned.trail]
    if args.json:
        print_json(
            {
                "manager": assigned.manager_id,
                "extension": assigned.extension,
                "rule": assigned.rule,
                "rules": trail,
            }
        )
        return 0
    rows = [(tried.rule, "yes" if tried.matched else "no", tried.why) for tried in assigned.trail]
    print_table(("RULE", "GIVES", "WHY"), rows)
    said = f"by the rule {assigned.rule}" if assigned.manager_id else "nobody: the dialplan goes on as ever"
    tell(f"Extension {assigned.extension or '-'}, {said}.")
    return 0


def _request(connection: Any, args: argparse.Namespace, settings: Settings) -> AssignRequest:
    """What was asked on the command line, with the contact that is stored. Raises LeadgateError."""
    from sqlalchemy import select

    from gateway.core.address import email_handle
    from gateway.core.assignment import AssignRequest
    from gateway.core.clock import SystemClock
    from gateway.core.phone import phone_handle
    from gateway.core.types import Channel, Source
    from gateway.storage.tables import ContactHandle

    found = (phone_handle(args.caller, settings.gateway.region), email_handle(args.email))
    handles = tuple(handle for handle in found if handle is not None)
    if (args.caller or args.email) and not handles:
        raise LeadgateError("That is no public number or mail address: write it as +79261234567 or ivan@example.com.")
    values = [handle.value for handle in handles]
    contact = connection.execute(select(ContactHandle.contact_id).where(ContactHandle.value.in_(values))).scalar()
    utm = dict(pair.partition("=")[::2] for pair in args.utm)
    zone = ZoneInfo(settings.gateway.timezone)
    return AssignRequest(
        contact_id=contact,
        handles=handles,
        channel=Channel(args.channel),
        line=args.dialled,
        source=Source(name=args.source, utm=utm),
        at=_moment(args.at, zone) if args.at else SystemClock().now(),
    )


def _absence_add(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> Any:
        from gateway.routing.absences import NewAbsence
        from gateway.routing.absences import add as enter

        zone = ZoneInfo(settings.gateway.timezone)
        new = NewAbsence(
            manager=args.login,
            starts_at=_moment(args.first, zone),
            ends_at=_end(args.last, zone),
            substitute=args.substitute,
            reason=args.reason,
        )
        by = _by_console()
        keep = settings.retention.keep
        view = await store.write(lambda connection: enter(connection, new, by, keep=keep))
        if not args.json:
            until, stands_in = moment(view.ends_at, settings), view.substitute or "nobody"
            tell(f"{view.manager} is away until {until}; {stands_in} stands in.")
        return view

    view = with_store(args, work)
    if args.json:
        print_json(_as_object(view))
    else:
        print(view.id)
    return 0


def _absence_list(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.core.clock import SystemClock
        from gateway.routing.absences import listed

        since = None if args.all else SystemClock().now()
        views = await store.read(lambda connection: listed(connection, since=since))
        if args.json:
            print_json({"absences": [_as_object(view) for view in views]})
            return 0
        rows = [
            (
                view.id,
                view.manager,
                moment(view.starts_at, settings),
                moment(view.ends_at, settings),
                view.substitute or "-",
                view.reason,
            )
            for view in views
        ]
        print_table(("ID", "WHO", "FROM", "UNTIL", "SUBSTITUTE", "REASON"), rows)
        return 0

    return with_store(args, work)


def _absence_remove(args: argparse.Namespace) -> int:
    async def work(store: Store, _: Settings) -> None:
        from gateway.routing.absences import remove

        by = _by_console()
        await store.write(lambda connection: remove(connection, args.id, by))

    with_store(args, work)
    if args.json:
        print_json({"id": args.id, "removed": True})
    else:
        tell("Taken back.")
    return 0


def _by_console() -> Any:
    from gateway.audit.log import CONSOLE
    from gateway.core.by import By
    from gateway.core.clock import SystemClock, new_id

    return By(actor=CONSOLE, at=SystemClock().now(), new_id=new_id)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A day (its beginning) or a time, in the configured zone unless it names one. Raises LeadgateError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise LeadgateError(f"{text!r} is no day and no time. Write 2026-12-01 or 2026-12-01T14:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _end(text: str, zone: ZoneInfo) -> datetime:
    """The end of a day, or a time."""
    at = _moment(text, zone)
    if len(text) > len("2026-12-01"):
        return at
    return datetime.combine(at.date() + timedelta(days=1), time(), at.tzinfo)


def _as_object(view: Any) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(view)
    return found
