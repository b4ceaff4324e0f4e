"""An office for acceptance tests: the real gateway process on a real Asterisk, obedient phones, the API."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.peers.asterisk.ami import Ami
from tests.peers.asterisk.server import AMI_SECRET, AMI_USER, AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.ports import LOOPBACK
from tests.support.process import Api, GatewayProcess, Installation

Items = list[dict[str, Any]]


class Office:
    """Use it as ``async with Office(...)``: the gateway is configured then, and not started yet."""

    def __init__(self, pair: AsteriskPair, folder: Path, *, ami_port: int | None = None, pbx_keys: str = "") -> None:
        """``ami_port``: where the gateway finds the PBX, if not directly; ``pbx_keys``: more lines of [[pbx]]."""
        table = (
            '[gateway]\nregion = "RU"\n[[pbx]]\nname = "office"\n'
            f'host = "{LOOPBACK}"\nport = {ami_port or pair.ports.pbx_ami}\n'
            f'username = "{AMI_USER}"\nsecret = "{AMI_SECRET}"\n{pbx_keys}'
        )
        self.pair = pair
        self.installation = Installation.make(folder / "gateway", more=table)
        self.judge: Ami
        self.gateway: GatewayProcess | None = None
        self._world: Ami
        self._api = Api(self.installation, self.installation.new_token())

    async def __aenter__(self) -> Office:
        await self.watch()
        self._world = await Ami.connect(self.pair.ports.world_ami, events=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.gateway is not None:
            self.gateway.kill()
        await self._world.action("Hangup", Channel="/^.*$/")  # all phones: what a failed test leaves is nobody's call
        await self._world.close()
        await self.judge.close()

    async def watch(self) -> None:
        """The judge looks at the PBX, again where it was restarted."""
        self.judge = await Ami.connect(self.pair.ports.pbx_ami)

    def stage(self, team: int) -> Stage:
        """The phones of one team."""
        return Stage(self.judge, self._world, team)

    async def open(self) -> None:
        """Start the gateway and return when it is healthy, so connected to the PBX."""
        self.gateway = self.installation.start()
        await self.gateway.ready()

    def kill_gateway(self) -> None:
        """SIGKILL."""
        assert self.gateway is not None
        self.gateway.kill()
        self.gateway = None

    async def calls(self, **filters: str) -> Items:
        """GET /api/v1/calls, the oldest first."""
        return (await self._api.everything("/api/v1/calls", **filters))[::-1]

    async def leads(self) -> Items:
        """GET /api/v1/leads."""
        return await self._api.everything("/api/v1/leads")

    async def parts(self) -> set[str]:
        """Ids of the calls that proved to be a part of another: a consultation, a call back to who transferred."""
        found = await self._api.everything("/api/v1/interactions", channel="call")
        return {item["id"] for item in found if item["kind"] == "part"}

    async def calls_when(self, true: Callable[[Items], bool], what: str, *, seconds: float = 30) -> Items:
        """The calls as soon as ``true`` of them; fails with what there was instead, and the gateway's log."""
        deadline = time.monotonic() + seconds
        while not true(calls := await self.calls()):
            if time.monotonic() > deadline:
                log = self.gateway.log_tail() if self.gateway else "no gateway"
                raise AssertionError(f"{what}: not within {seconds:.0f} s; {json.dumps(calls, indent=1)}\n{log}")
            await asyncio.sleep(0.1)
        await self._api.settled(10)
        return calls

    async def log_read(self, name: str, *, seconds: float = 15) -> None:
        """Return when this start of the gateway has read a log of the PBX (``cel``, ``cdr``) to its end."""
        async with asyncio.timeout(seconds):
            while {f"{name}:office": "reading"}.items() - await self._states():
                await asyncio.sleep(0.1)

    async def _states(self) -> set[tuple[str, str]]:
        return {(source["name"], source["state"]) for source in (await self._api.health())["sources"]}

    async def quiet(self) -> None:
        """Return when no call is left on the PBX."""
        await self.judge.wait_for(lambda: not self.judge.open_channels(), "the end of all calls")


def all_ended(count: int) -> Callable[[Items], bool]:
    """That there are so many calls, all over."""
    return lambda calls: len(calls) >= count and all(call["ended"] for call in calls)
