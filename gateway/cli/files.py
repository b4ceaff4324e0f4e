"""``leadgate inspect``: what Leadgate understands of recorded PBX streams and mails, without storing anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config, add_group, load_settings, print_json, quiet_log, tell
from gateway.log import escape_controls

if TYPE_CHECKING:
    from gateway.config import Settings

Record = Mapping[str, Any]


def add(commands: Any) -> None:
    """Declare inspect ami and inspect mail."""
    group = add_group(commands, "inspect", "show what is understood of recorded calls or mails")
    ami = add_command(
        group,
        "ami",
        _inspect_ami,
        "tell the calls in recorded AMI streams",
        more=(
            "FILE holds raw bytes as read from the socket, or a JSON array of event objects.\n"
            "Prints one JSON object a line, one line a call. The line rules ([[pbx]] trunks, trunk_contexts,\n"
            "internal_contexts) come from the configuration."
        ),
        examples=["leadgate inspect ami office.ami", "leadgate inspect ami --region KZ *.ami | jq .outcome"],
    )
    mail = add_command(
        group,
        "mail",
        _inspect_mail,
        "tell the sender, text and kind of mails",
        more="FILE is one mail as it came (.eml). Prints one JSON object a line, one line a mail.",
        examples=["leadgate inspect mail letter.eml", "leadgate inspect mail --region DE ~/Mail/*.eml"],
    )
    for parser in (ami, mail):
        add_config(parser)
        parser.add_argument("--region", metavar="CC", help="country of national numbers (default: [gateway] region)")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def _inspect_ami(args: argparse.Namespace) -> int:
    from gateway.telephony.inspect import inspect_ami
    from gateway.telephony.lines import LineRules

    settings = _settings(args)
    lines = LineRules(
        trunks=tuple(name for pbx in settings.pbx for name in pbx.trunks),
        trunk_contexts=tuple(name for pbx in settings.pbx for name in pbx.trunk_contexts),
        internal_contexts=tuple(name for pbx in settings.pbx for name in pbx.internal_contexts),
        robots=tuple(name for pbx in settings.pbx for name in pbx.robots),
    )
    region = settings.gateway.region
    return _each(args.files, lambda file: inspect_ami([file], region=region, lines=lines))


def _inspect_mail(args: argparse.Namespace) -> int:
    from gateway.mail.inspect import inspect_mail

    region = _settings(args).gateway.region
    return _each(args.files, lambda file: [inspect_mail(file.read_bytes(), file=str(file), region=region)])


def _settings(args: argparse.Namespace) -> Settings:
    settings = load_settings(args).with_region(args.region)
    quiet_log(settings)
    return settings


def _each(files: Iterable[Path], read: Callable[[Path], Iterable[Record]]) -> int:
    """Print the records of each file as they come; a file that can't be read is named and the others go on."""
    failed = 0
    for file in files:
        try:
            records = list(read(file))
        except (OSError, ValueError) as error:  # ValueError: the room's own word for no recording; it names the file
            reason = f"{file}: can't be read: {error.strerror}." if isinstance(error, OSError) else str(error)
            tell(f"leadgate: {escape_controls(reason)}")
            failed += 1
            continue
        for record in records:
            print_json(record)
        sys.stdout.flush()  # who reads along sees each file when it is done
    return 1 if failed else 0
