"""The outbox as the processing and people use it, on a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from crm_adapter.base import Done, Rejected, Unavailable
from gateway.core.clock import new_id
from gateway.delivery import claims, outbox
from gateway.delivery.claims import Claim
from gateway.delivery.settings import CrmSettings
from gateway.delivery.verdict import Claimed, judge, not_sent
from gateway.storage.store import Store
from tests.integration.delivery.helpers import TWIN, put, rows, shown, states
from tests.support.clock import MONDAY as NOW
from tests.support.clock import counting_ids

LATER = NOW + timedelta(hours=1)
LEADS_ONLY = CrmSettings(name="leads-only", adapter="memory", events=("lead.*",))


async def claim(store: Store, crm: str = "twin", limit: int = 100, at: Any = NOW) -> Claim:
    return await store.write(lambda connection: claims.claim(connection, crm, at, limit))


async def settle(store: Store, row: Claimed, outcome: Done | Exception) -> None:
    verdict = judge(row, outcome, at=NOW, random=lambda: 0.0)
    await store.write(lambda connection: claims.settle(connection, "twin", [verdict]))


async def test_an_event_is_put_out_once_for_each_crm_that_wants_it_under_one_message_id(store: Store) -> None:
    ids = counting_ids()

    def unit(connection: Connection, event_type: str) -> int:
        return outbox.enqueue(
            connection,
            [TWIN, LEADS_ONLY],
            event_type=event_type,
            order_key="c1",
            data={"id": "1"},
            at=NOW,
            new_id=ids,
            lead_id="lead-1",
            interaction_id="int-1",
        )

    assert await store.write(lambda c: unit(c, "lead.created")) == 2
    assert await store.write(lambda c: unit(c, "form.received")) == 1
    found = await rows(store)
    assert [(row.crm, row.event_type, row.message_id) for row in found] == [
        ("twin", "lead.created", "id-1"),
        ("leads-only", "lead.created", "id-1"),
        ("twin", "form.received", "id-2"),
    ]
    assert (await shown(store, found[0].id)).payload == {
        "type": "lead.created",
        "timestamp": "2026-11-23T09:00:00+00:00",
        "data": {"id": "1"},
    }
    assert (found[0].lead_id, found[0].interaction_id, found[0].state) == ("lead-1", "int-1", "waiting")


async def test_without_a_crm_that_wants_it_nothing_is_stored(store: Store) -> None:
    await put(store, LEADS_ONLY, 1, event_type="call.finished")
    assert await rows(store) == []


async def test_what_is_put_out_in_a_transaction_that_fails_was_never_there(store: Store) -> None:
    def unit(connection: Connection) -> None:
        outbox.enqueue(connection, [TWIN], event_type="lead.created", order_key="c", data={}, at=NOW, new_id=new_id)
        raise LookupError("the business failed")

    with pytest.raises(LookupError):
        await store.write(unit)
    assert await rows(store) == []


async def test_newer_state_replaces_an_older_one_that_was_never_tried(store: Store) -> None:
    updated = {"event_type": "lead.updated", "lead_id": "lead-1"}
    await put(store, TWIN, 1, lead_id="lead-1")
    await put(store, TWIN, 2, **updated)
    await put(store, TWIN, 3, event_type="lead.updated", lead_id="lead-2")
    await put(store, TWIN, 4, key="contact-2", **updated)
    await put(store, TWIN, 5, **updated)
    assert await states(store) == ["waiting", "dropped", "waiting", "waiting", "waiting"]
    assert (await rows(store))[1].reason == "replaced by a newer lead.updated"


async def test_newer_state_without_a_lead_replaces_its_like(store: Store) -> None:
    await put(store, TWIN, 1, 2, event_type="contact.upserted")
    assert await states(store) == ["dropped", "waiting"]


async def test_what_was_tried_is_not_replaced_because_it_may_have_arrived(store: Store) -> None:
    await put(store, TWIN, 1, event_type="lead.updated")
    (row,) = (await claim(store)).rows
    await put(store, TWIN, 2, event_type="lead.updated")
    await settle(store, row, Unavailable("down"))
    await put(store, TWIN, 3, event_type="lead.updated")
    assert await states(store) == ["waiting", "dropped", "waiting"]


async def test_events_that_tell_of_a_moment_are_never_replaced(store: Store) -> None:
    await put(store, TWIN, 1, 2, event_type="call.finished")
    assert await states(store) == ["waiting", "waiting"]


async def test_a_claim_takes_the_oldest_row_of_each_key_and_stores_the_attempt_first(store: Store) -> None:
    await put(store, TWIN, 1, 2, key="a")
    await put(store, TWIN, 3, 4, key="b")
    found = await claim(store)
    assert [row.payload["data"]["number"] for row in found.rows] == [1, 3]
    assert await states(store) == ["sending", "waiting", "sending", "waiting"]
    (attempt,) = (await shown(store, found.rows[0].id)).tries
    assert (attempt.number, attempt.started_at, attempt.finished_at, attempt.result) == (1, NOW, None, None)
    assert not (await claim(store)).rows, "later rows of a key wait for the one that is being sent"


async def test_later_rows_of_a_key_wait_behind_one_that_waits_for_its_next_try(store: Store) -> None:
    await put(store, TWIN, 1, 2)
    (row,) = (await claim(store)).rows
    await settle(store, row, Unavailable("down"))
    assert not (await claim(store)).rows
    assert [row.id for row in (await claim(store, at=NOW + timedelta(seconds=5))).rows] == [row.id]


async def test_later_rows_of_a_key_go_on_after_one_that_was_given_up(store: Store) -> None:
    await put(store, TWIN, 1, 2)
    (row,) = (await claim(store)).rows
    await settle(store, row, Rejected("no"))
    (following,) = (await claim(store)).rows
    assert following.payload["data"]["number"] == 2
    assert (await shown(store, row.id)).tries[0].result == "rejected"


async def test_a_result_is_written_down_with_the_crms_own_id_and_again_without_harm(store: Store) -> None:
    await put(store, TWIN, 1)
    (row,) = (await claim(store)).rows
    for _ in range(2):
        await settle(store, row, Done(remote_id="42", url="https://crm.example.com/42"))
    found = await shown(store, row.id)
    assert (found.delivery.state, found.delivery.remote_id) == ("done", "42")
    assert found.delivery.remote_url == "https://crm.example.com/42"
    assert [(one.number, one.result, one.finished_at) for one in found.tries] == [(1, "done", NOW)]


async def test_a_row_put_back_unsent_leaves_no_attempt(store: Store) -> None:
    await put(store, TWIN, 1)
    (row,) = (await claim(store)).rows
    await store.write(lambda c: claims.settle(c, "twin", [not_sent(row, NOW)]))
    found = await shown(store, row.id)
    assert (found.delivery.state, found.delivery.attempts, found.tries) == ("waiting", 0, ())


async def test_rows_of_a_dead_process_are_taken_up_with_the_same_message_id(store: Store) -> None:
    await put(store, TWIN, 1)
    await put(store, TWIN, 2, key="other")
    lost, running = (await claim(store)).rows
    count = await store.write(lambda c: claims.take_up(c, "twin", LATER, but=[running.id]))
    assert count == 1
    assert await states(store) == ["waiting", "sending"]
    (again,) = (await claim(store, at=LATER)).rows
    assert (again.id, again.message_id, again.number) == (lost.id, lost.message_id, 2)
    assert [(one.number, one.result) for one in (await shown(store, lost.id)).tries] == [(1, None), (2, None)]


async def test_held_rows_keep_the_later_ones_of_their_key_until_released(store: Store) -> None:
    await put(store, TWIN, 1, 2, key="a")
    await put(store, TWIN, 3, key="b")
    first = (await rows(store))[0].id
    assert await store.write(lambda c: outbox.hold(c, [first], "ask Anna", NOW)) == 1
    found = (await claim(store)).rows
    assert [row.payload["data"]["number"] for row in found] == [3]
    assert (await shown(store, first)).delivery.reason == "ask Anna"
    assert await store.write(lambda c: outbox.release(c, [first, found[0].id], NOW)) == 1
    assert [row.id for row in (await claim(store)).rows] == [first]


async def test_what_is_being_sent_can_be_neither_held_nor_dropped(store: Store) -> None:
    await put(store, TWIN, 1)
    (row,) = (await claim(store)).rows
    assert await store.write(lambda c: outbox.hold(c, [row.id], "x", NOW)) == 0
    assert await store.write(lambda c: outbox.drop(c, [row.id], "x", NOW)) == 0
    assert await states(store) == ["sending"]


async def test_a_dropped_row_stays_to_be_seen_and_lets_the_next_pass(store: Store) -> None:
    await put(store, TWIN, 1, 2)
    first = (await rows(store))[0].id
    assert await store.write(lambda c: outbox.drop(c, [first], "a test", NOW)) == 1
    assert [row.payload["data"]["number"] for row in (await claim(store)).rows] == [2]
    assert (await rows(store))[0].reason == "a test"


async def test_a_retry_makes_waiting_rows_due_now_and_begins_dead_ones_anew(store: Store) -> None:
    await put(store, TWIN, 1, key="a")
    await put(store, TWIN, 2, key="b")
    await put(store, TWIN, 3, key="c")
    waits, dies, done = (await claim(store)).rows
    await settle(store, waits, Unavailable("down"))
    await settle(store, dies, Rejected("no"))
    await settle(store, done, Done())
    ids = [waits.id, dies.id, done.id]
    assert await store.write(lambda c: outbox.retry(c, ids, NOW)) == 2
    again = (await claim(store)).rows
    assert [row.id for row in again] == [waits.id, dies.id]
    assert [row.number for row in again] == [2, 2], "an earlier try may have arrived: the adapter must know"


async def test_retry_all_is_about_waiting_rows_and_about_dead_ones_on_request(store: Store) -> None:
    await put(store, TWIN, 1, key="a")
    await put(store, TWIN, 2, key="b")
    waits, dies = (await claim(store)).rows
    await settle(store, waits, Unavailable("down"))
    await settle(store, dies, Rejected("no"))
    assert await store.write(lambda c: outbox.retry_all(c, NOW, crm="another", dead=True)) == 0
    assert await store.write(lambda c: outbox.retry_all(c, NOW)) == 1
    assert await states(store) == ["waiting", "dead"]
    assert await store.write(lambda c: outbox.retry_all(c, NOW, crm="twin", dead=True)) == 1
    assert len((await claim(store)).rows) == 2


async def test_a_crm_on_hold_gives_nothing_until_it_is_released(store: Store) -> None:
    await put(store, TWIN, 1)
    await store.write(lambda c: outbox.hold_crm(c, "twin", "being moved", NOW))
    await store.write(lambda c: outbox.hold_crm(c, "twin", "being moved still", NOW))
    assert await claim(store) == Claim(hold="being moved still")
    assert await store.read(outbox.holds) == {"twin": "being moved still"}
    assert await store.write(lambda c: outbox.release_crm(c, "twin"))
    assert not await store.write(lambda c: outbox.release_crm(c, "twin"))
    assert len((await claim(store)).rows) == 1


async def test_lists_are_filtered_and_paged_the_newest_first(store: Store) -> None:
    for number in range(5):
        await put(store, TWIN, number, key=f"k{number}", lead_id=f"lead-{number}")
    await put(store, LEADS_ONLY, 9)
    newest = await store.read(lambda c: outbox.list_deliveries(c, limit=2))
    assert [row.id for row in newest] == [6, 5]
    following = await store.read(lambda c: outbox.list_deliveries(c, limit=2, before_id=newest[-1].id))
    assert [row.id for row in following] == [4, 3]
    assert [row.id for row in await rows(store, crm="leads-only")] == [6]
    assert [row.id for row in await rows(store, lead_id="lead-3")] == [4]
    assert await rows(store, states=["dead"]) == []
    assert await rows(store, states=["no such state"]) == []
    assert len(await rows(store, states=("waiting", "dead"))) == 6
    assert await rows(store, since=LATER) == []
    assert len(await rows(store, since=NOW, until=LATER)) == 6
    assert await store.read(lambda c: outbox.show(c, 999)) is None


async def test_the_backlog_counts_what_is_unsent_or_dead_by_crm(store: Store) -> None:
    await put(store, TWIN, 1, 2, key="a")
    await put(store, TWIN, 3, key="b")
    await put(store, LEADS_ONLY, 4)
    _, dies = (await claim(store)).rows
    await settle(store, dies, Rejected("no"))
    await store.write(lambda c: outbox.hold(c, [2], "x", NOW))
    only_leads, twin = await store.read(outbox.backlog)
    assert (only_leads.crm, only_leads.waiting, only_leads.oldest) == ("leads-only", 1, NOW)
    assert (twin.crm, twin.waiting, twin.sending, twin.held, twin.dead) == ("twin", 0, 1, 1, 1)


async def test_no_statement_of_the_worker_reads_rows_that_are_done(store: Store) -> None:
    def plans(connection: Connection) -> list[str]:
        seen = []
        for statement in (claims._HEADS, claims._ANY_DUE):
            values = {"b_crm": "twin", "b_at": NOW, "b_limit": 10}
            wanted = {name: value for name, value in values.items() if name in statement.compile().params}
            sql = statement.params(**wanted).compile(connection.engine, compile_kwargs={"literal_binds": True})
            seen += [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
        return seen

    found = await store.read(plans)
    used = " | ".join(found)
    assert "ix_outbox_due" in used
    assert "ix_outbox_unsent" in used
    assert not [line for line in found if line.startswith("SCAN ")]
