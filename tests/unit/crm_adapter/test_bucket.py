"""The rate limit on our side."""

from __future__ import annotations

import asyncio

import pytest

from crm_adapter.bucket import Bucket


class Time:
    """Moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


async def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    time = Time()
    bucket = Bucket(2, 3, clock=time.clock, sleep=time.sleep)
    for _ in range(7):
        await bucket.take()
    assert time.slept == [0.5] * 4
    time.now += 100
    for _ in range(3):
        await bucket.take()
    assert len(time.slept) == 4, "after a rest there is a burst again, and no more than one"


async def test_those_who_wait_have_turns_of_their_own() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    bucket = Bucket(10, 1, clock=lambda: 0.0, sleep=sleep)
    await asyncio.gather(*(bucket.take() for _ in range(4)))
    assert slept == pytest.approx([0.1, 0.2, 0.3])


async def test_one_that_is_cancelled_gives_its_turn_back() -> None:
    async def sleep(_: float) -> None:
        raise asyncio.CancelledError

    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    bucket = Bucket(1, 1, clock=lambda: 0.0, sleep=sleep)
    await bucket.take()
    with pytest.raises(asyncio.CancelledError):
        await bucket.take()
    bucket._sleep = note
    await bucket.take()
    assert slept == [1.0]


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_without_room_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate above 0"):
        Bucket(rate, burst)
