"""What is handed over for a letter of a mailbox, and what IMAP adds to its draft."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.types import Direction, Draft, Json, Phase
from gateway.mail.identity import letter_digest
from gateway.mail.imap.letters import MailboxInterpreter, cursor_name, inbound_of
from gateway.mail.imap.place import Listed
from gateway.mail.imap.session import Letter, lost_letter
from gateway.mail.settings import MailboxSettings

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ARRIVED = NOW - timedelta(days=10)
RAW = b"Message-ID: <1@x>\r\nSubject: Price\r\n\r\nHello\r\n"
SETTINGS = MailboxSettings(name="sales", host="imap.example.com", username="Sales@Company.example")


def letter(problem: str | None = None) -> Letter:
    listed = Listed(uid=5, size=len(RAW), arrived=ARRIVED)
    return Letter(listed=listed, raw=RAW, digest=letter_digest(RAW, ARRIVED), problem=problem)


class Parsing:
    """Stands for the mail room's interpreter, and remembers when a letter was said to have come."""

    def __init__(self) -> None:
        self.came_at: list[datetime] = []

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        self.came_at.append(received_at)
        return Draft(direction=Direction.INBOUND, phase=Phase.ENDED, occurred_at=received_at, problems=("No date",))


def test_key_is_that_of_the_same_letter_by_smtp() -> None:
    item = inbound_of(letter(), SETTINGS, "INBOX", 7, received_at=NOW)
    assert item.key == item.dedup_key == f"mail:{letter_digest(b'Received: x' + bytes([13, 10]) + RAW, NOW)}"
    assert (item.connector, item.source, item.received_at, item.raw) == ("imap", "sales", NOW, RAW)


def test_meta_says_where_the_letter_lies_and_to_whom_it_was_delivered() -> None:
    meta = inbound_of(letter(), SETTINGS, "Лиды", 7, received_at=NOW).meta
    assert meta == {
        "mailbox": "sales", "folder": "Лиды", "uidvalidity": 7, "uid": 5, "size": len(RAW),
        "arrived": ARRIVED.isoformat(), "rcpt_to": ["sales@company.example"],
    }  # fmt: skip
    assert cursor_name("sales", "Лиды") == "imap:sales/Лиды"


def test_letter_that_could_not_be_had_is_told_from_others_by_its_place() -> None:
    items = [
        inbound_of(lost_letter(Listed(uid=uid, size=1, arrived=None)), SETTINGS, "INBOX", 7, received_at=NOW)
        for uid in (5, 6)
    ]
    assert [item.key for item in items] == ["imap:sales/INBOX/7/5", "imap:sales/INBOX/7/6"]
    assert all("Look into the mailbox" in item.meta["problem"] for item in items)


@pytest.mark.parametrize(
    ("arrived", "came_at"),
    [
        (ARRIVED.isoformat(), ARRIVED),
        ((NOW + timedelta(days=400)).isoformat(), NOW),  # a server whose clock is wrong
        (None, NOW),
    ],
)
async def test_letter_came_when_the_server_took_it_not_when_it_was_fetched(
    arrived: str | None, came_at: datetime
) -> None:
    parsing = Parsing()
    await MailboxInterpreter(parsing).interpret(RAW, {"arrived": arrived, "mailbox": "sales"}, NOW)
    assert parsing.came_at == [came_at]


async def test_draft_names_the_mailbox_and_what_was_wrong_first() -> None:
    meta = inbound_of(letter("Too large"), SETTINGS, "INBOX", 7, received_at=NOW).meta
    draft = await MailboxInterpreter(Parsing()).interpret(RAW, meta, NOW)
    assert draft.source.name == "sales"
    assert draft.problems == ("Too large", "No date")


async def test_draft_without_anything_to_add_stays_as_it_is() -> None:
    draft = await MailboxInterpreter(Parsing()).interpret(RAW, {}, NOW)
    assert (draft.source.name, draft.problems) == (None, ("No date",))
