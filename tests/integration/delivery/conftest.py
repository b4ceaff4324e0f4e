"""A receiver that is listening."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.receiver import Receiver


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver on a free port."""
    started = Receiver()
    await started.start()
    yield started
    await started.stop()
