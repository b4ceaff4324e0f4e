"""``leadgate doctor``: everything the gateway stands on, asked for by using it."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from gateway.cli.common import (
    add_command,
    add_config_and_data,
    add_json,
    load_settings,
    print_json,
    quiet_log,
    tell,
)
from gateway.cli.language import console_language
from gateway.core.sentences import Texts
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.core.findings import Finding
    from gateway.core.sentences import Texts


def add(commands: Any) -> None:
    """Declare doctor."""
    doctor = add_command(
        commands,
        "doctor",
        _doctor,
        "ask the PBX, database, listeners and CRMs what works, and say what to change",
        more=(
            "Each right of the PBX account is tried by using it; no phone rings and nothing is changed. It may run\n"
            "beside the gateway. One line a check: OK, NOTE, WARN or FAIL, what was found, and the way out.\n"
            "Also says what the last 20 calls are called (incoming, outgoing, internal), and why.\n"
            "Speaks the language of LC_ALL, LC_MESSAGES or LANG (en, ru); --json is English and has stable codes.\n"
            "Exit code 1 where something fails."
        ),
        examples=["leadgate doctor", "leadgate doctor --config /etc/leadgate/leadgate.toml --json | jq .findings"],
    )
    add_config_and_data(doctor)
    add_json(doctor)


def _doctor(args: argparse.Namespace) -> int:
    from gateway.core.findings import Level

    settings = load_settings(args)
    quiet_log(settings)
    import asyncio

    findings = asyncio.run(_examine(settings, show=not args.json))
    failed = any(finding.level is Level.FAIL for finding in findings)
    if args.json:
        print_json({"ok": not failed, "findings": [finding.as_json() for finding in findings]})
    else:
        counts = Counter(finding.level for finding in findings)
        tell(", ".join(f"{counts[level]} {level}" for level in Level if counts[level]))
    return 1 if failed else 0


async def _examine(settings: Settings, *, show: bool) -> list[Finding]:
    from gateway.app.checkup import checkup
    from gateway.core.clock import SystemClock
    from gateway.core.languages import FALLBACK, load_translations

    language = console_language(os.environ) if show else FALLBACK
    texts, findings = load_translations(language), []
    async for finding in checkup(settings, SystemClock(), language):
        findings.append(finding)
        if show:
            print(line(finding, texts))
            sys.stdout.flush()  # some checks wait for an answer: who reads along sees how far it is
    return findings


def line(finding: Finding, texts: Texts) -> str:
    """One finding on one line. The level is the same word in every language: people look for it, and scripts do."""
    way_out = f" -> {finding.remedy.said(texts)}" if finding.remedy else ""
    return escape_controls(f"{finding.level:<4}  {finding.subject.said(texts)}: {finding.said.said(texts)}{way_out}")
