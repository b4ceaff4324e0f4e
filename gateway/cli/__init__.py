"""The command line: one small module a group of commands.

Each module has ``add(commands)``, which declares its commands, and functions that run them. Rooms are imported inside
those functions, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

from gateway import __version__
from gateway.cli import (
    callbacks,
    crm,
    doctor,
    exporting,
    files,
    forms,
    importing,
    mailbox,
    outbox,
    people,
    privacy,
    recompute,
    record,
    recordings,
    routing,
    serve,
    setup,
)
from gateway.core.errors import ConfigError, LeadgateError

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells expect."""

DESCRIPTION = """\
Every call, mail and web form becomes a lead, once.

Begin with 'leadgate run': it works without any configuration.
"""


def build_parser() -> argparse.ArgumentParser:
    """All commands with their help."""
    parser = argparse.ArgumentParser(
        prog="leadgate",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"leadgate {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    groups = (
        serve,
        setup,
        doctor,
        record,
        files,
        importing,
        exporting,
        mailbox,
        forms,
        recompute,
        people,
        outbox,
        crm,
        callbacks,
        routing,
        privacy,
        recordings,
    )
    for group in groups:
        group.add(commands)
    return parser


def run_command(argv: Sequence[str]) -> int:
    """Parse, run, and turn whatever goes wrong into a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a lone surrogate becomes \udc80, which is valid JSON too
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    args = build_parser().parse_args(argv)
    try:
        code = _guarded(args.run, args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader (head, less) has enough: the rest of stdout goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    try:
        return run(args)
    except ConfigError as error:
        _complain(str(error))
        return WRONG_USE
    except LeadgateError as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is None:
            raise
        _complain(f"{error.filename}: {error.strerror}.")
        return FAILED


def _complain(sentences: str) -> None:
    from gateway.log import escape_controls

    for sentence in sentences.splitlines():
        print(f"leadgate: {escape_controls(sentence)}", file=sys.stderr)
