"""A small office with all pages of a manager's day, for their tests; and how a browser without JavaScript uses them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, insert

from gateway.app.leadwork import LeadWork
from gateway.app.pages import work_routes
from gateway.config.settings import Settings
from gateway.storage.store import Store
from gateway.storage.tables import Task
from gateway.web.api.calls import call_writes
from gateway.web.pages.means import no_pages
from gateway.web.pages.ringing import RingingPages
from gateway.web.settings import WebSettings
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser, running_site
from tests.integration.web.test_callbacks_api import Phones
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.desk import KeptEvents
from tests.support.seed import add_contact, add_interaction, add_lead, add_manager, add_office

OWN_ONLY = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")


ROLES = {"boss": "owner", "chief": "chief", "vera": "auditor"}


@asynccontextmanager
async def work_site(store: Store, folder: Path, phones: Phones | None = None) -> AsyncIterator[Site]:
    """Managers see their own: Anna has the lead of Ivan, Boris that of Petr, nobody the caller's."""
    recordings = folder / "monitor"
    recordings.mkdir()
    (recordings / "call.wav").write_bytes(b"RIFF" + bytes(200))
    config = folder / "leadgate.toml"
    config.write_text(
        f'[[pbx]]\nname = "office"\nhost = "127.0.0.1"\nusername = "x"\nsecret = "y"\nrecordings = "{recordings}"\n'
        '[[sender]]\nname = "sales"\nhost = "mail.example.com"\naddress = "sales@example.com"\n'
    )
    settings = Settings.load(config, {}).with_data(str(folder))
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
    async with running_site(
        store,
        OWN_ONLY,
        writes=(*work.writes(), *call_writes(phones or Phones(), store)),
        reads=work.reads(),
        recordings={"office": str(recordings)},
        pages=lambda means: [*no_pages(means), *RingingPages(means).routes(), *work_routes(means, settings)],
    ) as site:
        await store.write(_seed)
        yield site


def _seed(connection: Connection) -> None:
    add_office(connection)
    add_manager(connection, "m-boris", "boris", name="Борис", extensions=["102"])
    add_contact(connection, "c-petr", name="Пётр", phones=["+79037654321"], owner_id="m-boris", company="Двери ООО")
    add_lead(connection, "l-petr", "c-petr", channel="mail", manager_id="m-boris", subject="Двери", stage="offer",
             amount=1250000, currency="RUB", at=MONDAY - timedelta(days=9),
             stage_since=MONDAY - timedelta(days=8))  # fmt: skip
    add_contact(connection, "c-anon", phones=["+79161112233"], at=MONDAY - timedelta(hours=1))
    add_interaction(connection, "i-answered", channel="call", contact_id="c-petr", lead_id="l-petr", outcome="answered",
                    manager_id="m-boris", line="+74950000202", at=MONDAY - timedelta(hours=3),
                    details={"caller": "+79037654321", "outcome": "answered", "answered_by": "102",
                             "wait_seconds": 7.0, "talk_seconds": 65.0, "recording": "call.wav"})  # fmt: skip
    add_interaction(connection, "i-loose", channel="call", contact_id="c-anon", outcome="missed", line="+74950000202",
                    at=MONDAY - timedelta(minutes=1), details={"caller": "+79161112233", "outcome": "missed",
                    "missed_reason": "queue_abandoned"})  # fmt: skip
    for number, (hours, owner, lead, contact) in enumerate(
        ((-2, "m-boris", "l-petr", "c-petr"), (3, "m-boris", "l-petr", "c-petr"), (72, "m-anna", "l-ivan", "c-ivan"))
    ):
        connection.execute(insert(Task), {
            "id": f"t-{number}", "lead_id": lead, "contact_id": contact, "kind": "call", "text": f"Дело номер {number}",
            "due_at": MONDAY + timedelta(hours=hours), "owner_id": owner, "status": "open",
            "created_by": "console", "created_at": MONDAY, "updated_at": MONDAY,
        })  # fmt: skip


@asynccontextmanager
async def as_user(site: Site, login: str) -> AsyncIterator[Browser]:
    """A browser of this user, signed in. Hashing passwords takes time, so each is set when it is needed."""
    if login == "boris":
        await site.accounts.set_password(login, PASSWORD)
    else:
        await site.add_user(login, role=ROLES[login])
    async with new_browser(site) as browser:
        status, _, _ = await browser.sign_in(login)
        assert status == 303
        yield browser


async def send(browser: Browser, page: str, path: str, **fields: str) -> tuple[int, str]:
    """Send a form of ``page`` and look at the page that follows."""
    csrf = await browser.csrf(page)
    status, text, answer = await browser.post(path, {"csrf": csrf, "next": page, **fields})
    if status == 303:
        target = answer.headers["Location"]
        _, text, _ = await browser.get(target)
    return status, text


def ids_of(text: str, prefix: str) -> list[str]:
    """The ids of the rows of a list, in their order."""
    return re.findall(rf'id="{prefix}-([^"]+)"', text)
