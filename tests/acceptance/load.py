"""Customers: they send forms and mails one after the other, whatever happens to the gateway, and keep the ledger.

Each item is from another person and carries its own name. Of the items that were not acknowledged, every second is sent
again until it is (as a mail server or a site's hook does), the others are given up (as a visitor does).
"""

from __future__ import annotations

import asyncio
import itertools
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import aiohttp

from tests.acceptance.ledger import Ledger
from tests.support.ports import LOOPBACK
from tests.support.process import Installation

FORM_KEY = "site"
FORM_LABEL = "order"
FORM_TABLE = f'[[form]]\nkey = "{FORM_KEY}"\nper_minute = 1000000\nper_address = 1000000\n'
"""The form for the configuration; all customers share one address, so without limits."""

FORM_CUSTOMERS = 4
MAIL_CUSTOMERS = 3
PAUSE = 0.02
"""Seconds between two items of a customer: enough load for group commits, not more than a shared machine can bear."""
ANSWER_SECONDS = 10.0


class Load:
    """All customers together. ``async with`` it: they begin, and at the end each finishes the item it is at."""

    def __init__(self, installation: Installation, *, forms: int = FORM_CUSTOMERS, mails: int = MAIL_CUSTOMERS) -> None:
        self.ledger = Ledger()
        self._forms_at_once, self._mails_at_once = forms, mails
        self._installation = installation
        self._numbers = itertools.count(1)
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        for number in range(self._forms_at_once):
            self._tasks.append(asyncio.create_task(self._forms(), name=f"form customer {number}"))
        for number in range(self._mails_at_once):
            self._tasks.append(asyncio.create_task(self._mails(), name=f"mail customer {number}"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._enough.set()
        await asyncio.gather(*self._tasks)

    async def acknowledged(self, count: int) -> None:
        """Return when that many items were acknowledged."""
        while len(self.ledger.acknowledged) < count:
            await asyncio.sleep(PAUSE)

    async def _forms(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as session:
            for number in self._items():
                while not await self._form(session, number) and await self._again(number):
                    pass

    async def _mails(self) -> None:
        for number in self._items():
            while not await self._mail(number) and await self._again(number):
                pass

    def _items(self) -> Iterator[int]:
        while not self._enough.is_set():
            yield next(self._numbers)

    async def _again(self, number: int) -> bool:
        await asyncio.sleep(PAUSE)
        return number % 2 == 0 and not self._enough.is_set()

    async def _form(self, session: aiohttp.ClientSession, number: int) -> bool:
        name = f"form-{number}"
        self.ledger.sent.add(name)
        try:
            async with session.post(
                f"http://{LOOPBACK}:{self._installation.public}/f/{FORM_KEY}",
                data={"name": f"Customer {number}", "phone": phone_of(number), FORM_LABEL: name},
                headers={"Idempotency-Key": name},
            ) as answer:
                if answer.status == 200 and (await answer.json())["status"] in ("stored", "duplicate"):
                    self.ledger.acknowledged.add(name)
                    await asyncio.sleep(PAUSE)
                    return True
        except (aiohttp.ClientError, TimeoutError):
            return False
        return False

    async def _mail(self, number: int) -> bool:
        name = f"mail-{number}"
        self.ledger.sent.add(name)
        try:
            await asyncio.to_thread(_send, self._installation.smtp, letter(number, name))
        except (smtplib.SMTPException, OSError):
            return False
        self.ledger.acknowledged.add(name)
        await asyncio.sleep(PAUSE)
        return True


def phone_of(number: int) -> str:
    """A mobile number for each person."""
    return f"+7926{number:07d}"


def letter(number: int, name: str) -> EmailMessage:
    """A letter whose subject is its name; the same number gives the same bytes."""
    message = EmailMessage()
    message["From"] = f"Customer {number} <customer{number}@customers.example>"
    message["To"] = "sales@example.com"
    message["Subject"] = name
    message["Date"] = "Sun, 22 Nov 2026 10:00:00 +0300"
    message["Message-ID"] = f"<{name}@customers.example>"
    message.set_content(f"Please call me.\n\nCustomer {number}\n")
    return message


def _send(port: int, message: EmailMessage) -> None:
    with smtplib.SMTP(LOOPBACK, port, timeout=ANSWER_SECONDS) as session:
        session.send_message(message)


def names_of(interactions: list[dict[str, Any]]) -> list[str]:
    """The names that stored interactions carry: forms in their field, mails in their subject."""
    return [_name_of(item) for item in interactions]


def _name_of(item: dict[str, Any]) -> str:
    if item["channel"] == "mail":
        return item["subject"] or f"a mail without a subject: {item['id']}"
    found = [value for value in item["fields"].values() if value.startswith("form-")]
    return found[0] if found else f"a form without its field: {item['id']}"
