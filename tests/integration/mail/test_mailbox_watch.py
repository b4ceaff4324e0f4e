"""What watches the watcher: silence, letters that are not on record, and two gateways that share a mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.mail.imap.connector import RECONCILE_SECONDS
from tests.integration.mail.mailboxes import (
    MemoryLeases,
    World,
    at_rest,
    health_of,
    letter,
    running,
    settings,
    until,
)
from tests.integration.mail.scripted_imap import ScriptedImap, scripted
from tests.support.sink import ManualClock

LETTERS = {uid: letter(uid).replace(b"\n", b"\r\n") for uid in (1, 2, 3)}
HOUR = 3600


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedImap]:
    async with scripted(LETTERS) as running_server:
        yield running_server


async def test_silent_mailbox_is_told_and_stays_ok_until_a_letter_comes(server: ScriptedImap, world: World) -> None:
    """chatwoot #6604: the job died and nobody was told; here silence itself is told."""
    clock = ManualClock()
    mailbox = settings(server.port, "x", poll_seconds=0.05)
    async with running(mailbox, world, clock=clock) as connector:
        await at_rest(connector, "polling")
        clock.advance(71 * HOUR)
        assert connector.alarms() == []
        clock.advance(2 * HOUR)
        health = health_of(connector)
        assert health.ok
        assert "No letter has come for 73 hours" in str(health.detail)
        (alarm,) = connector.alarms()
        assert str(alarm.subject) == "The mailbox sales is silent"
        clock.advance(HOUR)
        assert [again.key for again in connector.alarms()] == [alarm.key]  # told once
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")
        await until(lambda: world.numbers == [1, 2, 3, 4])
        assert connector.alarms() == []


async def test_silence_is_counted_over_restarts_and_can_be_switched_off(server: ScriptedImap, world: World) -> None:
    clock = ManualClock()
    async with running(settings(server.port, "x"), world, clock=clock) as connector:
        await at_rest(connector, "polling")
    clock.advance(80 * HOUR)
    async with running(settings(server.port, "x"), world, clock=clock) as connector:
        await at_rest(connector, "polling")
        assert len(connector.alarms()) == 1
    async with running(settings(server.port, "x", silent_hours=0), world, clock=clock) as connector:
        await at_rest(connector, "polling")
        assert connector.alarms() == []
        assert "No letter has come" not in str(health_of(connector).detail)


async def test_mailbox_that_is_away_for_an_hour_is_an_alarm_and_a_restart_of_the_server_is_none(
    server: ScriptedImap, world: World
) -> None:
    clock = ManualClock()
    async with running(settings(server.port, "x", poll_seconds=0.05), world, clock=clock) as connector:
        await at_rest(connector, "polling")
        server.answers["EXAMINE"] = lambda _tag: None
        await until(lambda: health_of(connector).state == "dropped")
        clock.advance(HOUR / 2)
        assert connector.alarms() == []
        clock.advance(HOUR)
        (alarm,) = connector.alarms()
        assert str(alarm.subject) == "The mailbox sales is not read"
        assert "The connection to 127.0.0.1" in str(alarm.text)


async def test_server_and_store_are_compared_and_the_sum_is_shown(server: ScriptedImap, world: World) -> None:
    async with running(settings(server.port, "x"), world, clock=ManualClock()) as connector:
        await at_rest(connector, "polling")
        assert "INBOX: the server has 3 since 2026-11-20 09:00 UTC, Leadgate has all of them" in str(
            health_of(connector).detail
        )


async def test_letter_that_is_not_on_record_is_read_again(server: ScriptedImap, world: World) -> None:
    """None of the code of others proves completeness: what is missing is found here, whatever the fault was."""
    clock = ManualClock()
    async with running(settings(server.port, "x", poll_seconds=0.05), world, clock=clock) as connector:
        await at_rest(connector, "polling")
        lost = world.sink.items.pop(1)
        world.sink._ids.pop(lost.dedup_key)
        assert lost.sighting is not None
        del world.sightings.seen["sales", "INBOX"][lost.sighting.mark]
        calls = world.sink.calls
        clock.advance(RECONCILE_SECONDS)
        await until(lambda: world.numbers == [1, 2, 3])
        assert world.sink.calls == calls + 1
        await until(lambda: "1 of them were missing, and were read again" in str(health_of(connector).detail))


async def test_letters_of_a_version_without_a_record_are_met_again_and_not_stored_twice(
    server: ScriptedImap, world: World
) -> None:
    async with running(settings(server.port, "x"), world, clock=ManualClock()) as connector:
        await at_rest(connector, "polling")
    world.sightings.seen.clear()
    async with running(settings(server.port, "x"), world, clock=ManualClock()) as connector:
        await at_rest(connector, "polling")
        assert "missing" not in str(health_of(connector).detail)
    assert (len(world.sink.items), world.sink.calls) == (3, 6)


async def test_of_two_gateways_one_reads_and_the_other_takes_over_when_it_stops(
    server: ScriptedImap, world: World
) -> None:
    held: dict[str, str] = {}
    mailbox = settings(server.port, "x", poll_seconds=0.05)
    async with running(mailbox, world, leases=MemoryLeases("two", held)) as two:
        await at_rest(two, "polling")
        async with running(mailbox, world, leases=MemoryLeases("one", held)) as one:
            await until(lambda: health_of(one).state == "standby")
            assert health_of(one).ok
            assert "Another Leadgate on this database reads it" in str(health_of(one).detail)
            assert world.sink.calls == 3
            await two.stop()
            await at_rest(one, "polling")
            server.letters[4] = letter(4).replace(b"\n", b"\r\n")
            await until(lambda: world.numbers == [1, 2, 3, 4])
            assert world.sink.calls == 4  # it went on where the other had been


async def test_gateway_that_died_is_followed_and_one_that_was_only_slow_stops_reading(
    server: ScriptedImap, world: World
) -> None:
    held = {"imap:sales/INBOX": "dead"}
    mailbox = settings(server.port, "x", poll_seconds=0.05)
    async with running(mailbox, world, leases=MemoryLeases("one", held)) as one:
        await until(lambda: health_of(one).state == "standby")
        held.clear()  # its time is over
        await at_rest(one, "polling")
        assert world.numbers == [1, 2, 3]
        held["imap:sales/INBOX"] = "two"  # this process was asleep for longer than its lease
        await until(lambda: health_of(one).state == "standby")


@pytest.mark.parametrize("moment", ["SELECT", "UID SEARCH UID 1:3 SINCE"], ids=["marking", "comparing"])
async def test_letter_that_comes_while_others_are_marked_or_compared_does_not_wait_for_the_next_idle(
    server: ScriptedImap, world: World, moment: str
) -> None:
    """What the server tells during other commands IDLE does not tell again: the folder is looked at once more."""

    def arrives(tag: str) -> bytes:
        server.letters[4] = letter(4).replace(b"\n", b"\r\n")
        return f"* SEARCH 1 2 3\r\n* 4 EXISTS\r\n{tag} OK done\r\n".encode()

    server.capabilities = "IMAP4rev1 IDLE"
    server.answers = {"IDLE": lambda _tag: b"+ idling\r\n", moment: arrives}
    async with running(settings(server.port, "x", after="seen"), world, clock=ManualClock()) as connector:
        await at_rest(connector)
        assert world.numbers == [1, 2, 3, 4]
