"""``leadgate recompute``: what follows from stored facts, derived anew after a rule changed."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_group,
    add_json,
    print_json,
    print_table,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.processing.recompute import Recomputed, Relabelled
    from gateway.processing.recompute_hours import Remarked
    from gateway.storage.store import Store


def add(commands: Any) -> None:
    """Declare recompute calls and recompute hours."""
    group = add_group(commands, "recompute", "derive anew what follows from stored facts")
    calls = add_command(
        group,
        "calls",
        _calls,
        "derive the outcome and missed reason of stored calls anew",
        more=(
            "For after an upgrade that changed the rules. Facts, times and leads stay as they are, and no CRM hears.\n"
            "Callbacks stay too: who waits for a call is a duty that somebody took, so a person closes one whose call\n"
            "proves to be answered. Look at 'leadgate callbacks list' after calls changed to or from missed.\n"
            "The gateway may run meanwhile; running it twice changes nothing the second time."
        ),
        examples=["leadgate recompute calls --dry-run", "leadgate recompute calls --since 2026-11-01"],
    )
    calls.add_argument("--since", type=_day, metavar="DATE", help="only calls of this day and later, as 2026-11-01")
    calls.add_argument("--dry-run", action="store_true", help="change nothing, only say what would change")
    hours = add_command(
        group,
        "hours",
        _hours,
        "mark stored calls, letters, forms and their leads anew as after hours or not",
        more=(
            "For after the working hours were changed. What has no hours keeps its mark, and no CRM hears.\n"
            "The gateway may run meanwhile; running it twice changes nothing the second time."
        ),
        examples=["leadgate recompute hours --dry-run", "leadgate recompute hours --since 2026-11-01"],
    )
    hours.add_argument("--since", type=_day, metavar="DATE", help="only what came on this day and later")
    hours.add_argument("--dry-run", action="store_true", help="change nothing, only say what would change")
    for one in (calls, hours):
        add_config_and_data(one)
        add_json(one)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as 2026-11-01") from None


def _calls(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> Recomputed:
        from zoneinfo import ZoneInfo

        from gateway.core.clock import SystemClock
        from gateway.processing.recompute import recompute_calls

        since = args.since and datetime.combine(args.since, datetime.min.time(), ZoneInfo(settings.gateway.timezone))
        return await recompute_calls(
            store,
            SystemClock(),
            since=since,
            dry_run=args.dry_run,
            progress=lambda done: tell(f"{done.looked_at} calls looked at, {done.changed} with other labels"),
        )

    done = with_store(args, work)
    if args.json:
        print_json(_as_object(done))
    else:
        _print(done, dry_run=args.dry_run)
    return 0


def _hours(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> Remarked:
        from zoneinfo import ZoneInfo

        from gateway.core.clock import SystemClock
        from gateway.processing.recompute_hours import recompute_hours
        from gateway.routing.calendars import Schedules
        from gateway.routing.exceptions import stored

        where = settings.gateway
        schedules = Schedules.of(settings.hours, timezone=where.timezone, region=where.region)
        schedules.take(await store.read(stored))
        since = args.since and datetime.combine(args.since, datetime.min.time(), ZoneInfo(where.timezone))
        return await recompute_hours(store, SystemClock(), schedules, since=since, dry_run=args.dry_run)

    done = with_store(args, work)
    if args.json:
        print_json(asdict(done))
    else:
        would = "would be" if args.dry_run else "are"
        tell(f"{done.changed} of {done.looked_at} {would} marked otherwise, and {done.leads} leads with them.")
    return 0


def _as_object(done: Recomputed) -> dict[str, Any]:
    examples = [
        {"id": one.id, "key": one.key, "before": one.before._asdict(), "after": one.after._asdict()}
        for one in done.examples
    ]
    return {
        "looked_at": done.looked_at,
        "changed": done.changed,
        "without_facts": done.without_facts,
        "examples": examples,
    }


def _print(done: Recomputed, *, dry_run: bool) -> None:
    if done.examples:
        print_table(("CALL", "WAS", "IS"), [_row(one) for one in done.examples])
    tell(f"{done.changed} of {done.looked_at} calls {'would get' if dry_run else 'got'} other labels.")
    if done.without_facts:
        tell(f"{done.without_facts} calls keep theirs: too little is stored of them to derive anything.")


def _row(one: Relabelled) -> tuple[str, str, str]:
    was, now = (" ".join(word for word in labels if word) or "-" for labels in (one.before, one.after))
    return one.key, was, now
