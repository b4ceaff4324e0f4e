"""The stage of one scenario: its own ten phones and its own outside numbers, so that scenarios can run side by side."""

from __future__ import annotations

from dataclasses import dataclass

from tests.peers.asterisk.ami import Ami, Headers


@dataclass(frozen=True, slots=True)
class Stage:
    """Phones ``TEAM0`` to ``TEAM9`` (``201`` ...), caller ``7926000TEAM0``, customer ``79161110TEAM1``."""

    pbx: Ami
    world: Ami
    team: int
    """Two digits, the first two of the scenario's extensions."""

    def phone(self, number: int) -> str:
        """The scenario's phone: ``phone(1)`` of team 20 is ``201``."""
        return f"{self.team}{number}"

    def did(self, behaviour: int) -> str:
        """Our public number that leads to phone 1; conf/pbx/extensions.conf says what each behaviour does."""
        return f"7495{behaviour:<04}{self.phone(1)}"

    @property
    def caller(self) -> str:
        """The number of the person who calls us."""
        return f"79260000{self.phone(0)}"

    @property
    def customer(self) -> str:
        """The number of the person whom we call."""
        return f"79161110{self.phone(1)}"

    async def behave(self, **phones: str) -> None:
        """How phones take a call: ``behave(p1="answer:1:60", customer="ring")``; who is not named just rings."""
        for name, behaviour in phones.items():
            key = self.customer if name == "customer" else self.phone(int(name.removeprefix("p")))
            await self.world.action("DBPut", Family="beh", Key=key, Val=behaviour)

    async def call_in(
        self, behaviour: int, *, number: str = "", name: str = "", patience: float = 30, talk: float | None = None,
        withheld: bool = False, keys: str = "",
    ) -> None:  # fmt: skip
        """The outside person calls ``did(behaviour)``, waits ``patience`` seconds and hangs up ``talk`` seconds after
        the answer; ``keys`` are pressed then, ``w`` is half a second. ``number`` is what is shown of ``caller``."""
        more = ({"WITHHELD": "yes"} if withheld else {}) | ({"KEYS": keys} if keys else {})
        await self._dial("trunk", number or self.caller, self.did(behaviour), name, patience, talk, more)

    async def call_from(self, phone: int, to: str, *, patience: float = 30, talk: float | None = None) -> None:
        """One of our phones dials ``to``."""
        await self._dial(self.phone(phone), self.phone(phone), to, "", patience, talk, {})

    async def _dial(
        self, who: str, number: str, to: str, name: str, patience: float, talk: float | None, more: dict[str, str]
    ) -> None:
        variables = {"TO": to, "PATIENCE": str(patience), "WHO": who, **more}
        if talk is not None:
            variables["TALK"] = str(int(talk * 1000))
        await self.world.action(
            "Originate", Channel="Local/s@caller/n", Context="silence", Exten="s", Priority="1",
            CallerID=f'"{name}" <{number}>', Timeout="90000", Async="true", variables=variables,
        )  # fmt: skip

    async def caller_channel(self) -> str:
        """The PBX's channel from the provider on which the outside person's call came."""

        def channels() -> list[str]:
            return [
                event["Channel"]
                for event in self.pbx.events
                if event.get("Event") == "Newchannel" and event.get("CallerIDNum") == self.caller
            ]

        await self.pbx.wait_for(lambda: bool(channels()), f"a call of {self.caller}")
        return channels()[0]

    async def parked_at(self, channel: str) -> str:
        """The number under which that channel is parked, once it is."""

        def spaces() -> list[str]:
            return [
                event["ParkingSpace"]
                for event in self.pbx.events
                if event.get("Event") == "ParkedCall" and event.get("ParkeeChannel") == channel
            ]

        await self.pbx.wait_for(lambda: bool(spaces()), f"{channel} parked")
        return spaces()[0]

    async def channel_of(self, phone: int) -> str:
        """The PBX's channel to or from that phone, once there is one."""
        prefix = f"PJSIP/{self.phone(phone)}-"

        def channels() -> list[str]:
            return sorted(name for name in self.pbx.open_channels() if name.startswith(prefix))

        await self.pbx.wait_for(lambda: bool(channels()), f"a channel {prefix}")
        return channels()[0]

    async def talking(self, phone: int) -> None:
        """Return when that phone has entered a bridge."""
        await self._heard(phone, {"Event": "BridgeEnter"})

    async def ringing(self, phone: int) -> None:
        """Return when that phone rings."""
        await self._heard(phone, {"Event": "Newstate", "ChannelStateDesc": "Ringing"})

    async def _heard(self, phone: int, wanted: Headers) -> None:
        """Return when the PBX has sent such an event for a channel of that phone."""
        prefix = f"PJSIP/{self.phone(phone)}-"
        await self.pbx.wait_for(
            lambda: any(
                event.get("Channel", "").startswith(prefix) and wanted.items() <= event.items()
                for event in self.pbx.events
            ),
            f"{wanted} of {prefix}",
        )
