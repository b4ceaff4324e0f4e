"""Starting in order, stopping in reverse, whatever one part does."""

from __future__ import annotations

import asyncio

import pytest

from gateway.app import services
from gateway.app.services import Storeys
from gateway.core.errors import ConfigError


class Part:
    """Writes down what happens to it; can be told to fail or to hang."""

    def __init__(self, name: str, diary: list[str], *, fails: str = "") -> None:
        self.name = name
        self._diary = diary
        self._fails = fails

    async def start(self) -> None:
        if self._fails == "start":
            raise ConfigError(f"{self.name} can't start")
        self._diary.append(f"+{self.name}")

    async def stop(self) -> None:
        if self._fails == "stop":
            raise RuntimeError("stuck")
        if self._fails == "hang":
            await asyncio.Event().wait()
        self._diary.append(f"-{self.name}")


def house(*storeys: list[Part]) -> Storeys:
    return Storeys([[(part.name, part) for part in storey] for storey in storeys])


async def test_parts_start_from_the_ground_up_and_stop_from_the_top_down() -> None:
    diary: list[str] = []
    storeys = house([Part("store", diary)], [Part("sink", diary)], [Part("smtp", diary), Part("web", diary)])
    await storeys.start()
    await storeys.stop()
    assert diary == ["+store", "+sink", "+smtp", "+web", "-web", "-smtp", "-sink", "-store"]


async def test_a_part_that_can_not_start_stops_those_before_it() -> None:
    diary: list[str] = []
    storeys = house([Part("store", diary)], [Part("smtp", diary), Part("web", diary, fails="start")])
    with pytest.raises(ConfigError, match="web can't start"):
        await storeys.start()
    assert diary == ["+store", "+smtp", "-smtp", "-store"]


@pytest.mark.parametrize("fails", ["stop", "hang"])
async def test_a_part_that_does_not_stop_does_not_keep_the_others_up(
    fails: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "STOP_SECONDS", 0.05)
    diary: list[str] = []
    storeys = house([Part("store", diary)], [Part("web", diary, fails=fails)])
    await storeys.start()
    await storeys.stop()
    assert diary[-1] == "-store"
    assert [record.part for record in caplog.records] == ["web"]  # type: ignore[attr-defined]


async def test_stopping_twice_stops_once() -> None:
    diary: list[str] = []
    storeys = house([Part("store", diary)])
    await storeys.start()
    await storeys.stop()
    await storeys.stop()
    assert diary == ["+store", "-store"]
