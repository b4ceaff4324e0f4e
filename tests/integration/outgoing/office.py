"""A worker on a real store with a real submission server, for tests of what becomes of letters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from gateway.core.clock import new_id
from gateway.mail.identity import letter_digest
from gateway.outgoing.claims import Senders
from gateway.outgoing.history import History
from gateway.outgoing.notices import NoticeRules
from gateway.outgoing.queue import Letter, put_letter
from gateway.outgoing.settings import NoticesSettings, SenderSettings
from gateway.outgoing.submission import Credentials, SubmissionError
from gateway.outgoing.worker import OutgoingWorker
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Outgoing, OutgoingAttempt
from tests.support.clock import MONDAY, FakeClock
from tests.support.patience import PATIENCE
from tests.support.sink import RecordingSink
from tests.support.submission import SubmissionServer


@dataclass
class RecordingPoster:
    """Implements ``outgoing.worker.Poster`` in memory."""

    posted: list[tuple[str, bytes]] = field(default_factory=list)
    errors: list[SubmissionError] = field(default_factory=list)
    """Raised by the next posts."""

    async def post(self, url: str, body: bytes) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.posted.append((url, body))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Office:
    """What a test works with."""

    store: Store
    server: SubmissionServer
    senders: Senders
    notices: NoticesSettings = field(default_factory=NoticesSettings)
    clock: FakeClock = field(default_factory=FakeClock)
    sink: RecordingSink = field(default_factory=RecordingSink)
    poster: RecordingPoster = field(default_factory=RecordingPoster)
    credentials: Credentials | None = None
    keep: timedelta | None = timedelta(days=730)

    def worker(self) -> OutgoingWorker:
        """One more worker; a second one after a crash of the first."""

        async def sign_in(_sender: SenderSettings) -> Credentials | None:
            return self.credentials

        return OutgoingWorker(
            store=self.store,
            clock=self.clock,
            new_id=new_id,
            senders=self.senders,
            notices=NoticeRules(
                settings=self.notices,
                has_sender=self.senders.default is not None,
                base_url="https://leads.example.com",
                language="ru",
            ),
            history=History(self.sink, self.store, self.clock, letter_digest),
            sign_in=sign_in,
            poster=self.poster,
            keep=self.keep,
            random=lambda: 0.0,
            poll=0.02,
            stop_seconds=0.5,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OutgoingWorker]:
        """A worker at work."""
        worker = self.worker()
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()

    async def put(self, key: str = "1", **changed: Any) -> str:
        """Put an answer to a customer out; its id."""
        facts: dict[str, Any] = {
            "to": ("ivan@example.com",), "subject": "Re: Насос", "text": "Есть в наличии.", "purpose": "answer",
        }  # fmt: skip
        letter = Letter(**(facts | changed))
        put = await self.store.write(lambda c: put_letter(c, letter, key=key, at=self.clock.now(), new_id=new_id))
        assert put is not None
        return put

    async def manager(self, manager_id: str = "m1", **changed: Any) -> None:
        """A manager who can be told."""
        facts = {
            "id": manager_id, "login": manager_id, "name": "Анна", "role": "manager", "email": "anna@shop.example",
            "extensions": [], "created_at": MONDAY,
        }  # fmt: skip
        await self.store.write(lambda c: c.execute(insert(Manager).values(**(facts | changed))))

    def row(self, letter_id: str) -> Any:
        """The stored letter."""
        return self.store.peek(lambda c: c.execute(select(Outgoing).where(Outgoing.id == letter_id)).one())

    def rows(self, **where: str) -> list[Any]:
        """All rows with these values, the oldest first."""
        query = select(Outgoing).filter_by(**where).order_by(Outgoing.id)
        return list(self.store.peek(lambda c: c.execute(query).all()))

    def attempts(self, letter_id: str) -> list[str | None]:
        """Results of the tries."""
        query = select(OutgoingAttempt.result).where(OutgoingAttempt.outgoing_id == letter_id)
        return list(self.store.peek(lambda c: c.execute(query.order_by(OutgoingAttempt.id)).scalars().all()))

    async def until(self, state: str, letter_id: str) -> Any:
        """The row once it is in ``state``."""
        await eventually(lambda: self.row(letter_id).state == state)
        return self.row(letter_id)


async def eventually(condition: Callable[[], bool]) -> None:
    """Return as soon as it is so; fail after PATIENCE."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def sender(port: int, name: str = "sales", **changed: Any) -> SenderSettings:
    facts: dict[str, Any] = {
        "name": name, "host": "127.0.0.1", "port": port, "tls": "none", "address": f"{name}@shop.example",
        "display_name": "Магазин",
    }  # fmt: skip
    return SenderSettings(**(facts | changed))


def senders(*all_of_them: SenderSettings) -> Senders:
    """The first is the default one."""
    return Senders(by_name={one.name: one for one in all_of_them}, default=all_of_them[0] if all_of_them else None)
