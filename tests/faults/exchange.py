"""A PBX that never forgets: calls on the AMI for who listens, and each in its own log (Master.csv)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.core.clock import SystemClock
from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Play, RecordedEvent, load
from tests.acceptance.ledger import Ledger
from tests.support.ports import LOOPBACK

RECORDINGS = Path(__file__).parents[2] / "gateway/demo/recordings"
DIALLED = "74950000101"
SECRET = "a secret for tests"
FIRST_CALL = 5_000_000
"""Callers' numbers begin here, so that they are nobody else's."""


class Exchange:
    """Use it as ``async with Exchange(folder)``. The ledger's names are ``call-`` and the caller's number."""

    def __init__(self, folder: Path, ledger: Ledger | None = None) -> None:
        self.cdr = folder / "Master.csv"
        self.cdr.touch()
        self.ledger = ledger if ledger is not None else Ledger()
        self.server = PbxServer(username="leadgate", secret=SECRET, clock=SystemClock())
        self._recording = load(RECORDINGS / "direct_caller_gives_up.ami")
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Exchange:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.stop()

    def config(self, *, port: int | None = None) -> str:
        """The tables of a gateway that listens to it, at ``port`` if not directly."""
        return (
            '[gateway]\ntimezone = "UTC"\n[[pbx]]\nname = "office"\n'
            f'host = "{LOOPBACK}"\nport = {port or self.server.port}\nusername = "leadgate"\nsecret = "{SECRET}"\n'
            f'cdr = "{self.cdr}"\n'
        )

    async def call(self, *, heard: bool = True) -> str:
        """One caller who gives up; its name. Over, it stands in the log, so Leadgate owes it from then on.

        ``heard``: whether the AMI tells of it, too.
        """
        now = datetime.now(UTC)
        caller, events = self._next_call(now)
        linkedid = next(value for event in events for name, value in event.headers if name == "Linkedid")
        for event in events:
            if heard:
                await self.server.send(event.headers)
        self._log(caller, linkedid, now)
        self.ledger.acknowledged.add(f"call-+{caller}")
        return f"call-+{caller}"

    async def begin_call(self) -> str:
        """A caller who rings and goes on ringing, told by the AMI alone; his name. Who saw him owes him."""
        caller, events = self._next_call(datetime.now(UTC))
        for event in itertools.takewhile(lambda event: ("Event", "Hangup") not in event.headers, events):
            await self.server.send(event.headers)
        return f"call-+{caller}"

    def _next_call(self, ends: datetime) -> tuple[str, list[RecordedEvent]]:
        """The next caller, and what the AMI tells of the call."""
        number = next(self._numbers)
        caller = f"7926{FIRST_CALL + number}"
        self.ledger.sent.add(f"call-+{caller}")
        old = self._recording.caller
        assert old is not None
        shift = int(ends.timestamp() - self._recording.began - self._recording.seconds)
        return caller, list(Play(shift=shift, serial=number, caller=(old, caller)).events(self._recording))

    async def die(self) -> int:
        """The PBX and its calls are gone; the port that it was on."""
        port = self.server.port
        await self.server.stop()
        return port

    async def live_again(self, port: int) -> None:
        """A PBX that was just started: it knows of no call of before."""
        self.server = PbxServer(
            username="leadgate", secret=SECRET, clock=SystemClock(), mischief=Mischief(started="2026-11-22 09:00:00")
        )
        await self.server.start(port=port)

    def _log(self, caller: str, linkedid: str, at: datetime) -> None:
        moment = f"{at:%Y-%m-%d %H:%M:%S}"
        serial = int(linkedid.partition(".")[2])
        values = (
            "", caller, DIALLED, "from-trunk", f'"" <{caller}>',
            f"PJSIP/trunk-{serial:08x}", f"PJSIP/101-{serial + 1:08x}", "Dial",
            "PJSIP/101,20", moment, "", moment, 3, 0, "NO ANSWER", "DOCUMENTATION", linkedid, "", "", linkedid,
            serial,
        )  # fmt: skip
        row = ",".join(str(v) if isinstance(v, int) else '"' + v.replace('"', '""') + '"' for v in values)
        with self.cdr.open("a", encoding="utf-8") as file:
            file.write(row + "\n")


def callers(interactions: list[dict[str, Any]]) -> list[str]:
    """The ledger's names of stored calls."""
    return [f"call-{item['handles'][0]['value']}" for item in interactions if item["channel"] == "call"]
