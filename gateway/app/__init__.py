"""Running the gateway: built in gateway.py, started, told to stop by a signal, stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys

from gateway import __version__
from gateway.app.gateway import Gateway
from gateway.config.settings import Settings
from gateway.core.clock import SystemClock, new_id

log = logging.getLogger(__name__)

__all__ = ["Gateway", "run"]


def run(settings: Settings) -> int:
    """Run until SIGINT or SIGTERM; the exit code. Raises a LeadgateError where the gateway can't start."""
    code = asyncio.run(_serve(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all is stopped: a second signal must not make a failure of it
    return code


async def _serve(settings: Settings) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    gateway = Gateway(settings, SystemClock(), new_id)
    await gateway.start()
    settle_memory()
    log.info(
        "Leadgate runs.", extra={"action": "started", "version": __version__, "pages": gateway.web.private_address}
    )
    warming = asyncio.create_task(gateway.web.renderer.warm(), name="warm-pages")
    try:
        await _greet(gateway)
        await told.wait()
        log.info("Leadgate stops.", extra={"action": "stopping"})
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await gateway.stop()
    log.info("Leadgate has stopped.", extra={"action": "stopped"})
    return 0


def settle_memory() -> None:
    """Take what stands for good (code, tables, templates) out of the sight of the garbage collector.

    It would walk through it again and again: a tenth of a second in which no caller is routed and no form is answered.
    """
    gc.collect()
    gc.freeze()


async def _greet(gateway: Gateway) -> None:
    """What the administrator sees first. On stderr: stdout is for data."""
    lines = [f"Leadgate {__version__}: pages on {gateway.web.private_address}"]
    forms = ", ".join(f"{gateway.web.public_address}/f/{form.key}" for form in gateway.settings.form)
    lines.append(f"Forms are taken at {forms}" if forms else "No forms are configured.")
    if gateway.smtp is not None:
        lines.append(f"Mail is taken by SMTP on {gateway.settings.smtp.listen}")
    if gateway.lmtp is not None:
        lines.append(f"Mail is taken by LMTP on {gateway.settings.lmtp.listen}")
    lines.append(f"PBXs: {', '.join(pbx.name for pbx in gateway.settings.pbx) or 'none yet (see leadgate init)'}")
    lines.append(f"Data: {gateway.settings.data}")
    link = await gateway.first_sign_in()
    if link:
        hours = gateway.settings.web.setup_link_hours
        lines.append(f"Set your password (one-time link, valid for {hours} hours): {link}")
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - the console is where the administrator looks
