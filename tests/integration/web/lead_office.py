"""A small office with everything that the card of a lead can do, for the tests of its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert

from gateway.app.leadwork import LeadWork
from gateway.config.settings import Settings
from gateway.core.types import Attachment
from gateway.mail.show import harmless_html
from gateway.outgoing.answers import AnswerDesk
from gateway.outgoing.claims import Senders
from gateway.outgoing.settings import SenderSettings
from gateway.storage.store import Store
from gateway.storage.tables import Journal
from gateway.web.api.calls import call_writes
from gateway.web.api.letters import LetterDesk
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.means import no_pages
from gateway.web.pages.ringing import RingingPages
from gateway.web.settings import WebSettings
from tests.integration.web.site import Site, running_site
from tests.integration.web.test_callbacks_api import Phones
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.desk import KeptEvents
from tests.support.seed import add_contact, add_interaction, add_lead, add_manager, add_office

OWN_ONLY = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")
SENDER = SenderSettings(name="sales", host="mail.example.com", address="sales@example.com")
OTHER_SENDER = SenderSettings(name="info", host="mail.example.com", address="info@example.com")
SOUND = b"RIFF" + bytes(200)
LETTER = (
    b"From: ivan@example.com\r\nSubject: Re: kitchen\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"\r\n<p onclick='steal()'>The <b>plan</b> of the room</p><script>steal()</script>"
)
QUOTED = "21.11.2026 12:05, Анна пишет:\n> Пришлите план."


class Reader:
    """Reads letters, as ``mail.interpreter.MailInterpreter`` does it in another process."""

    async def attachment(self, raw: bytes, number: int, received_at: datetime) -> tuple[Attachment, bytes] | None:
        return None

    async def html(self, raw: bytes, received_at: datetime) -> str | None:
        return harmless_html(raw)


@asynccontextmanager
async def lead_site(store: Store, folder: Path, phones: Phones) -> AsyncIterator[Site]:
    """A site where managers see their own; Anna owns the lead of Ivan, Boris one of Petr's, nobody the caller's."""
    settings = Settings.load(None, {}).with_data(str(folder))
    work = LeadWork(
        settings,
        store,
        FakeClock(),
        counting_ids("w"),
        outgoing=KeptEvents(),
        is_own=lambda _: False,
        calendar_of=lambda _: None,
        on_changed=lambda: None,
    )
    senders = Senders(by_name={"sales": SENDER, "info": OTHER_SENDER}, default=SENDER)
    letters = LetterDesk(store, AnswerDesk(senders, language="ru"), Reader())
    recordings = folder / "monitor"
    recordings.mkdir()
    (recordings / "call.wav").write_bytes(SOUND)
    async with running_site(
        store,
        OWN_ONLY,
        writes=(*work.writes(), *letters.writes(), *call_writes(phones, store)),
        reads=(*work.reads(), *letters.reads()),
        leads=LeadParts(leads=settings.leads, senders={"sales": SENDER.address, "info": OTHER_SENDER.address}),
        recordings={"office": str(recordings)},
        pages=lambda means: [*no_pages(means), *RingingPages(means).routes()],
    ) as site:
        await store.write(_seed)
        yield site


def _seed(connection: Connection) -> None:
    add_office(connection)
    add_manager(connection, "m-boris", "boris", name="Борис", extensions=["102"])
    add_contact(connection, "c-petr", name="Пётр", phones=["+79037654321"], owner_id="m-boris")
    add_lead(connection, "l-petr", "c-petr", channel="mail", manager_id="m-boris", subject="Двери", stage="offer",
             amount=1250000, currency="RUB", at=MONDAY - timedelta(days=3))  # fmt: skip
    add_interaction(connection, "i-petr", channel="call", lead_id="l-petr", contact_id="c-petr", outcome="answered",
                    details={"recording": "call.wav"}, at=MONDAY - timedelta(days=3))  # fmt: skip
    add_contact(connection, "c-ivan2", name="Иван Петров", phones=["+79161112233"])
    add_interaction(connection, "i-listen", channel="call", lead_id="l-ivan", contact_id="c-ivan", outcome="answered",
                    details={"recording": "call.wav", "rang": ["101", "103"], "talk_seconds": 65.0},
                    at=MONDAY - timedelta(days=1))  # fmt: skip
    add_interaction(connection, "i-thread", channel="mail", lead_id="l-ivan", contact_id="c-ivan",
                    subject="Re: kitchen", text="План комнаты во вложении.", line="info@example.com", name="Иван",
                    details={"text": f"План комнаты во вложении.\n\n{QUOTED}"},
                    handles=[{"kind": "email", "value": "ivan@example.com"}], at=MONDAY - timedelta(hours=20),
                    attachments=[{"name": "plan.png", "content_type": "image/png", "size": 10}])  # fmt: skip
    add_interaction(connection, "i-loose", channel="call", contact_id="c-letter", outcome="missed",
                    at=MONDAY - timedelta(minutes=1))  # fmt: skip
    row = {"dedup_key": "thread", "connector": "smtp", "source": "sales", "channel": "mail", "raw": LETTER, "meta": {},
           "interaction_id": "i-thread", "received_at": MONDAY, "due_at": MONDAY, "state": "done"}  # fmt: skip
    connection.execute(insert(Journal), row)
