"""A small town around one gateway: its people and past, a PBX, a mail server, and those who call, write, fill in forms.

The gateway is whole and configured by a file, as on a real machine; the PBX is the demo's, on a real socket. Tests walk
through its pages, and ``python -m tests.browser.guide`` takes the pictures of docs/guide there.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.demo.actors import Actors, recording
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Play
from gateway.demo.script import Step
from gateway.mail.settings import split_address
from gateway.storage.tables import Interaction, Journal
from gateway.web.accounts import Accounts
from tests.browser.past import add_past
from tests.support.ports import LOOPBACK, free_ports
from tests.support.submission import SubmissionServer

PASSWORD = "correct horse battery"
CHIEF, ANNA, BORIS, OWNER = "olga", "anna", "boris", "pavel"
"""Logins: the head of sales, two managers, the owner."""
PBX_SECRET = "secret-of-the-pbx"
FAST = 25.0
"""How many times as fast as they happened calls are played."""
HELD = 500
"""Number of the play of a call that is held ringing, which no other play comes to."""

CONFIG = """
[gateway]
region = "RU"
timezone = "Europe/Moscow"
language = "ru"
data = "{data}"
own_numbers = ["+74950000101"]
own_domains = ["company.example"]
[web]
public = "{host}:{public}"
private = "{host}:{private}"
[smtp]
listen = "{host}:{smtp}"
recipients = ["info@company.example"]
"""
OFFICE = """
[[pbx]]
name = "office"
host = "{host}"
port = {pbx}
username = "leadgate"
secret = "{secret}"
originate = {{context = "from-internal"}}
recordings = "{recordings}"
[[sender]]
name = "sales"
host = "{host}"
port = {mail}
tls = "none"
address = "info@company.example"
display_name = "Кухни и двери"
[[form]]
key = "site"
name = "Сайт"
[[crm]]
name = "crm"
adapter = "memory"
[documents.company]
name = "ООО «Кухни и двери»"
address = "Москва, ул. Лесная, 5"
phone = "+7 495 000-01-01"
tax_id = "7701234567"
director = "Павел Лебедев"
[hours]
mon = ["00:00-24:00"]
tue = ["00:00-24:00"]
wed = ["00:00-24:00"]
thu = ["00:00-24:00"]
fri = ["00:00-24:00"]
sat = ["00:00-24:00"]
sun = ["00:00-24:00"]
[[manager]]
id = "pavel"
name = "Павел Лебедев"
role = "owner"
[[manager]]
id = "olga"
name = "Ольга Морозова"
role = "chief"
email = "olga@company.example"
[[manager]]
id = "anna"
name = "Анна Смирнова"
extensions = ["101"]
email = "anna@company.example"
mobile = "+79035550101"
[[manager]]
id = "boris"
name = "Борис Ким"
extensions = ["102"]
"""


@dataclass(slots=True)
class Town:
    """One gateway and what it speaks to. ``restart`` keeps the ports and the data."""

    folder: Path
    pbx: PbxServer
    mail: SubmissionServer
    gateway: Gateway
    clock: SystemClock = field(default_factory=SystemClock)

    def url(self, path: str = "/") -> str:
        """Where a page is."""
        return self.gateway.web.private_address + path

    @property
    def accounts(self) -> Accounts:
        """Whoever may sign in."""
        return Accounts(self.gateway.store, self.clock, new_id, self.gateway.web.passwords)

    async def open(self) -> None:
        """Start the gateway; returns when the PBX sees it."""
        await self.gateway.start()
        if self.gateway.connectors:
            await self.pbx.listeners(1)
            await asyncio.wait_for(self._snapshot_taken(), 20)

    async def restart(self) -> None:
        """As an administrator does it: the file is read anew, the data are the same."""
        await self.gateway.stop()
        self.gateway = Gateway(Settings.load(self.gateway.settings.source, {}), self.clock, new_id)
        await self.open()

    async def _snapshot_taken(self) -> None:
        """The connector first asks what goes on; a call that begins before that would count as joined midway."""
        while not all(source.health()[0].ok for source in self.gateway.connectors.values()):
            await asyncio.sleep(0.02)

    def actors(self) -> Actors:
        """Those who call, write and fill in the form."""
        smtp = split_address(self.gateway.settings.smtp.listen)
        form = f"{self.gateway.web.public_address}/f/{self.gateway.settings.form[0].key}"
        return Actors(pbx=self.pbx, forms=form, smtp=smtp, clock=self.clock)

    async def play(self, steps: Sequence[Step]) -> None:
        """Let it happen, and wait until the gateway has understood all of it."""
        await self.actors().play(steps)
        await self.quiet()

    async def call(self, name: str, caller: str, *, speed: float = FAST) -> None:
        """One recorded call; returns with its last event."""
        await self.pbx.play(recording(name), speed=speed, caller=caller)

    @asynccontextmanager
    async def ringing(self, name: str, caller: str) -> AsyncIterator[None]:
        """A recorded call that rings for as long as the test looks at it; then it ends as it did."""
        recorded = recording(name)
        assert recorded.caller is not None
        shift = int(self.clock.now().timestamp() - recorded.began - recorded.seconds)
        play = Play(shift=shift, serial=HELD, caller=(recorded.caller, caller))
        events = [event.headers for event in play.events(recorded)]
        end = next(place for place, headers in enumerate(events) if ("Event", "DialEnd") in headers)
        for headers in events[:end]:
            await self.pbx.send(headers)
        yield
        for headers in events[end:]:
            await self.pbx.send(headers)

    async def quiet(self, *, seconds: float = 30) -> None:
        """Return when nothing waits to be understood and no call goes on."""
        await self.until(
            lambda c: not c.execute(_unread).scalar_one() and not c.execute(_unfinished).scalar_one(), seconds
        )

    async def until(self, true: Callable[[Connection], bool], seconds: float = 30) -> None:
        """Wait until the database says so."""
        async with asyncio.timeout(seconds):
            while not await self.gateway.store.read(true):
                await asyncio.sleep(0.05)


_unread = select(func.count()).select_from(Journal).where(Journal.state == "new")
_unfinished = select(func.count()).select_from(Interaction).where(Interaction.phase.in_(("ringing", "answered")))


@asynccontextmanager
async def town(folder: Path, *, past: bool = True, office: bool = True) -> AsyncIterator[Town]:
    """A running one. ``office`` false: a gateway that nobody has set up yet; ``past``: six weeks of work."""
    pbx, mail = PbxServer(username="leadgate", secret=PBX_SECRET, clock=SystemClock()), SubmissionServer()
    await pbx.start()
    await mail.start()
    settings = Settings.load(_write_config(folder, pbx.port, mail.port, office=office), {})
    clock = SystemClock()
    here = Town(folder, pbx, mail, Gateway(settings, clock, new_id), clock)
    try:
        await here.open()
        if office:
            for login in (OWNER, CHIEF, ANNA, BORIS):
                await here.accounts.set_password(login, PASSWORD)
        if past:
            await here.gateway.store.write(lambda connection: add_past(connection, clock.now()))
        yield here
    finally:
        await here.gateway.stop()
        await pbx.stop()
        await mail.stop()


def _write_config(folder: Path, pbx: int, mail: int, *, office: bool) -> Path:
    public, private, smtp = free_ports(3)
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    (recordings / "talk.wav").write_bytes(_silence(seconds=4))
    text = CONFIG.format(data=folder / "data", host=LOOPBACK, public=public, private=private, smtp=smtp)
    if office:
        text += OFFICE.format(host=LOOPBACK, pbx=pbx, secret=PBX_SECRET, mail=mail, recordings=recordings)
    file = folder / "leadgate.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _silence(*, seconds: int) -> bytes:
    """A WAV file: one channel, 8 kHz, 16 bits, nobody says anything."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000 * seconds))
    return file.getvalue()
