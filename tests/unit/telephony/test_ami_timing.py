"""Time-outs and pauses, without time."""

from __future__ import annotations

import asyncio

import pytest

from gateway.telephony.ami.timing import Backoff, within
from tests.unit.telephony.fakes import FakeTime, turns


async def test_work_that_is_done_in_time_gives_its_result() -> None:
    time = FakeTime()

    async def work() -> str:
        await time.sleep(2)
        return "done"

    task = asyncio.create_task(within(3, work(), time.sleep))
    await time.advance(2)
    assert await task == "done"


async def test_work_that_takes_too_long_is_cancelled() -> None:
    time = FakeTime()
    work = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(within(3, work, time.sleep))
    await time.advance(2.9)
    assert not task.done()
    await time.advance(0.2)
    with pytest.raises(TimeoutError):
        await task
    assert work.cancelled()


async def test_an_error_of_the_work_comes_through_and_a_cancel_reaches_it() -> None:
    time = FakeTime()

    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await within(3, fail(), time.sleep)
    work = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(within(3, work, time.sleep))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert work.cancelled()


def test_pauses_double_up_to_the_ceiling_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(1, 30, chance=lambda: 0.0)
    assert [backoff.next() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next() == 1


def test_chance_shortens_a_pause_by_up_to_a_half() -> None:
    assert Backoff(10, 30, chance=lambda: 0.999999).next() == pytest.approx(5, abs=0.01)
    pauses = {Backoff(10, 30).next() for _ in range(50)}
    assert len(pauses) > 1
    assert all(5 <= pause <= 10 for pause in pauses)
