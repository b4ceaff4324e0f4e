"""One thread for one mailbox: imapclient blocks, and one connection must not be used by two threads.

The thread is a daemon and may be left behind: a server that answers nothing holds it until the socket's own time-out,
and neither another mailbox nor the end of the program waits for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], Any], "asyncio.Future[Any] | None"]
"""The last job has no future."""


class MailboxThread:
    """Runs blocking calls one after the other, away from the event loop."""

    def __init__(self, name: str, seconds: float) -> None:
        """``seconds``: the longest call."""
        self._seconds = seconds
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[], T]) -> T:
        """The result of ``work``. Raises what it raises, and TimeoutError when it takes too long: then leave it."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, future))
        async with asyncio.timeout(self._seconds):
            return await future

    def leave(self, last: Callable[[], None]) -> None:
        """Take no more work; the thread ends after what it is doing now and ``last``, which must not raise."""
        self._jobs.put((last, None))

    def _work(self) -> None:
        while True:
            work, future = self._jobs.get()
            if future is None:
                work()
                return
            try:
                result, error = work(), None
            except BaseException as raised:  # it belongs to whoever asked, whatever it is
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # given up meanwhile
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # asyncio can't carry a StopIteration, and the others would end the event loop
        future.set_exception(RuntimeError(repr(error)))
