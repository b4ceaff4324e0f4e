"""``leadgate init``, ``check`` and ``migrate``: before the gateway runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from gateway.cli.common import add_command, add_config, add_config_and_data, load_settings, tell
from gateway.core.errors import ConfigError, LeadgateError

DEFAULT_FILE = "leadgate.toml"


def add(commands: Any) -> None:
    """Declare init, check and migrate."""
    init = add_command(
        commands,
        "init",
        _init,
        "write a configuration file with every setting explained",
        more="Everything that has a good default stands in it as a comment, so the file can be used as it is.",
        examples=["leadgate init", "leadgate init --config /etc/leadgate/leadgate.toml"],
    )
    init.add_argument("--config", metavar="FILE", default=DEFAULT_FILE, help=f"file to write (default: {DEFAULT_FILE})")
    init.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    check = add_command(
        commands,
        "check",
        _check,
        "check the configuration and say what is wrong, where, and the way out",
        more="Starts nothing and connects to nothing. Exit code 0: valid, 1: not.",
        examples=["leadgate check", "leadgate check --config new.toml && systemctl restart leadgate"],
    )
    add_config(check)
    migrate = add_command(
        commands,
        "migrate",
        _migrate,
        "bring the database to the schema of this version",
        more="'leadgate run' does the same when it starts. Stop the gateway and make a backup first.",
        examples=["leadgate migrate --config /etc/leadgate/leadgate.toml"],
    )
    add_config_and_data(migrate)


def _init(args: argparse.Namespace) -> int:
    from gateway.config.template import template

    file = Path(args.config)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if args.force else os.O_EXCL)
    try:
        # for its owner only: secrets will stand in it
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError:
        raise LeadgateError(f"{file} exists already. 'leadgate init --force' overwrites it.") from None
    tell(f"Wrote {file}. Look through it, then: leadgate check --config {file} && leadgate run --config {file}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from gateway.log import escape_controls

    try:
        settings = load_settings(args)
    except ConfigError as error:
        for sentence in str(error).splitlines():
            print(f"error: {escape_controls(sentence)}")
        return 1
    for sentence in (*settings.remarks, *_open_secrets(settings.source)):
        print(f"warning: {escape_controls(sentence)}")
    print(f"{settings.source or 'No configuration file, so the embedded default'}: valid.")
    return 0


def _open_secrets(file: Path | None) -> list[str]:
    """A warning where every user of the machine can read a file with secrets in it."""
    from gateway.config import Settings

    if file is None or not file.stat().st_mode & 0o004 or not Settings.load(file, {}).secrets():
        return []
    return [f"{file}: holds secrets, and every user of this machine can read it. Run: chmod 640 {file}"]


def _migrate(args: argparse.Namespace) -> int:
    from gateway.cli.common import quiet_log
    from gateway.config import prepare_folder
    from gateway.storage.migrations import upgrade

    settings = load_settings(args)
    quiet_log(settings)
    prepare_folder(settings.data)
    done = upgrade(settings.storage, settings.data)
    if done.changed:
        tell(f"Upgraded the database from schema {done.before or 'none'} to {done.after}.")
    else:
        tell(f"The database has schema {done.after} already.")
    return 0
