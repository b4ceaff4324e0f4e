"""What users of other systems lost in their mailboxes, each named by its report; what others already have under its own
name is in test_mailbox_dovecot, _nonsense, _deeds, _watch and _oauth.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.core.errors import NotDurable
from gateway.core.types import Inbound, Receipt
from tests.integration.mail.mailboxes import QUICK, World, at_rest, health_of, letter, running, settings, until
from tests.integration.mail.scripted_imap import ScriptedImap, scripted

LETTERS = {uid: letter(uid).replace(b"\n", b"\r\n") for uid in (1, 2, 3)}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedImap]:
    async with scripted(LETTERS) as running_server:
        yield running_server


async def test_zammad_243_nothing_is_marked_or_moved_while_nothing_can_be_stored(
    server: ScriptedImap, world: World
) -> None:
    server.capabilities = "IMAP4rev1 MOVE"
    world.sink.refuse()
    async with running(settings(server.port, "x", after="move:Done"), world) as connector:
        await until(lambda: health_of(connector).state == "unstorable")
        assert not [command for command in server.commands if command.startswith(("SELECT", "UID MOVE", "UID STORE"))]


async def test_zammad_539_connecting_a_mailbox_reads_nothing_old_by_default(server: ScriptedImap, world: World) -> None:
    async with running(settings(server.port, "x", since="now", poll_seconds=0.05), world) as connector:
        await at_rest(connector, "polling")
        assert world.sink.calls == 0
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [4])


async def test_chatwoot_10429_everything_that_came_in_an_outage_is_read_however_much(
    server: ScriptedImap, world: World
) -> None:
    mailbox = settings(server.port, "x", since="now")
    async with running(mailbox, world) as connector:
        await at_rest(connector, "polling")
    server.letters |= {uid: letter(uid).replace(b"\n", b"\r\n") for uid in range(4, 804)}
    async with running(mailbox, world) as connector:
        await at_rest(connector, "polling")
    assert world.numbers == list(range(4, 804))


async def test_freescout_3406_marks_of_colleagues_are_never_asked_for(server: ScriptedImap, world: World) -> None:
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
    assert not [command for command in server.commands if "SEEN" in command.upper() or "FLAGS" in command.upper()]


async def test_paperless_8944_equal_numbers_of_another_epoch_are_other_letters(
    server: ScriptedImap, world: World
) -> None:
    mailbox = settings(server.port, "x", poll_seconds=0.05)
    async with running(mailbox, world) as connector:
        await at_rest(connector, "polling")
        server.uidvalidity = 8
        server.letters = {uid: letter(uid + 10).replace(b"\n", b"\r\n") for uid in (1, 2, 3)}
        await until(lambda: world.numbers == [1, 2, 3, 11, 12, 13])


async def test_frappe_42092_reading_goes_on_after_new_numbers_in_an_empty_folder(
    server: ScriptedImap, world: World
) -> None:
    mailbox = settings(server.port, "x", poll_seconds=0.05)
    async with running(mailbox, world) as connector:
        await at_rest(connector, "polling")
        server.uidvalidity, server.letters = 8, {}
        await until(lambda: world.cursors.places["imap:sales/INBOX"]["uidvalidity"] == 8)
        server.letters[1] = letter(21).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [1, 2, 3, 21])
    assert not [command for command in server.commands if " 0:" in command]


async def test_osticket_5645_letter_that_fails_makes_no_copies_of_those_before_it(
    server: ScriptedImap, world: World
) -> None:
    class Choosy:
        """Does not take one letter, three times."""

        refused = 0

        async def accept(self, item: Inbound) -> Receipt:
            if item.meta["uid"] == 3 and self.refused < 3:
                self.refused += 1
                raise NotDurable("not this one")
            return await world.sink.accept(item)

    sink = Choosy()
    async with running(settings(server.port, "x"), world, sink=sink, pause=0.01) as connector:
        await at_rest(connector, "polling")
    assert sink.refused == 3
    assert world.numbers == [1, 2, 3]


async def test_parsedmarc_46_letters_are_stored_unread_so_that_no_slow_one_holds_the_connection(
    server: ScriptedImap, world: World
) -> None:
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
    assert {item.draft for item in world.sink.items} == {None}
    assert {item.pending for item in world.sink.items} == {"to be parsed"}


async def test_freescout_5591_and_4740_reused_and_missing_ids_stop_nothing(server: ScriptedImap, world: World) -> None:
    same = LETTERS[1].replace(b"How much is it? 1", b"Another request")
    without = LETTERS[2].replace(b"Message-ID: <2@example.org>\r\n", b"").replace(b"Price 2", b"Price 5")
    server.letters |= {4: same, 5: without, 6: b"\r\n", 7: letter(7).replace(b"\n", b"\r\n")}
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
    assert world.sink.calls == 7
    assert world.numbers == [1, 1, 2, 3, 5, 7]


async def test_home_assistant_86407_letter_that_idle_does_not_tell_of_is_found_by_the_next_look(
    server: ScriptedImap, world: World
) -> None:
    server.capabilities = "IMAP4rev1 IDLE"
    server.answers["IDLE"] = lambda _tag: b"+ idling\r\n"
    timing = replace(QUICK, idle=0.3)
    async with running(settings(server.port, "x"), world, timing=timing) as connector:
        await at_rest(connector)
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [1, 2, 3, 4], 3)


async def test_imapclient_565_idle_that_ends_at_once_is_no_busy_loop(server: ScriptedImap, world: World) -> None:
    server.capabilities = "IMAP4rev1 IDLE"
    server.answers["IDLE"] = lambda _tag: None  # the server closes
    slept: list[float] = []
    async with running(settings(server.port, "x"), world, slept=slept) as connector:
        await until(lambda: len(slept) >= 3)
        assert health_of(connector).state == "dropped"
    assert sum(command == "IDLE" for command in server.commands) <= len(slept) + 1


async def test_imapclient_646_server_that_never_answers_the_tls_greeting_is_given_up(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mailbox = settings(mute.getsockname()[1], "x", tls="implicit", host="localhost")
        timing = replace(QUICK, connect=0.3, silence=0.3)
        async with running(mailbox, world, timing=timing) as connector:
            await until(lambda: health_of(connector).state == "unreachable", 5)
            assert "did not answer in time" in str(health_of(connector).detail)
