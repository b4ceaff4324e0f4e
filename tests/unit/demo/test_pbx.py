"""When and how the demo PBX plays calls; what it says on the wire is tested with the real client."""

from __future__ import annotations

import asyncio

import pytest

from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Recording, parse
from tests.unit.telephony.fakes import START, FakeTime


def call(*times: float) -> Recording:
    events = [f"Event: Newchannel\r\nTimestamp: {1000000000 + at:.6f}\r\nUniqueid: {at}\r\n\r\n" for at in times]
    return parse("".join(events).encode(), "sample")


class Listener(PbxServer):
    """Notes when each event is sent, instead of sending it."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__(username="u", secret="s", clock=time, sleep=time.sleep)
        self.time = time
        self.sent: list[tuple[float, float]] = []
        """Moment of sending and the event's own time, both in seconds after START."""

    async def send_raw(self, data: bytes) -> None:
        stamp = data.split(b"Timestamp: ")[1].split(b"\r\n")[0]
        self.sent.append((self.time.seconds, float(stamp) - START.timestamp()))


@pytest.mark.parametrize(
    ("speed", "moments", "stamps"),
    [
        (1.0, [0, 2, 10], [0, 2, 10]),
        (5.0, [0, 0.4, 2], [-8, -6, 2]),
        (float("inf"), [0, 0, 0], [-10, -8, 0]),
    ],
)
async def test_a_play_keeps_the_recorded_pace_and_none_ends_in_the_future(
    speed: float, moments: list[float], stamps: list[float]
) -> None:
    time = FakeTime()
    server = Listener(time)
    playing = asyncio.create_task(server.play(call(0, 2, 10), speed=speed))
    await time.advance(10)
    await playing
    assert [sent for sent, _ in server.sent] == pytest.approx(moments)
    assert [stamp for _, stamp in server.sent] == pytest.approx(stamps)


async def test_a_server_that_is_not_started_has_no_port_and_stops_quietly() -> None:
    server = PbxServer(username="u", secret="s", clock=FakeTime(), mischief=Mischief(silent=True))
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.port
    await server.stop()
