"""A fake CRM that listens, and the adapter that speaks to it: what each test of the contract has before it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from crm_adapter.base import CrmError, Event
from crm_adapter.links import MemoryLinks
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import FakeCrm

PATIENCE = 10.0
"""Seconds after which a push counts as hung."""
MOST_TRIES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A fake CRM that listens, and the adapter that speaks to it."""

    fake: FakeCrm
    adapter: RecordAdapter
    links: MemoryLinks = field(default_factory=MemoryLinks)

    async def push(self, *happened: Event) -> None:
        """Push each until it is done, as the worker does; after MOST_TRIES the error comes out."""
        for event in happened:
            for attempt in range(1, MOST_TRIES + 1):
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self.adapter.push(events.again(event, attempt))
                    break
                except CrmError as error:
                    if not error.retryable or attempt == MOST_TRIES:
                        raise

    async def error_of(self, event: Event) -> CrmError:
        """The error of one push; fails where there is none, another kind, or no end."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.adapter.push(event)
        except CrmError as error:
            return error
        except TimeoutError:
            raise AssertionError(f"push was not over after {PATIENCE} s: the adapter needs a time-out") from None
        raise AssertionError("push succeeded although the CRM failed")

    async def id_of(self, kind: str, person: int) -> str:
        """The CRM's id of a person's ``contact`` or ``lead``."""
        link = await self.links.get(kind, events.ident({"contact": 1, "lead": 2}[kind], person))
        assert link is not None
        assert link.remote_id is not None
        return link.remote_id

    def shown(self, kind: str) -> list[dict[str, Any]]:
        """What the CRM has of a kind."""
        return self.fake.shown()[kind]
