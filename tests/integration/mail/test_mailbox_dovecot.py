"""Mailboxes on a real Dovecot: what others lose mail by (a colleague, an outage, new numbers) costs nothing here."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from gateway.core.types import Outcome
from gateway.mail.imap.connector import MailboxConnector
from tests.integration.mail.mailboxes import (
    QUICK,
    World,
    at_rest,
    health_of,
    letter,
    running,
    settings,
    until,
)
from tests.peers.dovecot import DovecotServer
from tests.support.faultproxy import FaultProxy

pytestmark = pytest.mark.peer("dovecot")


@pytest.fixture
def world() -> World:
    return World()


async def test_new_letter_arrives_within_a_second_by_idle(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.maildir(user)
    async with running(settings(dovecot_server.port, user, since="now"), world) as connector:
        await at_rest(connector)
        dovecot_server.deliver(user, letter(1))
        assert await until(lambda: len(world.sink.items) == 1) < 1.5  # 0.5 s of them are Dovecot's own
        (item,) = world.sink.items
        assert item.raw == letter(1).replace(b"\n", b"\r\n")
        assert (item.connector, item.source, item.meta["folder"], item.meta["uid"]) == ("imap", "sales", "INBOX", 1)
        health = health_of(connector)
        assert health.ok, health
        assert "INBOX: 1 letter on the server" in str(health.detail)
        assert health.last_event_at is not None


async def test_reading_changes_no_flag_and_does_not_depend_on_any(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    for number in (1, 2):
        dovecot_server.deliver(user, letter(number))
    with dovecot_server.colleague(user) as colleague:
        colleague.select()
        colleague.store("1", "+FLAGS", "(\\Seen)")
    async with running(settings(dovecot_server.port, user), world) as connector:
        await at_rest(connector)
        assert world.numbers == [1, 2]
    with dovecot_server.colleague(user) as colleague:
        colleague.select(readonly=True)
        assert colleague.search(None, "UNSEEN")[1] == [b"2"]


async def test_now_leaves_out_what_was_there_and_a_day_takes_what_came_since(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    with dovecot_server.colleague(user) as colleague:
        for number, day in ((1, "01-Nov-2026"), (2, "10-Nov-2026"), (3, "20-Nov-2026")):
            colleague.append("INBOX", "", f'"{day} 12:00:00 +0000"', letter(number))
    async with running(settings(dovecot_server.port, user, since="now"), world) as connector:
        await at_rest(connector)
        assert world.sink.items == []
        dovecot_server.deliver(user, letter(4))
        await until(lambda: world.numbers == [4])
    fresh = World()
    async with running(settings(dovecot_server.port, user, since="2026-11-10"), fresh) as connector:
        await at_rest(connector)
        assert fresh.numbers == [2, 3, 4]


async def test_restart_goes_on_where_it_was_and_takes_what_came_meanwhile(
    dovecot_server: DovecotServer, world: World
) -> None:
    """chatwoot #6574 and #9234: after an outage only the last day was fetched."""
    user = dovecot_server.new_user()
    mailbox = settings(dovecot_server.port, user, since="now")
    dovecot_server.deliver(user, letter(1))
    async with running(mailbox, world) as connector:
        await at_rest(connector)
    for number in (2, 3):
        dovecot_server.deliver(user, letter(number))
    async with running(mailbox, world) as connector:
        await at_rest(connector)
        assert world.numbers == [2, 3]
        assert world.sink.calls == 2


async def test_new_uidvalidity_brings_no_loss_and_no_copy(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    mailbox = settings(dovecot_server.port, user, since="now")
    dovecot_server.deliver(user, letter(1))  # before the beginning: not ours, before and after
    await asyncio.sleep(1.1)  # INTERNALDATE knows whole seconds only
    async with running(mailbox, world) as connector:
        await at_rest(connector)
        for number in (2, 3, 4):
            dovecot_server.deliver(user, letter(number))
        await until(lambda: world.numbers == [2, 3, 4])
    epoch = world.cursors.places["imap:sales/INBOX"]["uidvalidity"]
    await asyncio.sleep(1.1)  # Dovecot's UIDVALIDITY is the time in seconds
    dovecot_server.forget_numbers(user)
    dovecot_server.deliver(user, letter(5))
    async with running(mailbox, world) as connector:
        await at_rest(connector)
        assert world.cursors.places["imap:sales/INBOX"]["uidvalidity"] != epoch
        assert world.numbers == [2, 3, 4, 5]
        dovecot_server.deliver(user, letter(6))
        await until(lambda: world.numbers == [2, 3, 4, 5, 6])


async def test_colleague_who_reads_moves_and_deletes_takes_nothing_away(
    dovecot_server: DovecotServer, world: World
) -> None:
    """freescout #1611 and frappe #4996: what a colleague had opened was never fetched."""
    user = dovecot_server.new_user()
    dovecot_server.maildir(user, "Done")
    mailbox = settings(dovecot_server.port, user, folders=("INBOX", "Done"), poll_seconds=0.3)
    for number in (1, 2, 3):
        dovecot_server.deliver(user, letter(number))
    with dovecot_server.colleague(user) as colleague:
        colleague.select()
        colleague.fetch("1", "(RFC822)")
        colleague.uid("MOVE", "2", "Done")
        async with running(mailbox, world) as connector:
            await at_rest(connector)
            assert world.numbers == [1, 2, 3]
            colleague.uid("MOVE", "1", "Done")
            colleague.uid("STORE", "3", "+FLAGS", "(\\Deleted)")
            colleague.expunge()
            dovecot_server.deliver(user, letter(4))
            await until(lambda: world.numbers == [1, 2, 3, 4])
            await until(lambda: world.sink.calls == 5)  # the moved one was met again, and known
        assert world.numbers == [1, 2, 3, 4]


async def test_same_letter_in_two_mailboxes_is_stored_once(dovecot_server: DovecotServer, world: World) -> None:
    """freescout #4748 and zammad #1578: one letter in two mailboxes made two tickets, or only one delivery."""
    users = [dovecot_server.new_user() for _ in range(2)]
    for number, user in enumerate(users, 1):
        delivered = b"Delivered-To: %d\n" % number
        dovecot_server.deliver(user, delivered + letter(1))
    first = settings(dovecot_server.port, users[0], name="sales")
    second = settings(dovecot_server.port, users[1], name="info")
    async with running(first, world) as sales, running(second, world) as info:
        await at_rest(sales)
        await at_rest(info)
    assert (world.sink.calls, len(world.sink.items)) == (2, 1)


async def test_server_that_is_killed_is_found_again(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.maildir(user)
    async with running(settings(dovecot_server.port, user, since="now"), world) as connector:
        await at_rest(connector)
        dovecot_server.halt(kill=True)
        await until(lambda: not health_of(connector).ok)
        dovecot_server.deliver(user, letter(1))
        dovecot_server.launch()
        await until(lambda: world.numbers == [1])
        await at_rest(connector)
        assert health_of(connector).ok


async def test_cut_in_the_middle_of_a_fetch_costs_nothing(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    for number in range(1, 6):
        dovecot_server.deliver(user, letter(number, size=100_000))
    async with FaultProxy(dovecot_server.port) as proxy:
        proxy.cut_after = 300_000
        async with running(settings(proxy.port, user), world) as connector:
            await at_rest(connector)
            assert proxy.cuts > 0
            assert world.numbers == [1, 2, 3, 4, 5]
            assert all(len(item.raw) > 100_000 for item in world.sink.items)


async def test_letter_that_always_breaks_the_connection_costs_only_itself(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    for number, size in ((1, 0), (2, 200_000), (3, 0)):
        dovecot_server.deliver(user, letter(number, size=size))
    async with FaultProxy(dovecot_server.port) as proxy:
        proxy.cut_after = 100_000
        async with running(settings(proxy.port, user), world) as connector:
            await at_rest(connector)
            assert world.numbers == [1, 3]
            (lost,) = [item for item in world.sink.items if not item.raw]
            assert lost.meta["uid"] == 2
            assert "does not give its text" in lost.meta["problem"]


async def test_idle_that_dies_silently_is_noticed(dovecot_server: DovecotServer, world: World) -> None:
    """imapclient #449 and #349: the end of IDLE hung for ever when the network was cut."""
    user = dovecot_server.new_user()
    dovecot_server.maildir(user)
    timing = replace(QUICK, silence=1, idle=1.5)
    async with (
        FaultProxy(dovecot_server.port) as proxy,
        running(settings(proxy.port, user, since="now"), world, timing=timing) as connector,
    ):
        await at_rest(connector)
        proxy.swallow()
        dovecot_server.deliver(user, letter(1))
        await until(lambda: health_of(connector).state == "unreachable")
        assert "did not answer in time" in str(health_of(connector).detail)
        proxy.heal()
        await until(lambda: world.numbers == [1])


async def test_stuck_mailbox_delays_neither_another_nor_the_stop(dovecot_server: DovecotServer, world: World) -> None:
    """aioimaplib #110 and #128: a connection hung and could not be stopped."""
    user = dovecot_server.new_user()
    dovecot_server.maildir(user)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never says a word
        stuck = settings(mute.getsockname()[1], "nobody", name="stuck")
        slow = replace(QUICK, silence=60)
        async with (
            running(stuck, world, timing=slow),
            running(settings(dovecot_server.port, user, since="now"), world) as healthy,
        ):
            await at_rest(healthy)
            dovecot_server.deliver(user, letter(1))
            assert await until(lambda: world.numbers == [1]) < slow.silence / 2
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < slow.silence / 2


async def test_wrong_password_is_said_in_a_sentence_and_not_tried_fast(
    dovecot_server: DovecotServer, world: World
) -> None:
    slept: list[float] = []
    mailbox = settings(dovecot_server.port, dovecot_server.new_user(), password="Wr0ng-Pass")
    async with running(mailbox, world, slept=slept) as connector:
        await until(lambda: len(slept) >= 2)
        health = health_of(connector)
        assert (health.ok, health.state) == (False, "refused")
        assert "Check username and password of [[mailbox]] sales" in str(health.detail)
        assert "Wr0ng" not in str(health.detail)
    assert slept[0] == 300


async def test_missing_folder_is_named_with_those_that_exist_and_harms_no_other(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    dovecot_server.maildir(user, "Leads")
    dovecot_server.deliver(user, letter(1))
    mailbox = settings(dovecot_server.port, user, folders=("INBOX", "Lead"))
    async with running(mailbox, world) as connector:
        await until(lambda: world.numbers == [1])
        await at_rest(connector)
        health = health_of(connector)
        assert not health.ok
        assert 'The folder "Lead" does not exist. There are: "Leads", "INBOX"' in str(health.detail)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_tls_is_verified_with_the_own_authority(dovecot_server: DovecotServer, world: World, tls: str) -> None:
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1))
    port = dovecot_server.tls_port if tls == "implicit" else dovecot_server.port
    changes = {"host": "localhost", "tls": tls}
    async with running(settings(port, user, **changes), world) as connector:
        await until(lambda: health_of(connector).state == "untrusted")
        assert "is not trusted: self-signed certificate" in str(health_of(connector).detail)
        assert "ca_file" in str(health_of(connector).detail)
        assert world.sink.calls == 0
    changes["ca_file"] = str(dovecot_server.certificate)
    async with running(settings(port, user, **changes), world) as connector:
        await at_rest(connector)
        assert world.numbers == [1]
        dovecot_server.deliver(user, letter(2))
        await until(lambda: world.numbers == [1, 2])


async def test_server_without_tls_on_the_tls_port_is_told(dovecot_server: DovecotServer, world: World) -> None:
    mailbox = settings(dovecot_server.port, "x", host="localhost", tls="implicit")
    async with running(mailbox, world) as connector:
        await until(lambda: health_of(connector).state == "untrusted")
        assert 'Set tls = "starttls"' in str(health_of(connector).detail)


async def test_oversized_letter_keeps_its_headers_and_says_so(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    dovecot_server.deliver(user, letter(1, size=3_000_000))
    dovecot_server.deliver(user, letter(2))
    async with running(settings(dovecot_server.port, user, max_size=1 << 20), world) as connector:
        await at_rest(connector)
        assert world.numbers == [1, 2]
        large = next(item for item in world.sink.items if item.meta["uid"] == 1)
        assert len(large.raw) < 1000
        assert large.raw.endswith(b"\r\n\r\n")
        assert "too large (3 MiB)" in large.meta["problem"]


async def test_large_letter_is_fetched_in_slices_and_whole(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    raw = letter(1, size=9_000_000)
    dovecot_server.deliver(user, raw)
    async with running(settings(dovecot_server.port, user), world) as connector:
        await at_rest(connector)
        (item,) = world.sink.items
        assert item.raw == raw.replace(b"\n", b"\r\n")


async def test_nothing_is_lost_while_nothing_can_be_stored(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    for number in (1, 2, 3):
        dovecot_server.deliver(user, letter(number))
    world.sink.refuse()
    async with running(settings(dovecot_server.port, user), world) as connector:
        await until(lambda: health_of(connector).state == "unstorable")
        assert "They stay in the mailbox" in str(health_of(connector).detail)
        world.sink.error = None
        await until(lambda: world.numbers == [1, 2, 3])


async def test_two_gateways_on_one_mailbox_store_each_letter_once(dovecot_server: DovecotServer, world: World) -> None:
    user = dovecot_server.new_user()
    other = World()
    other.sink = world.sink  # one database, but each its own idea of the place
    mailbox = settings(dovecot_server.port, user, since="all")
    dovecot_server.maildir(user)
    async with running(mailbox, world) as one, running(mailbox, other) as two:
        await at_rest(one)
        await at_rest(two)
        for number in (1, 2, 3):
            dovecot_server.deliver(user, letter(number))
        await until(lambda: world.sink.calls >= 6)
    assert world.numbers == [1, 2, 3]
    assert world.sink.outcome is Outcome.STORED


async def test_hundreds_of_letters_come_in_order_and_the_place_is_the_last_one(
    dovecot_server: DovecotServer, world: World
) -> None:
    user = dovecot_server.new_user()
    for number in range(1, 251):
        dovecot_server.deliver(user, letter(number))
    async with running(settings(dovecot_server.port, user), world) as connector:
        await at_rest(connector)
        assert world.numbers == list(range(1, 251))
        assert world.cursors.places["imap:sales/INBOX"]["last_uid"] == 250
    assert isinstance(connector, MailboxConnector)
