"""Marking and moving letters, where it is asked for: only what is stored, and never at the cost of a letter."""

from __future__ import annotations

import imaplib

import pytest

from gateway.core.types import Outcome
from tests.integration.mail.mailboxes import World, at_rest, health_of, letter, running, settings, until
from tests.peers.dovecot import PASSWORD, DovecotServer
from tests.support.ports import LOOPBACK

pytestmark = pytest.mark.peer("dovecot")


@pytest.fixture
def world() -> World:
    return World()


def found(server: DovecotServer, user: str, criterion: str, folder: str = "INBOX") -> list[int]:
    """Numbers in the subjects of the letters of a folder that fit."""
    with imaplib.IMAP4(LOOPBACK, server.port, timeout=10) as connection:
        connection.login(user, PASSWORD)
        connection.select(folder, readonly=True)
        numbers = connection.search(None, *criterion.split(" "))[1][0].split()
        heads = [connection.fetch(number.decode(), "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] for number in numbers]
    return [int(head[0][1].split()[-1]) for head in heads]  # type: ignore[index, union-attr]


@pytest.mark.parametrize(
    ("after", "criterion"), [("seen", "SEEN"), ("flag:$Leadgate", "KEYWORD $Leadgate"), ("nothing", "UNSEEN")]
)
async def test_stored_letters_are_marked_as_configured(
    dovecot_server: DovecotServer, world: World, after: str, criterion: str
) -> None:
    user = dovecot_server.new_user()
    for number in (1, 2):
        dovecot_server.deliver(user, letter(number))
    async with running(settings(dovecot_server.port, user, after=after), world) as connector:
        await at_rest(connector)
        assert found(dovecot_server, user, criterion) == [1, 2]
        dovecot_server.deliver(user, letter(3))
        await until(lambda: world.numbers == [1, 2, 3])
        await until(lambda: found(dovecot_server, user, criterion) == [1, 2, 3])
        assert health_of(connector).ok
    assert world.sink.calls == 3


async def test_stored_letters_are_moved_and_what_was_there_before_stays(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    dovecot_server.maildir(user, "Done")
    dovecot_server.deliver(user, letter(1))
    async with running(settings(dovecot_server.port, user, since="now", after="move:Done"), world) as connector:
        await at_rest(connector)
        dovecot_server.deliver(user, letter(2))
        await until(lambda: found(dovecot_server, user, "ALL", "Done") == [2])
        assert found(dovecot_server, user, "ALL") == [1]
        dovecot_server.deliver(user, letter(3))
        await until(lambda: found(dovecot_server, user, "ALL", "Done") == [2, 3])
    assert world.numbers == [2, 3]


async def test_nothing_is_marked_that_is_not_in_the_database_yet(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1))
    world.sink.outcome = Outcome.SPOOLED
    async with running(settings(dovecot_server.port, user, after="seen"), world) as connector:
        await at_rest(connector)
        assert found(dovecot_server, user, "SEEN") == []
        world.sink.outcome = Outcome.STORED
        dovecot_server.deliver(user, letter(2))
        await until(lambda: found(dovecot_server, user, "SEEN") == [2])


async def test_letter_of_which_only_the_headers_were_read_stays_where_it_is(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    dovecot_server.maildir(user, "Done")
    dovecot_server.deliver(user, letter(1, size=200_000))
    dovecot_server.deliver(user, letter(2))
    mailbox = settings(dovecot_server.port, user, after="move:Done", max_size=100_000)
    async with running(mailbox, world) as connector:
        await at_rest(connector)
        assert found(dovecot_server, user, "ALL") == [1]
        assert found(dovecot_server, user, "ALL", "Done") == [2]


async def test_sent_letters_are_never_marked(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1), "Sent")
    async with running(settings(dovecot_server.port, user, after="flag:$Leadgate"), world) as connector:
        await at_rest(connector)
        assert world.numbers == [1]
        assert found(dovecot_server, user, "KEYWORD $Leadgate", "Sent") == []


async def test_mark_that_fails_is_said_and_never_reads_a_letter_twice(
    dovecot_server: DovecotServer, world: World
) -> None:
    """GLPI #9893: the move failed, and each run made the same tickets again."""
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1))
    mailbox = settings(dovecot_server.port, user, after="move:Done", poll_seconds=0.1)
    async with running(mailbox, world) as connector:
        await until(lambda: "not marked" in str(health_of(connector).detail))
        assert not health_of(connector).ok
        assert "Done" in str(health_of(connector).detail)
        dovecot_server.deliver(user, letter(2))
        await until(lambda: world.numbers == [1, 2])
        assert world.sink.calls == 2
        dovecot_server.maildir(user, "Done")
        dovecot_server.deliver(user, letter(3))
        await until(lambda: sorted(found(dovecot_server, user, "ALL", "Done")) == [1, 2, 3])
        await until(lambda: health_of(connector).ok)
    async with running(mailbox, world) as connector:
        await at_rest(connector)
    assert world.sink.calls == 3


async def test_mark_that_failed_is_made_up_for_after_a_restart(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    for number in (1, 2, 3):
        dovecot_server.deliver(user, letter(number))
    mailbox = settings(dovecot_server.port, user, after="move:Done")
    async with running(mailbox, world) as connector:
        await until(lambda: "not marked" in str(health_of(connector).detail))
    dovecot_server.maildir(user, "Done")
    dovecot_server.deliver(user, letter(4))
    async with running(mailbox, world) as connector:
        await until(lambda: sorted(found(dovecot_server, user, "ALL", "Done")) == [1, 2, 3, 4])
        assert health_of(connector).ok
    assert world.sink.calls == 4
    async with running(mailbox, world) as connector:
        await at_rest(connector)
        assert connector.readers[0].place is not None
        assert connector.readers[0].place.unmarked == (), "what was done is not done again"


async def test_gateway_that_dies_before_it_marks_marks_after_its_restart(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    for number in (1, 2):
        dovecot_server.deliver(user, letter(number))
    async with running(settings(dovecot_server.port, user, after="nothing"), world) as connector:
        await at_rest(connector)
    [(name, place)] = world.cursors.places.items()
    world.cursors.places[name] = {**place, "unmarked": "1:2"}  # as it was written with the last letter
    async with running(settings(dovecot_server.port, user, after="seen"), world):
        await until(lambda: found(dovecot_server, user, "SEEN") == [1, 2])
    assert world.sink.calls == 2


async def test_marks_that_nobody_wants_any_more_are_forgotten(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1))
    async with running(settings(dovecot_server.port, user, after="move:Done"), world) as connector:
        await until(lambda: "not marked" in str(health_of(connector).detail))
    dovecot_server.deliver(user, letter(2))
    async with running(settings(dovecot_server.port, user, after="nothing"), world) as connector:
        await until(lambda: world.numbers == [1, 2])
        await at_rest(connector)
        assert health_of(connector).ok
    assert found(dovecot_server, user, "SEEN") == []
    assert all("unmarked" not in place for place in world.cursors.places.values())
