"""What doctor says of a mailbox, on a real Dovecot: "the server has 3, Leadgate has 3" is counted, not believed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.core.clock import SystemClock
from gateway.core.findings import Finding, Level
from gateway.mail.imap.doctor import examine_mailbox
from gateway.mail.settings import MailboxSettings
from tests.integration.mail.mailboxes import QUICK, World, at_rest, letter, running, settings
from tests.peers.dovecot import DovecotServer

pytestmark = pytest.mark.peer("dovecot")


async def examine(mailbox: MailboxSettings, world: World) -> list[Finding]:
    stored = {item.dedup_key for item in world.sink.items}

    async def known(keys: Sequence[str]) -> set[str]:
        return stored & set(keys)

    return await examine_mailbox(mailbox, world.cursors, known, clock=SystemClock(), timing=QUICK)


async def test_all_letters_are_counted_and_a_missing_one_is_named(dovecot_server: DovecotServer) -> None:
    user, world = dovecot_server.new_user(), World()
    mailbox = settings(dovecot_server.port, user)
    for number in (1, 2, 3):
        dovecot_server.deliver(user, letter(number))
    way_in, inbox = await examine(mailbox, world)
    assert (way_in.level, inbox.level) == (Level.OK, Level.NOTE)
    assert "it was never read" in str(inbox.said)
    async with running(mailbox, world) as connector:
        await at_rest(connector)
    (_, inbox) = await examine(mailbox, world)
    assert inbox.level is Level.OK
    assert str(inbox.said).startswith("the server has 3 letters since")
    assert str(inbox.said).endswith("Leadgate has all of them.")
    dovecot_server.deliver(user, letter(4))
    (_, inbox) = await examine(mailbox, world)
    assert (inbox.level, "not read yet, which 'leadgate run' does: 1" in str(inbox.said)) == (Level.NOTE, True)
    lost = world.sink.items.pop(1)
    (_, inbox) = await examine(mailbox, world)
    assert inbox.level is Level.FAIL
    assert f"not stored are 1, with the numbers (UID) {lost.meta['uid']}." in str(inbox.said)
    assert "import mail" in str(inbox.remedy)


async def test_wrong_password_and_missing_folder_are_said(dovecot_server: DovecotServer) -> None:
    user = dovecot_server.new_user()
    (refused,) = await examine(settings(dovecot_server.port, user, password="wrong"), World())
    assert refused.level is Level.FAIL
    assert "does not let" in str(refused.said)
    mailbox = settings(dovecot_server.port, user, sent_folder="Sent")
    _, inbox, sent = await examine(mailbox, World())
    assert (inbox.level, sent.level) == (Level.NOTE, Level.FAIL)
    assert 'The folder "Sent" does not exist' in str(sent.said)
