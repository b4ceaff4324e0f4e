"""People hear of a mailbox that is silent or can't be read, each of them once."""

from __future__ import annotations

from sqlalchemy import select

from gateway.app.mailalarms import MailAlarms
from gateway.core.clock import new_id
from gateway.core.ports import Alarm
from gateway.core.sentences import Sentence
from gateway.storage.store import Store
from gateway.storage.tables import Outgoing
from tests.support.clock import MONDAY, FakeClock
from tests.support.seed import add_manager


class Mailbox:
    """Implements ``core.ports.AlarmSource``."""

    def __init__(self) -> None:
        self.said: list[Alarm] = []

    def alarms(self) -> list[Alarm]:
        return self.said


async def test_those_who_can_do_something_are_told_once_for_each_trouble(store: Store) -> None:
    def staff(connection: object) -> None:
        add_manager(connection, "m-owner", "owner", role="owner")  # type: ignore[arg-type]
        add_manager(connection, "m-chief", "chief", role="chief")  # type: ignore[arg-type]
        add_manager(connection, "m-anna", "anna")  # type: ignore[arg-type]
        add_manager(connection, "m-gone", "gone", role="chief", disabled_at=MONDAY)  # type: ignore[arg-type]

    await store.write(staff)
    mailbox = Mailbox()
    alarms = MailAlarms([mailbox], store, FakeClock(), new_id)
    assert await alarms.look() == 0
    mailbox.said = [Alarm(key="imap:sales/silent/1", subject=Sentence("Silent"), text=Sentence("No letter ..."))]
    assert await alarms.look() == 2
    assert await alarms.look() == 0
    mailbox.said = [Alarm(key="imap:sales/silent/2", subject=Sentence("Silent"), text=Sentence("No letter ..."))]
    assert await alarms.look() == 2
    rows = store.peek(lambda c: c.execute(select(Outgoing.manager_id, Outgoing.payload)).all())
    assert {row.manager_id for row in rows} == {"m-owner", "m-chief"}
    assert {row.payload["urgency"] for row in rows} == {"alarm"}


async def test_each_is_told_in_the_own_language_and_who_chose_none_in_that_of_the_company(store: Store) -> None:
    def staff(connection: object) -> None:
        add_manager(connection, "m-ru", "olga", role="owner", language="ru")  # type: ignore[arg-type]
        add_manager(connection, "m-en", "john", role="chief", language="en")  # type: ignore[arg-type]
        add_manager(connection, "m-none", "anna", role="chief")  # type: ignore[arg-type]

    await store.write(staff)
    mailbox = Mailbox()
    name = {"name": "sales"}
    mailbox.said = [
        Alarm(
            key="imap:sales/silent/1",
            subject=Sentence("The mailbox %(name)s is silent", name),
            text=Sentence("The mailbox %(name)s is not read", name),
        )
    ]
    assert await MailAlarms([mailbox], store, FakeClock(), new_id, language="ru").look() == 3
    rows = store.peek(lambda c: c.execute(select(Outgoing.manager_id, Outgoing.payload)).all())
    told = {row.manager_id: (row.payload["subject"], row.payload["text"]) for row in rows}
    assert told["m-en"] == ("The mailbox sales is silent", "The mailbox sales is not read")
    assert told["m-ru"] == told["m-none"] == ("Почтовый ящик sales молчит", "Почтовый ящик sales не читается")
