"""``leadgate run`` and ``leadgate demo``: the gateway itself."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config, add_config_and_data, load_settings

if TYPE_CHECKING:
    from gateway.config import Settings

if TYPE_CHECKING:
    from gateway.config import Settings

log = logging.getLogger(__name__)


def add(commands: Any) -> None:
    """Declare run and demo."""
    run = add_command(
        commands,
        "run",
        _run,
        "run the gateway until it is told to stop",
        more=(
            "Without a configuration: SQLite in ./data, pages and forms on http://127.0.0.1:8080, SMTP on\n"
            "127.0.0.1:2525, no PBX. The first start prints a one-time link to set your password.\n"
            "Stop it with Ctrl-C or SIGTERM: it finishes what it began and ends within 10 seconds."
        ),
        examples=["leadgate run", "leadgate run --config /etc/leadgate/leadgate.toml --data /var/lib/leadgate"],
    )
    add_config_and_data(run)
    demo = add_command(
        commands,
        "demo",
        _demo,
        "run the gateway with recorded calls, mails and forms arriving",
        more=(
            "Everything comes through the real protocols into a temporary data folder that is removed at the end.\n"
            "It prints the address of the page to look at. Of a configuration only region, zone and language count.\n"
            "Stop it with Ctrl-C."
        ),
        examples=["leadgate demo"],
    )
    add_config(demo)


def _run(args: argparse.Namespace) -> int:
    settings = _settings_with_log(args)
    from gateway.app import run  # after the settings: their errors come before the rooms are loaded

    for sentence in settings.remarks:
        log.warning("%s", sentence, extra={"action": "config_remark"})
    return run(settings)


def _demo(args: argparse.Namespace) -> int:
    settings = _settings_with_log(args)
    from gateway.demo.play import run_demo

    return run_demo(settings)


def _settings_with_log(args: argparse.Namespace) -> Settings:
    from gateway.log import configure

    settings = load_settings(args)
    configure(level=settings.log.level, style=settings.log.format, secrets=settings.secrets())
    return settings
