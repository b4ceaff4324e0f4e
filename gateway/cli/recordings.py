"""``leadgate recordings``: recordings of erased people, or too old ones, that are still to be removed."""

from __future__ import annotations

import argparse
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
    from collections.abc import Sequence

    from gateway.app.removal import Outcome
    from gateway.config import Settings
    from gateway.privacy.recordings import Duty
    from gateway.storage.store import Store


def add(commands: Any) -> None:
    """Declare recordings list, retry, confirm."""
    group = add_group(commands, "recordings", "recordings that are still to be removed: list, retry, confirm")
    listed = add_command(
        group,
        "list",
        _list,
        "name the files, and why they could not be removed",
        more="The gateway tries them again every hour. Exit code 1 where there is one.",
        examples=["leadgate recordings list"],
    )
    retried = add_command(
        group, "retry", _retry, "try them all now",
        more="Exit code 1 where one is left.", examples=["leadgate recordings retry"],
    )  # fmt: skip
    confirmed = add_command(
        group,
        "confirm",
        _confirm,
        "say that they were removed by hand",
        more="It is written to the log of deeds. Nobody looks whether it is so.",
        examples=["leadgate recordings confirm 3f9c0a1b2c4d", "leadgate recordings confirm --all"],
    )
    confirmed.add_argument("ids", nargs="*", metavar="ID", help="as 'leadgate recordings list' shows it")
    confirmed.add_argument("--all", action="store_true", help="all that are left")
    for one in (listed, retried, confirmed):
        add_config_and_data(one)
        add_json(one)


def _list(args: argparse.Namespace) -> int:
    from gateway.privacy.recordings import owed

    async def work(store: Store, _settings: Settings) -> int:
        duties = await store.read(owed)
        if args.json:
            print_json({"items": [_as_json(duty) for duty in duties]})
        else:
            rows = [(duty.id, duty.since[:16], duty.pbx, duty.recording, duty.problem) for duty in duties]
            print_table(("ID", "SINCE", "PBX", "RECORDING", "WHY IT IS THERE"), rows)
        return 1 if duties else 0

    return with_store(args, work)


def _retry(args: argparse.Namespace) -> int:
    from gateway.app.removal import RecordingRemoval
    from gateway.audit.log import CONSOLE
    from gateway.core.clock import SystemClock

    async def work(store: Store, settings: Settings) -> int:
        outcomes = await RecordingRemoval.of(settings, store, SystemClock()).remove_owed(CONSOLE)
        if args.json:
            print_json({"items": [outcome_as_json(outcome) for outcome in outcomes]})
        else:
            tell_outcomes(outcomes)
        return 0 if all(outcome.done for outcome in outcomes) else 1

    return with_store(args, work)


def _confirm(args: argparse.Namespace) -> int:
    from gateway.audit.log import CONSOLE
    from gateway.core.clock import SystemClock
    from gateway.core.errors import ConfigError
    from gateway.privacy.recordings import owed, settle

    if bool(args.ids) == args.all:
        raise ConfigError("Say which: the ids that 'leadgate recordings list' shows, or --all.")

    async def work(store: Store, _settings: Settings) -> int:
        duties = {duty.id: duty for duty in await store.read(owed)}
        if unknown := [name for name in args.ids if name not in duties]:
            raise ConfigError(f"No recording {unknown[0]!r} is to be removed: see 'leadgate recordings list'.")
        chosen, at = [duties[name] for name in args.ids] or list(duties.values()), SystemClock().now()
        for duty in chosen:
            await store.write(lambda c, d=duty: settle(c, d, actor=CONSOLE, how="confirmed", at=at))  # type: ignore[misc]
        if args.json:
            print_json({"confirmed": [duty.id for duty in chosen]})
        else:
            tell(f"{len(chosen)} recordings are no duty any more.")
        return 0

    return with_store(args, work)


def tell_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line each."""
    for outcome in outcomes:
        if outcome.removed:
            tell(f"The recording {outcome.removed} was removed.")
        elif outcome.done:
            tell(f"The recording {outcome.duty.recording} is not there any more.")
        else:
            tell(f"Still to be removed ({outcome.duty.id}): {outcome.duty.problem}")


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """One try, for programs."""
    return {**_as_json(outcome.duty), "removed": outcome.removed, "done": outcome.done}


def _as_json(duty: Duty) -> dict[str, Any]:
    from dataclasses import asdict

    return {"id": duty.id, **asdict(duty)}
