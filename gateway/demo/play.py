"""``leadgate demo``: the real gateway on a temporary folder, with a small PBX and people who use it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import sys
import tempfile
from pathlib import Path

import msgspec

from gateway import __version__
from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.delivery.settings import CrmSettings
from gateway.demo.actors import MAILBOX, Actors
from gateway.demo.pbx import PbxServer
from gateway.demo.script import LATER, OPENING, ROUND_SECONDS
from gateway.mail.settings import split_address
from gateway.telephony.settings import PbxSettings
from gateway.web.accounts import Accounts, NewManager
from gateway.webforms.settings import EMBEDDED_FORMS

log = logging.getLogger(__name__)

LOGIN = "demo"
PBX_SECRET_BYTES = 12
SNAPSHOT_SECONDS = 0.5
"""The connector first asks what goes on; a call that begins in that moment would count as joined midway."""


def run_demo(settings: Settings) -> int:
    """Play until Ctrl-C; the exit code. ``settings`` say region, zone and language; the rest is the demo's own."""
    with tempfile.TemporaryDirectory(prefix="leadgate-demo-") as folder:
        return asyncio.run(_serve(settings, Path(folder)))


async def _serve(settings: Settings, folder: Path) -> int:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    clock = SystemClock()
    secret = secrets.token_urlsafe(PBX_SECRET_BYTES)
    pbx = PbxServer(username="leadgate", secret=secret, clock=clock)
    await pbx.start()
    gateway = Gateway(demo_settings(settings, folder, pbx.port, secret), clock, new_id)
    await gateway.start()
    playing = asyncio.create_task(_play(gateway, pbx, clock), name="demo")
    try:
        await _greet(gateway, clock)
        await told.wait()
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await gateway.stop()
        await pbx.stop()
    return 0


def demo_settings(settings: Settings, folder: Path, pbx_port: int, secret: str) -> Settings:
    """Everything on loopback, on the usual ports where they are free."""
    listen = _free("127.0.0.1", 8080)
    return msgspec.structs.replace(
        settings.with_data(str(folder)),
        gateway=msgspec.structs.replace(
            settings.gateway, data=str(folder), own_numbers=("+74950000101",), own_domains=("company.example",)
        ),
        storage=msgspec.structs.replace(settings.storage, url=None),
        web=msgspec.structs.replace(settings.web, public=listen, private=listen),
        smtp=msgspec.structs.replace(settings.smtp, listen=_free("127.0.0.1", 2525), recipients=(MAILBOX,)),
        pbx=(PbxSettings(name="demo", host="127.0.0.1", port=pbx_port, username="leadgate", secret=secret),),
        mailbox=(),
        form=EMBEDDED_FORMS,
        crm=(CrmSettings(name="demo", adapter="memory"),),
    )


def _free(host: str, wanted: int) -> str:
    """``host:wanted``, or another port where that one is taken (somebody may run the real gateway beside the demo)."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return f"{host}:{probe.getsockname()[1]}"
    raise OSError(f"no free port on {host}")


async def _play(gateway: Gateway, pbx: PbxServer, clock: SystemClock) -> None:
    await pbx.listeners(1)
    await asyncio.sleep(SNAPSHOT_SECONDS)
    form = gateway.settings.form[0].key
    smtp = split_address(gateway.settings.smtp.listen)
    actors = Actors(pbx=pbx, forms=f"{gateway.web.public_address}/f/{form}", smtp=smtp, clock=clock)
    await actors.play(OPENING)
    while True:
        pause = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
        await actors.play(LATER)
        await pause


async def _greet(gateway: Gateway, clock: SystemClock) -> None:
    password = secrets.token_urlsafe(9)
    form = f"{gateway.web.public_address}/f/{gateway.settings.form[0].key}"
    accounts = Accounts(gateway.store, clock, new_id, gateway.web.passwords)
    await accounts.add_manager(NewManager(login=LOGIN, name="Demo", role="owner"))
    await accounts.set_password(LOGIN, password)
    lines = (
        f"Leadgate {__version__}, the demo: calls, letters and forms arrive now.",
        f"Open {gateway.web.private_address} and sign in as {LOGIN} with the password {password}",
        f"Send your own form:  curl -d 'name=Me&phone=+79260000000' {form}",
        f"Or a letter by SMTP to {MAILBOX} on {gateway.settings.smtp.listen}. Ctrl-C ends it; nothing is kept.",
    )
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - what a person should do next
