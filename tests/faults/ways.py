"""The ways in: each sends one customer through its door, and knows when the door has said that the item is safe."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE, letter, names_of, phone_of
from tests.faults.clients import send_form, send_letter
from tests.faults.exchange import Exchange, callers
from tests.peers.dovecot import PASSWORD, DovecotServer
from tests.support.ports import LOOPBACK
from tests.support.process import Installation

SYSTEM_CALLS = ("pwrite64", "fdatasync", "sendto")
"""A page into the write-ahead log; the log to the disk; a word to a client, a CRM, or from the writer to the loop."""


@dataclass(kw_only=True)
class Way:
    """A way in. The ledger's names are those of tests/acceptance/load.py, and of tests/faults/exchange.py for calls."""

    more: str
    """Its tables of the configuration."""
    tell: Callable[[Installation, int], Awaitable[str]]
    """Sends the customer with this number once; the name that the door took it under, or nothing."""
    person: Callable[[str], str]
    """The name of an item to the handle by which a CRM knows who sent it."""
    calls: tuple[str, ...] = SYSTEM_CALLS
    """The system calls to die at."""
    reaches_crm: bool = True
    """Whether what it brings is with the CRM a moment later; otherwise only the door's own word is waited for."""
    ledger: Ledger = field(default_factory=Ledger)


def form() -> Way:
    """A web form, with its idempotency key."""
    ledger = Ledger()

    async def tell(installation: Installation, number: int) -> str:
        return await _note(ledger, f"form-{number}", send_form, 200, installation)

    return Way(more=FORM_TABLE, tell=tell, person=_phone, ledger=ledger)


def smtp() -> Way:
    """A letter from a mail server that sends it again until it gets its 250."""
    ledger = Ledger()

    async def tell(installation: Installation, number: int) -> str:
        return await _note(ledger, f"mail-{number}", send_letter, 250, installation)

    return Way(more="", tell=tell, person=_address, ledger=ledger)


def spool() -> Way:
    """A web form while another program holds the database: it goes to the spool, and from there into the journal."""
    ledger = Ledger()

    async def tell(installation: Installation, number: int) -> str:
        other = sqlite3.connect(installation.data / "leadgate.db", isolation_level=None, timeout=30)
        try:
            other.execute("BEGIN IMMEDIATE")
            return await _note(ledger, f"form-{number}", send_form, 200, installation)
        finally:
            other.close()

    return Way(
        more=FORM_TABLE, tell=tell, person=_phone, ledger=ledger, reaches_crm=True,
        calls=("write", "fsync", "rename", "unlink"),
    )  # fmt: skip


def imap(server: DovecotServer) -> Way:
    """A letter in a mailbox: from the moment that it lies there, Leadgate owes it."""
    ledger = Ledger()
    user = server.new_user()
    server.maildir(user)

    async def tell(_installation: Installation, number: int) -> str:
        name = f"mail-{number}"
        if name not in ledger.sent:
            ledger.sent.add(name)
            await asyncio.to_thread(server.deliver, user, letter(number, name).as_bytes())
            ledger.acknowledged.add(name)
        return name

    return Way(more=mailbox_table(server.port, user), tell=tell, person=_address, ledger=ledger)


def mailbox_table(port: int, user: str) -> str:
    """A mailbox of the test's Dovecot, at ``port``, with all its letters."""
    return (
        f'[[mailbox]]\nname = "sales"\nhost = "{LOOPBACK}"\nport = {port}\ntls = "none"\nusername = "{user}"\n'
        f'password = "{PASSWORD}"\nsince = "all"\nsent_folder = ""\n'
    )


def calls(exchange: Exchange) -> Way:
    """A caller who gives up: told by the AMI, and written into the log of the PBX."""
    told: dict[int, str] = {}

    async def tell(_installation: Installation, number: int) -> str:
        if number not in told:
            told[number] = await exchange.call()
        return told[number]

    def person(name: str) -> str:
        return name.removeprefix("call-")

    return Way(more=exchange.config(), tell=tell, person=person, ledger=exchange.ledger)


async def _note(
    ledger: Ledger, name: str, send: Callable[[Installation, str], Awaitable[int]], good: int, to: Installation
) -> str:
    ledger.sent.add(name)
    if (code := await send(to, name)) != good:
        print(f"{name}: {code}")
        return ""
    ledger.acknowledged.add(name)
    return name


def _phone(name: str) -> str:
    return phone_of(int(name.rpartition("-")[2]))


def _address(name: str) -> str:
    return f"customer{name.rpartition('-')[2]}@customers.example"


def names_of_all(interactions: list[dict[str, Any]]) -> list[str]:
    """The ledger's names of what is stored, calls among it."""
    return names_of([item for item in interactions if item["channel"] != "call"]) + callers(interactions)


def person_of(name: str) -> str:
    """The handle by which a CRM knows who sent the item that the ledger calls so."""
    kind, _, rest = name.partition("-")
    return {"form": _phone, "mail": _address}[kind](name) if kind != "call" else rest


def people_told(documents: list[dict[str, Any]]) -> list[str]:
    """The handles of the leads that a CRM was told of, as often as it was."""
    leads = [document["data"]["contact"] for document in documents if document["type"] == "lead.created"]
    return [handle for contact in leads for handle in (*contact["phones"], *contact["emails"])]
