"""A whole gateway with a submission server: what comes in by SMTP, what goes out, what the history says."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.by import By
from gateway.core.clock import SystemClock, new_id
from gateway.outgoing.answers import Answer, AnswerDesk, Answered
from gateway.storage.tables import Interaction, Lead, Outgoing
from tests.integration.outgoing.office import eventually
from tests.support.ports import LOOPBACK, free_ports
from tests.support.submission import SubmissionServer


def letter(
    sender: str = "ivan@example.com",
    *,
    subject: str = "Насос",
    text: str = "Сколько стоит?",
    number: int = 1,
    **headers: str,
) -> bytes:
    """A customer's letter. Headers by their names with ``_`` for ``-``."""
    facts = {
        "From": sender, "To": "sales@shop.example", "Message-ID": f"<{number}.{sender}>", "Subject": subject,
        "Date": "Mon, 23 Nov 2026 12:00:00 +0300", "Content-Type": "text/plain; charset=utf-8",
    }  # fmt: skip
    facts |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in facts.items())
    return f"{head}\r\n{text}\r\n".encode()


@dataclass
class House:
    """A running gateway, driven through its real doors."""

    gateway: Gateway
    smtp: int
    server: SubmissionServer

    async def receive(self, raw: bytes, mail_from: str = "ivan@example.com") -> None:
        """A mail server delivers a letter to us."""

        def talk() -> None:
            with smtplib.SMTP(LOOPBACK, self.smtp, timeout=10) as connection:
                connection.sendmail(mail_from, ["sales@shop.example"], raw)

        await asyncio.to_thread(talk)

    def interactions(self, **where: Any) -> list[Any]:
        """Those that were understood, the oldest first."""
        query = select(Interaction).where(Interaction.phase == "ended").filter_by(**where).order_by(Interaction.id)
        return list(self.gateway.store.peek(lambda c: c.execute(query).all()))

    def leads(self) -> list[Any]:
        return list(self.gateway.store.peek(lambda c: c.execute(select(Lead).order_by(Lead.id)).all()))

    def outgoing(self, **where: Any) -> list[Any]:
        query = select(Outgoing).filter_by(**where).order_by(Outgoing.id)
        return list(self.gateway.store.peek(lambda c: c.execute(query).all()))

    async def got(self, count: int, **where: Any) -> list[Any]:
        """The interactions once there are ``count`` of them."""
        await eventually(lambda: len(self.interactions(**where)) >= count)
        found = self.interactions(**where)
        assert len(found) == count
        return found

    async def answer(
        self, lead_id: str, text: str = "Тысяча рублей.", manager: str | None = None, **changed: Any
    ) -> Answered:
        """A program answers, or the manager with this id."""
        desk = AnswerDesk(self.gateway.post.senders, language="ru")
        by = By(actor="token:t", manager_id=manager, at=SystemClock().now(), new_id=new_id)
        wanted = Answer(text=text, **changed)
        answered = await self.gateway.store.write(lambda c: desk.answer_lead(c, lead_id, wanted, by))
        self.gateway.post.kick()
        return answered


@asynccontextmanager
async def house(
    folder: Path, server: SubmissionServer, more: str = "", address: str = "sales@shop.example"
) -> AsyncIterator[House]:
    """``more``: further tables of the configuration."""
    web, smtp = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "leadgate.toml"
    config.write_text(
        f"""
[gateway]
own_addresses = ["{address}"]
[web]
public = "{LOOPBACK}:{web}"
private = "{LOOPBACK}:{web}"
[smtp]
listen = "{LOOPBACK}:{smtp}"
[[sender]]
name = "sales"
host = "{LOOPBACK}"
port = {server.port}
tls = "none"
address = "{address}"
{more}
""",
        encoding="utf-8",
    )
    gateway = Gateway(Settings.load(config, {}).with_data(str(folder / "data")), SystemClock(), new_id)
    await gateway.start()
    try:
        yield House(gateway, smtp, server)
    finally:
        await gateway.stop()
