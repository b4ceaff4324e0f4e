"""Logs, connector and the real store together: every call once, told by whoever knows it best."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, select

from gateway.capture.cursors import StoredCursors
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.core.types import Outcome
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Journal
from gateway.telephony.history.backfill import Backfill
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.history.report import history_inbound
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.report import inbound_of
from tests.support.clock import FakeClock, counting_ids
from tests.support.patience import PATIENCE
from tests.unit.telephony.history.logs import RECORDED, REGION, calls_of

pytest_plugins = ["tests.support.store"]

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CEL = (RECORDED / "cel.csv").read_bytes()
FROM_CEL = calls_of(RECORDED / "cel.csv", "cel")
FROM_CDR = calls_of(RECORDED / "cdr.csv", "cdr")


@pytest_asyncio.fixture
async def sink(store: Store, tmp_path: Path) -> DurableSink:
    spool = Spool(tmp_path / "spool")
    spool.open()
    return DurableSink(
        store=store,
        spool=spool,
        clock=FakeClock(NOW),
        new_id=counting_ids(),
        keep=None,
        on_stored=lambda: None,
        patience=PATIENCE,
    )


def backfill(store: Store, sink: DurableSink, folder: Path, *kinds: Any, live: LiveCalls | None = None) -> Backfill:
    clock = FakeClock(NOW)
    logs = [LogFile(folder / f"{kind}.csv", kind, UTC) for kind in kinds]
    cursors = StoredCursors(store, clock)
    return Backfill("office", logs, sink, cursors, clock, lines=LineRules(), region=REGION, live=live)


async def read_twice(part: Backfill) -> None:
    """The second look settles the calls at the end of the log."""
    for _ in range(2):
        for state in part._states:
            await part.read(state)


async def calls(store: Store) -> dict[str, Any]:
    rows = await store.read(lambda connection: connection.execute(select(Interaction)).all())
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: row for row in rows}


def reports(connection: Connection) -> list[str]:
    return list(connection.execute(select(Journal.dedup_key)).scalars())


def live_report(record: CallRecord) -> Any:
    return inbound_of(record, pbx="office", region=REGION, received_at=NOW)


async def test_backfill_of_an_outage_stores_every_call_once_under_the_connectors_keys(
    store: Store, sink: DurableSink
) -> None:
    await read_twice(backfill(store, sink, RECORDED, "cel", "cdr"))
    stored = await calls(store)
    assert set(stored) == {f"call:office:{record.linkedid}" for record in FROM_CEL}
    assert {row.phase for row in stored.values()} == {"ended"}
    assert {row.details["from"] for row in stored.values()} == {"cel"}
    before = await store.read(reports)
    await read_twice(backfill(store, sink, RECORDED, "cel", "cdr"))  # a restart of the gateway
    assert await calls(store) == stored
    assert await store.read(reports) == before


async def test_whole_live_calls_stay_as_they_are_and_make_no_second_report(store: Store, sink: DurableSink) -> None:
    for record in FROM_CEL:
        await sink.accept(live_report(record))
    before = await calls(store)
    await read_twice(backfill(store, sink, RECORDED, "cel"))
    assert await calls(store) == before
    assert len(await store.read(reports)) == len(FROM_CEL)


async def test_calls_that_the_connector_has_told_are_not_even_handed_over(store: Store, sink: DurableSink) -> None:
    live = LiveCalls()
    for record in FROM_CEL[1:]:
        live.told(record)
    await read_twice(backfill(store, sink, RECORDED, "cel", live=live))
    assert set(await calls(store)) == {f"call:office:{FROM_CEL[0].linkedid}"}


async def test_call_that_was_ringing_when_the_gateway_died_is_ended_by_the_log(store: Store, sink: DurableSink) -> None:
    answered = next(record for record in FROM_CEL if record.outcome == "answered" and record.caller_name)
    ringing = replace(
        answered, ended=False, answered=False, answered_by=None, answered_at=None, ended_at=None, recording="live.wav"
    )
    await sink.accept(live_report(ringing))
    await read_twice(backfill(store, sink, RECORDED, "cel"))
    row = (await calls(store))[f"call:office:{answered.linkedid}"]
    assert (row.phase, row.outcome, row.details["answered_by"]) == ("ended", "answered", answered.answered_by)
    assert row.details["recording"] == "live.wav"


async def test_live_record_with_a_gap_is_put_right_by_the_log(store: Store, sink: DurableSink) -> None:
    answered = next(record for record in FROM_CEL if record.outcome == "answered" and record.talk_seconds)
    guessed = replace(
        answered, gap=True, answered=False, answered_by=None, answered_at=None, outcome="missed", talk_seconds=None
    )
    await sink.accept(live_report(guessed))
    await read_twice(backfill(store, sink, RECORDED, "cdr"))
    row = (await calls(store))[f"call:office:{answered.linkedid}"]
    assert (row.outcome, row.details["from"]) == ("answered", "cdr")
    await read_twice(backfill(store, sink, RECORDED, "cel"))
    row = (await calls(store))[f"call:office:{answered.linkedid}"]
    assert (row.details["from"], row.details["talk_seconds"]) == ("cel", answered.talk_seconds)
    assert row.details["facts"]["cdr"]["billsec"] >= 0


async def test_live_record_that_comes_after_the_logs_wins_but_keeps_what_only_the_cdr_knew(
    store: Store, sink: DurableSink
) -> None:
    told = replace(FROM_CDR[0], recording="billing.wav")
    await sink.accept(history_inbound(told, "cdr", pbx="office", region=REGION, received_at=NOW))
    whole = next(record for record in FROM_CEL if record.linkedid == told.linkedid)
    receipt = await sink.accept(live_report(whole))
    assert receipt.outcome is Outcome.STORED
    row = (await calls(store))[f"call:office:{told.linkedid}"]
    assert "from" not in row.details
    assert (row.details["missed_reason"], row.details["recording"]) == (whole.missed_reason, "billing.wav")


async def test_gateway_killed_in_the_middle_of_a_backfill_goes_on_and_tells_each_call_once(
    store: Store, sink: DurableSink
) -> None:
    class Dies:
        """Takes ten calls and is gone."""

        taken = 0

        async def accept(self, item: Any) -> Any:
            if self.taken == 10:
                raise RuntimeError("killed")
            self.taken += 1
            return await sink.accept(item)

    dying = backfill(store, Dies(), RECORDED, "cel")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        await read_twice(dying)
    assert await StoredCursors(store, FakeClock(NOW)).get("cel:office") is None, "no cursor before its calls"
    await read_twice(backfill(store, sink, RECORDED, "cel"))
    assert len(await calls(store)) == len(FROM_CEL)
    reported = await store.read(reports)
    assert len(reported) == len(set(reported)) == len(FROM_CEL)


async def test_cursor_moves_with_the_log_and_waits_for_calls_in_progress(
    store: Store, sink: DurableSink, tmp_path: Path
) -> None:
    log = tmp_path / "cel.csv"
    log.write_bytes(CEL[: len(CEL) // 2])
    part = backfill(store, sink, tmp_path, "cel")
    await read_twice(part)
    place = await StoredCursors(store, FakeClock(NOW)).get("cel:office")
    assert place is not None
    assert place["place"]["offset"] < len(CEL) // 2
    log.write_bytes(CEL)
    await read_twice(part)
    place = await StoredCursors(store, FakeClock(NOW)).get("cel:office")
    assert place is not None
    assert place["place"]["offset"] == len(CEL)
    assert len(await calls(store)) == len(FROM_CEL)
