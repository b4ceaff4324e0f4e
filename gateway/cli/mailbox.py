"""``leadgate mailbox``: what a person does for a mailbox that is signed in to with a token."""

from __future__ import annotations

import argparse
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from gateway.cli.common import add_command, add_config_and_data, add_group, load_settings, quiet_log, tell

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.mail.settings import MailboxSettings

MINUTES = 10
"""How long the person may take in the browser."""
DONE = "<!doctype html><meta charset=utf-8><title>Leadgate</title><p>You may close this page.</p>"


def add(commands: Any) -> None:
    """Declare mailbox authorize."""
    group = add_group(commands, "mailbox", "mailboxes that are signed in to with a token")
    authorize = add_command(
        group,
        "authorize",
        _authorize,
        "allow Leadgate to read a mailbox, in a browser",
        more=(
            'For a [[mailbox]] with auth = "oauth2". Prints an address to be opened in a browser, on any machine,\n'
            "and keeps the refresh token in the data folder, readable by its owner only. A running gateway uses it\n"
            "with its next try."
        ),
        examples=["leadgate mailbox authorize sales"],
    )
    authorize.add_argument("name", metavar="NAME", help="name of the [[mailbox]]")
    add_config_and_data(authorize)


def _authorize(args: argparse.Namespace) -> int:
    from gateway.core.clock import SystemClock
    from gateway.mail.oauth.authorize import Authorization
    from gateway.mail.oauth.tokens import TokenError, tokens_of

    settings = load_settings(args)
    quiet_log(settings)
    mailbox = _mailbox(settings, args.name)
    tokens = tokens_of(mailbox, settings.data, SystemClock())
    if tokens is None:
        tell(f'leadgate: the mailbox {mailbox.name} has a password. Set auth = "oauth2" first; docs/mail.md says how.')
        return 1
    addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
    with HTTPServer(("127.0.0.1", 0), _listener(addresses)) as server:
        attempt = Authorization(settings=mailbox, tokens=tokens, redirect=f"http://localhost:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=_read_line, args=(addresses,), daemon=True).start()
        tell(f"Open this address in a browser, sign in as {mailbox.username}, and allow the access:\n")
        print(attempt.url, flush=True)
        tell("\nIf the browser is on another machine it ends at a page that does not open: paste its address here.")
        try:
            attempt.finish(addresses.get(timeout=MINUTES * 60))
        except queue.Empty:
            tell(f"leadgate: nothing came for {MINUTES} minutes. Run it again.")
            return 1
        except TokenError as error:
            tell(f"leadgate: {error}.")
            return 1
        finally:
            server.shutdown()
    tell(f"The mailbox {mailbox.name} can be read now.")
    return 0


def _mailbox(settings: Settings, name: str) -> MailboxSettings:
    """Raises ConfigError."""
    from gateway.core.errors import ConfigError

    for mailbox in settings.mailbox:
        if mailbox.name == name:
            return mailbox
    there = ", ".join(mailbox.name for mailbox in settings.mailbox) or "none"
    raise ConfigError(f"No [[mailbox]] is called {name!r}; there is {there}.")


def _read_line(addresses: queue.SimpleQueue[str]) -> None:
    if line := sys.stdin.readline().strip():
        addresses.put(line)


def _listener(addresses: queue.SimpleQueue[str]) -> type[BaseHTTPRequestHandler]:
    class Listener(BaseHTTPRequestHandler):
        """Where the browser is sent; it listens on the loopback only, until the command ends."""

        def do_GET(self) -> None:
            """The answer is in the address."""
            body = DONE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if "state=" in self.path:  # and not the icon that browsers ask for
                addresses.put(self.path)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
            """Nothing: the address holds a code."""

    return Listener
