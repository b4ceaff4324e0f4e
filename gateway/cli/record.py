"""``leadgate record ami``: the live events of a PBX in a file, for bug reports."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config, add_group, load_settings, quiet_log, tell
from gateway.core.errors import ConfigError, LeadgateError

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.telephony.settings import PbxSettings


def add(commands: Any) -> None:
    """Declare record ami."""
    kinds = add_group(commands, "record", "record what a PBX says, for bug reports")
    ami = add_command(
        kinds,
        "ami",
        _record_ami,
        "write the live events of a PBX to a file that 'leadgate inspect ami' reads",
        more=(
            "Numbers and names are replaced by others, the same ones throughout, so the file tells the same calls and\n"
            "can be given away; what does not help to tell them is left out. Extensions stay. --full keeps all.\n"
            "Begins with the calls that are open. Ends after --seconds, or with Ctrl-C. May run beside the gateway."
        ),
        examples=["leadgate record ami bug.ami --seconds 300", "leadgate record ami all.ami --pbx office --full"],
    )
    add_config(ami)
    ami.add_argument("file", type=Path, metavar="FILE", help="file to write; must not exist")
    ami.add_argument("--pbx", metavar="NAME", help="which [[pbx]], where there are several")
    ami.add_argument("--seconds", type=_positive, metavar="N", help="how long (default: until Ctrl-C)")
    ami.add_argument("--full", action="store_true", help="real numbers and names: personal data, keep the file safe")


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _record_ami(args: argparse.Namespace) -> int:
    import asyncio

    from gateway.core.clock import SystemClock
    from gateway.telephony.masking import Masker
    from gateway.telephony.tape import Tape, record

    settings = load_settings(args)
    quiet_log(settings)
    pbx = chosen_pbx(settings, args.pbx)
    change = dict if args.full else Masker(settings.gateway.region).message
    try:
        # for its owner only: a masked stream still says who called whom, and when
        stream = os.fdopen(os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise LeadgateError(f"{args.file} exists already. Name another file.") from None
    with stream:
        tape = Tape(stream, change)
        tell(f"Recording {pbx.name} into {args.file}{'' if args.seconds else '; Ctrl-C ends it'} ...")
        try:
            asyncio.run(record(pbx, tape, clock=SystemClock(), seconds=args.seconds))
        except KeyboardInterrupt:
            tell("")
        except ValueError as error:
            raise ConfigError(f"[[pbx]] {pbx.name}: {error}.") from None
        finally:
            tell(f"{tape.written} events written to {args.file}. Look at them with: leadgate inspect ami {args.file}")
    return 0


def chosen_pbx(settings: Settings, name: str | None) -> PbxSettings:
    """The ``[[pbx]]`` of this name, or the only one. Raises ConfigError that names those there are."""
    names = ", ".join(pbx.name for pbx in settings.pbx)
    if not settings.pbx:
        raise ConfigError("the configuration has no [[pbx]]: add one, or name the file with --config.")
    if name is None and len(settings.pbx) > 1:
        raise ConfigError(f"there are several [[pbx]]: choose one with --pbx: {names}.")
    for pbx in settings.pbx:
        if name in (None, pbx.name):
            return pbx
    raise ConfigError(f"there is no [[pbx]] named {name!r}; there are: {names}.")
