"""People hear of a mailbox that is silent or can't be read, each of them once."""

from __future__ import annotations

from sqlalchemy import select

from gateway.app.mailalarms import MailAlarms
from gateway.core.clock import new_id
from gateway.core.ports import Alarm
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
    mailbox.said = [Alarm(key="imap:sales/silent/1", subject="The mailbox sales is silent", text="No letter ...")]
    assert await alarms.look() == 2
    assert await alarms.look() == 0
    mailbox.said = [Alarm(key="imap:sales/silent/2", subject="The mailbox sales is silent", text="No letter ...")]
    assert await alarms.look() == 2
    rows = store.peek(lambda c: c.execute(select(Outgoing.manager_id, Outgoing.payload)).all())
    assert {row.manager_id for row in rows} == {"m-owner", "m-chief"}
    assert {row.payload["urgency"] for row in rows} == {"alarm"}
