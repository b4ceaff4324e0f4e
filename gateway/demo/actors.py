"""Those who use the gateway in the demo, each through the real protocol: a mail client, a browser, callers of a PBX."""

from __future__ import annotations

import asyncio
import itertools
import logging
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from importlib import resources

import aiohttp

from gateway.core.clock import Clock
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Recording, parse
from gateway.demo.script import FormPost, Letter, PhoneCall, Step

log = logging.getLogger(__name__)

MAILBOX = "info@company.example"
SMTP_SECONDS = 10.0


def recording(name: str) -> Recording:
    """One of the recordings that ship."""
    raw = (resources.files("gateway.demo") / "recordings" / f"{name}.ami").read_bytes()
    return parse(raw, name)


@dataclass(slots=True, eq=False)
class Actors:
    """Plays steps. A step that fails is told in the log and does not stop the others."""

    pbx: PbxServer
    forms: str
    """Address of the form: ``http://127.0.0.1:8080/f/site``."""
    smtp: tuple[str, int]
    clock: Clock
    _serials: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def play(self, steps: Sequence[Step]) -> None:
        """Play the steps at their times; returns after the last."""
        await asyncio.gather(*(self._play_one(step) for step in steps))

    async def _play_one(self, step: Step) -> None:
        await asyncio.sleep(step.at)
        try:
            match step:
                case PhoneCall():
                    await self.pbx.play(recording(step.recording), speed=step.speed, caller=step.caller)
                case Letter():
                    await asyncio.to_thread(self._send, step)
                case FormPost():
                    await self._post(step)
        except (OSError, aiohttp.ClientError, smtplib.SMTPException) as error:
            log.warning("A step of the demo failed.", extra={"action": "demo_step_failed", "reason": str(error)})

    def _send(self, letter: Letter) -> None:
        message = EmailMessage()
        message["From"] = letter.sender
        message["To"] = MAILBOX
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = make_msgid(domain="demo.example")
        for name, value in letter.headers.items():
            message[name] = value
        message.set_content(letter.text)
        with smtplib.SMTP(*self.smtp, timeout=SMTP_SECONDS) as connection:
            connection.send_message(message, from_addr=parseaddr(letter.sender)[1], to_addrs=[MAILBOX])

    async def _post(self, form: FormPost) -> None:
        serial = str(next(self._serials))
        fields = {name: value.replace("{serial}", serial) for name, value in form.fields.items()}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SMTP_SECONDS)) as session:
            body = {"json": fields} if form.style == "json" else {"data": fields}
            async with session.post(self.forms, **body) as answer:  # type: ignore[arg-type]
                answer.raise_for_status()
