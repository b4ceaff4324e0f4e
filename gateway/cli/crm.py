"""``leadgate crm``: what a CRM says of our rights, fields and people, before anything is sent."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config_and_data, add_group, add_json, print_json, tell, with_store
from gateway.cli.language import console_texts
from gateway.core.errors import ConfigError

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.delivery.checkup import Checked
    from gateway.delivery.settings import CrmSettings
    from gateway.storage.store import Store


def add(commands: Any) -> None:
    """Declare crm with its commands."""
    group = add_group(commands, "crm", "CRMs: check what they let us do")
    check = add_command(
        group,
        "check",
        _check,
        "ask CRMs for rights, fields and users, and show a lead as it would be sent",
        more=(
            "Makes nothing in the CRM. One line a check: OK, NOTE, WARN or FAIL, what was found, and the way out;\n"
            "then the request that would make a lead (the newest one, or an example). May run beside the gateway.\n"
            "Exit code 1 where something fails."
        ),
        examples=["leadgate crm check", "leadgate crm check office --json"],
    )
    check.add_argument("names", nargs="*", metavar="NAME", help="only these CRMs (default: all)")
    add_config_and_data(check)
    add_json(check)


def _check(args: argparse.Namespace) -> int:
    async def work(store: Store, settings: Settings) -> int:
        from gateway.core.clock import SystemClock
        from gateway.core.findings import Level
        from gateway.delivery.checkup import check_crm
        from gateway.delivery.surroundings import Surroundings

        crms = _chosen(settings, args.names)
        given = Surroundings(store=store, clock=SystemClock(), data=settings.data, language=settings.gateway.language)
        checked = {crm.name: await check_crm(crm, given) for crm in crms}
        counts = Counter(finding.level for one in checked.values() for finding in one.findings)
        failed = counts[Level.FAIL] > 0
        if args.json:
            print_json({"ok": not failed, "crms": {name: _as_json(one) for name, one in checked.items()}})
        else:
            _print(checked)
            tell(", ".join(f"{counts[level]} {level}" for level in Level if counts[level]) or "No CRM is configured.")
        return 1 if failed else 0

    return with_store(args, work)


def _chosen(settings: Settings, names: list[str]) -> list[CrmSettings]:
    known = {crm.name: crm for crm in settings.crm}
    for name in names:
        if name not in known:
            raise ConfigError(f"There is no [[crm]] {name}; there are: {', '.join(known) or 'none'}.")
    return [known[name] for name in names] if names else list(settings.crm)


def _as_json(checked: Checked) -> dict[str, Any]:
    return {"findings": [finding.as_json() for finding in checked.findings], "dry_record": checked.dry_record}


def _print(checked: dict[str, Checked]) -> None:
    from gateway.cli.doctor import line
    from gateway.core.sentences import Sentence

    texts = console_texts(os.environ)
    for name, one in checked.items():
        for finding in one.findings:
            print(line(finding, texts))
        if one.dry_record is not None:
            tell(Sentence("A lead as %(crm)s would get it:", {"crm": name}).said(texts))
            print_json(one.dry_record)
