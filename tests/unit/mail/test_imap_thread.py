"""The thread of a mailbox: results, errors, and being left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.mail.imap.thread import MailboxThread


@pytest.fixture
def left() -> threading.Event:
    return threading.Event()


async def test_calls_run_one_after_the_other_in_one_other_thread(left: threading.Event) -> None:
    thread = MailboxThread("test", 5)
    names = await asyncio.gather(*(thread.call(lambda: threading.current_thread().name) for _ in range(3)))
    assert set(names) == {"test"}
    thread.leave(left.set)
    assert await asyncio.to_thread(left.wait, 5)


@pytest.mark.parametrize("error", [OSError("gone"), AssertionError("nonsense"), SystemExit(3)])
async def test_what_a_call_raises_comes_to_the_caller_and_the_thread_lives_on(
    left: threading.Event, error: BaseException
) -> None:
    thread = MailboxThread("test", 5)

    def fail() -> None:
        raise error

    with pytest.raises(RuntimeError if isinstance(error, SystemExit) else type(error)):
        await thread.call(fail)
    assert await thread.call(lambda: 1) == 1
    thread.leave(left.set)
    assert await asyncio.to_thread(left.wait, 5)


async def test_a_call_that_takes_too_long_is_given_up_and_the_rest_is_done_when_it_ends(left: threading.Event) -> None:
    thread = MailboxThread("test", 0.05)
    hold = threading.Event()
    with pytest.raises(TimeoutError):
        await thread.call(hold.wait)
    thread.leave(left.set)
    assert not left.is_set()
    hold.set()
    assert await asyncio.to_thread(left.wait, 5)
