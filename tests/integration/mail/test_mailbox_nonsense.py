"""Servers that answer nonsense, and servers that know little: a letter may cost itself, never the mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

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


async def test_server_without_idle_is_polled(server: ScriptedImap, world: World) -> None:
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
        assert world.numbers == [1, 2, 3]
        server.letters[9] = letter(9).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [1, 2, 3, 9])
        assert health_of(connector).ok


async def test_server_that_does_not_tell_the_next_number_is_read(server: ScriptedImap, world: World) -> None:
    server.uidnext = False
    async with running(settings(server.port, "x"), world):
        await until(lambda: world.numbers == [1, 2, 3])
        del server.letters[3]  # the largest number goes back: no reason to begin anew
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [1, 2, 3, 4])
        assert world.sink.calls == 4


async def test_only_reading_commands_are_ever_sent(server: ScriptedImap, world: World) -> None:
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
    verbs = {" ".join(command.split(" ")[:2]) if command.startswith("UID") else command.split(" ")[0]
             for command in server.commands}  # fmt: skip
    assert verbs <= {"CAPABILITY", "LOGIN", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH"}
    bodies = [command for command in server.commands if "BODY" in command]
    assert bodies
    assert all("BODY.PEEK[" in command for command in bodies)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"* 2 FETCH (UID 2 BODY[] NIL)\r\n",
        b"* 2 FETCH (UID 2)\r\n",
        b"",
        b"* 2 FETCH (UID 2 BODY[] (\r\n",
        b"* 2 FETCH 17\r\n",
    ],
    ids=["NIL", "no body", "nothing", "half a list", "no list"],
)
async def test_letter_whose_body_makes_no_sense_is_shown_by_its_headers(
    server: ScriptedImap, world: World, nonsense: bytes
) -> None:
    """zammad #2754: one letter that could not be read blocked all others."""
    server.answers["UID FETCH 1,2,3 (BODY.PEEK[])"] = lambda tag: nonsense + f"{tag} OK done\r\n".encode()
    server.answers["UID FETCH 2 (BODY.PEEK[])"] = server.answers["UID FETCH 1,2,3 (BODY.PEEK[])"]
    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector, "polling")
        assert world.numbers == [1, 2, 3]
        (partial,) = [item for item in world.sink.items if "problem" in item.meta]
        assert partial.meta["uid"] == 2
        assert partial.raw.endswith(b"\r\n\r\n")


async def test_letter_whose_date_makes_no_sense_is_read_all_the_same(server: ScriptedImap, world: World) -> None:
    def sizes(tag: str) -> bytes:
        return f'* 2 FETCH (UID 2 RFC822.SIZE 5 INTERNALDATE "yesterday")\r\n{tag} OK done\r\n'.encode()

    server.answers["UID FETCH 1,2,3 (RFC822.SIZE"] = sizes
    server.answers["UID FETCH 2 (RFC822.SIZE"] = sizes
    async with running(settings(server.port, "x", since="2026-11-01"), world) as connector:
        await at_rest(connector, "polling")
        assert world.numbers == [1, 2, 3]


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH one two\r\n",
        b"\xff\xfe\x00 garbage\r\n",
        b"* BYE I leave\r\n",
        b"* SEARCH {99999999",
    ],
)
async def test_nonsense_ends_the_connection_and_is_said_and_reading_goes_on_when_it_ends(
    server: ScriptedImap, world: World, answer: bytes
) -> None:
    server.answers["UID SEARCH"] = lambda tag: answer + f"{tag} OK done\r\n".encode()
    async with running(settings(server.port, "x"), world, timing=replace(QUICK, silence=0.5)) as connector:
        await until(lambda: not health_of(connector).ok and health_of(connector).state != "connecting")
        assert "127.0.0.1" in str(health_of(connector).detail)
        server.answers.clear()
        await until(lambda: world.numbers == [1, 2, 3])


@pytest.mark.parametrize(
    ("greeting", "state"),
    [(b"* BYE too busy\r\n", "dropped"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "dropped"), (b"", "unreachable")],
)
async def test_what_is_no_imap_server_is_told(server: ScriptedImap, world: World, greeting: bytes, state: str) -> None:
    server.greeting = greeting
    timing = replace(QUICK, connect=0.5, silence=0.5)
    async with running(settings(server.port, "x"), world, timing=timing) as connector:
        await until(lambda: health_of(connector).state not in ("connecting", "reading"))
        assert not health_of(connector).ok
        assert str(health_of(connector).detail)


async def test_pauses_between_tries_grow(server: ScriptedImap, world: World) -> None:
    server.greeting = b"* BYE too busy\r\n"
    slept: list[float] = []
    async with running(settings(server.port, "x"), world, slept=slept, pause=0.001):
        await until(lambda: len(slept) >= 7)
    assert slept[:7] == [1, 2, 5, 15, 60, 60, 60]


async def test_letter_that_is_told_of_with_the_beginning_of_idle_is_not_overheard(
    server: ScriptedImap, world: World
) -> None:
    """One packet brings the "+ idling" and the news, so that nothing is left at the socket to wake up for."""
    server.capabilities = "IMAP4rev1 IDLE"

    def idle(_: str) -> bytes:
        if len(server.letters) < 5:
            uid = len(server.letters) + 1
            server.letters[uid] = letter(uid).replace(b"\n", b"\r\n")
            return b"+ idling\r\n* %d EXISTS\r\n" % uid
        return b"+ idling\r\n* OK Still here\r\n"

    server.answers["IDLE"] = idle
    async with running(settings(server.port, "x"), world) as connector:
        await until(lambda: world.numbers == [1, 2, 3, 4, 5])
        await at_rest(connector)


async def test_idle_is_begun_anew_and_the_folder_listed_again_each_time(server: ScriptedImap, world: World) -> None:
    server.capabilities = "IMAP4rev1 IDLE"
    server.answers["IDLE"] = lambda _: b"+ idling\r\n"
    async with running(settings(server.port, "x"), world, timing=replace(QUICK, idle=0.1)):
        await until(lambda: world.numbers == [1, 2, 3])
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")  # and the server never tells
        await until(lambda: world.numbers == [1, 2, 3, 4])


async def test_goodbye_in_idle_ends_the_connection(server: ScriptedImap, world: World) -> None:
    """imapclient #234: the end of the connection in IDLE looked like "no letters"."""
    server.capabilities = "IMAP4rev1 IDLE"
    server.answers["IDLE"] = lambda _: b"+ idling\r\n"
    said: list[bytes] = []

    def goodbye(_: str) -> bytes:
        said.append(b"bye")
        return b"+ idling\r\n* BYE autologout\r\n"

    async with running(settings(server.port, "x"), world) as connector:
        await at_rest(connector)
        server.answers["IDLE"] = goodbye
    async with running(settings(server.port, "x"), world) as connector:
        await until(lambda: len(said) >= 2)
        assert world.numbers == [1, 2, 3]
