"""A submission server and an office that sends through it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.storage.store import Store
from tests.integration.outgoing.office import Office, sender, senders
from tests.support.submission import SubmissionServer


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SubmissionServer]:
    started = await SubmissionServer().start()
    yield started
    await started.stop()


@pytest.fixture
def office(store: Store, server: SubmissionServer) -> Office:
    return Office(store, server, senders(sender(server.port), sender(server.port, "support")))


@pytest.fixture
def any_office(any_store: Store, server: SubmissionServer) -> Office:
    """The same on each of the two databases."""
    return Office(any_store, server, senders(sender(server.port), sender(server.port, "support")))
