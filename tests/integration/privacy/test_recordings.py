"""Recordings of erased people: removed, or a duty until they are; copies at CRMs are named."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from crm_adapter.testing import make_event
from gateway.app.erasing import ErasedEverywhere, erase_everywhere
from gateway.app.removal import RecordingRemoval, recordings_left
from gateway.app.upkeep import Upkeep
from gateway.audit.log import CONSOLE, verify
from gateway.core.types import Handle, HandleKind
from gateway.delivery.settings import CrmSettings
from gateway.privacy.erase import Memory, erase
from gateway.privacy.recordings import BATCH, count_owed, owed
from gateway.storage.store import Store
from gateway.storage.tables import Audit, ContactHandle, CrmLink, Interaction, Outbox, table_of
from tests.support.callbacks import IVAN, PETR, CallbackHouse, answered, minute, missed
from tests.support.clock import MONDAY, FakeClock

TOMORROW = MONDAY + timedelta(days=1)
PHONE, OTHER = Handle(HandleKind.PHONE, IVAN), Handle(HandleKind.PHONE, PETR)
NAME = "/var/spool/asterisk/monitor/2026/in-79261234567.wav"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of recordings, with one of Ivan and one of nobody."""
    folder = tmp_path / "monitor"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026/in-79261234567.wav").write_bytes(b"RIFF")
    (folder / "2026/other.wav").write_bytes(b"RIFF")
    return folder


async def talked(store: Store, tmp_path: Path, *whom: str, recording: str = NAME) -> CallbackHouse:
    """Everybody named spoke with us, and it was recorded."""
    house = CallbackHouse(store, tmp_path / "spool")
    await house.take(*(answered(minute(5 * n), who=who, recording=recording) for n, who in enumerate(whom)))
    return house


async def forget(store: Store, tmp_path: Path, place: Path | str | None, handle: Handle = PHONE) -> ErasedEverywhere:
    places = {"office": str(place)} if place else {}
    return await erase_everywhere(store, tmp_path, [handle], places=places, clock=clock_at(TOMORROW))


def clock_at(moment: datetime) -> FakeClock:
    clock = FakeClock()
    clock.move((moment - clock.now()).total_seconds())
    return clock


def removal(
    store: Store, place: Path | str, clock: FakeClock | None = None, keep: timedelta | None = None
) -> RecordingRemoval:
    return RecordingRemoval(store=store, places={"office": str(place)}, clock=clock or FakeClock(), keep=keep)


async def deeds(store: Store) -> list[str]:
    return await store.read(lambda c: list(c.execute(select(Audit.action).order_by(Audit.id)).scalars()))


async def test_the_recording_goes_with_the_person_and_nothing_else_does(
    any_store: Store, tmp_path: Path, folder: Path
) -> None:
    await talked(any_store, tmp_path, IVAN)
    done = await forget(any_store, tmp_path, folder)
    assert [one.removed for one in done.recordings] == [str((folder / "2026/in-79261234567.wav").resolve())]
    assert done.complete
    assert [path.name for path in (folder / "2026").iterdir()] == ["other.wav"]
    assert await any_store.read(count_owed) == 0
    assert (await deeds(any_store))[-1] == "recording.removed"
    assert (await any_store.read(verify)).broken_at is None


async def test_a_recording_that_can_not_be_removed_is_a_duty_until_it_can(
    any_store: Store, tmp_path: Path, folder: Path
) -> None:
    """The folder is not mounted when the person is erased; the gateway tries again, at its start and every hour."""
    await talked(any_store, tmp_path, IVAN)
    away = folder.rename(tmp_path / "away")
    folder.mkdir()
    done = await forget(any_store, tmp_path, folder)
    assert not done.complete
    assert "is empty: mount" in done.recordings[0].duty.problem
    (finding,) = await any_store.read(recordings_left)
    assert str(folder) in str(finding.said)
    folder.rmdir()
    away.rename(folder)
    clock = clock_at(TOMORROW)
    upkeep = Upkeep(any_store, clock, removal(any_store, folder, clock))
    await upkeep.start()
    while await any_store.read(count_owed):
        await any_store.check()
    await upkeep.stop()
    assert not (folder / "2026/in-79261234567.wav").exists()
    assert await any_store.read(recordings_left) == []


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder of recordings on a file system that takes no change, not even of root."""
    place = tmp_path / "read-only"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs rights that are not given here")
    try:
        (place / "2026").mkdir()
        (place / "2026/in-79261234567.wav").write_bytes(b"RIFF")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True, capture_output=True)
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


async def test_a_read_only_folder_is_told_with_path_and_reason(store: Store, tmp_path: Path, read_only: Path) -> None:
    await talked(store, tmp_path, IVAN)
    done = await forget(store, tmp_path, read_only)
    problem = done.recordings[0].duty.problem
    assert str(read_only / "2026/in-79261234567.wav") in problem
    assert "Read-only file system" in problem
    assert [duty.problem for duty in await store.read(owed)] == [problem]


@pytest.mark.parametrize("place", [None, "https://pbx.example.com/rec/{file}"])
async def test_where_the_folder_is_not_in_reach_the_administrator_is_told_and_confirms(
    store: Store, tmp_path: Path, place: str | None
) -> None:
    await talked(store, tmp_path, IVAN)
    done = await forget(store, tmp_path, place)
    assert NAME in done.recordings[0].duty.problem
    assert f"leadgate recordings confirm {done.recordings[0].duty.id}" in done.recordings[0].duty.problem
    assert await store.read(count_owed) == 1


async def test_a_link_out_of_the_folder_is_a_duty_for_a_person(store: Store, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "elsewhere.wav").write_bytes(b"RIFF")
    (folder / "2026/link.wav").symlink_to(tmp_path / "elsewhere.wav")
    await talked(store, tmp_path, IVAN, recording="2026/link.wav")
    done = await forget(store, tmp_path, folder)
    assert "leads out of the folder" in done.recordings[0].duty.problem
    assert (tmp_path / "elsewhere.wav").exists()


async def test_of_two_who_share_a_recording_the_first_to_be_erased_takes_it_along(
    any_store: Store, tmp_path: Path, folder: Path
) -> None:
    """A call that was passed on has both voices. Whoever is forgotten is not to be heard any more."""
    await talked(any_store, tmp_path, IVAN, PETR)
    done = await forget(any_store, tmp_path, folder)
    assert done.erased.shared == 1
    assert not (folder / "2026/in-79261234567.wav").exists()
    left = await any_store.read(lambda c: c.execute(select(Interaction.details)).scalars().all())
    assert [details["recording"] for details in left] == [NAME], "the call of the other stays, without its sound"
    again = await forget(any_store, tmp_path, folder, OTHER)
    assert again.complete
    assert again.erased.shared == 0
    assert (folder / "2026/other.wav").exists()


async def test_two_calls_with_one_recording_are_one_duty(store: Store, tmp_path: Path, folder: Path) -> None:
    await talked(store, tmp_path, IVAN, IVAN)
    done = await forget(store, tmp_path, folder)
    assert len(done.recordings) == 1


async def test_a_file_that_the_pbx_has_not_written_yet_is_waited_for(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "monitor"
    folder.mkdir()
    (folder / "other.wav").write_bytes(b"RIFF")
    house = await talked(store, tmp_path, IVAN, recording="late.wav")
    ended = await store.read(lambda c: c.execute(select(Interaction.ended_at)).scalar_one())
    assert ended is not None
    memory = Memory.of(tmp_path)
    await store.write(lambda c: erase(c, [PHONE], memory, actor=CONSOLE, at=house.clock.now()))
    clock = clock_at(ended + timedelta(minutes=1))
    (early,) = await removal(store, folder, clock).remove_owed(CONSOLE)
    assert "not in" in early.duty.problem
    (folder / "late.wav").write_bytes(b"RIFF")
    (late,) = await removal(store, folder, clock).remove_owed(CONSOLE)
    assert late.removed
    assert await store.read(count_owed) == 0


async def test_one_that_was_deleted_long_ago_is_no_duty(store: Store, tmp_path: Path, folder: Path) -> None:
    await talked(store, tmp_path, IVAN, recording="2026/gone.wav")
    done = await forget(store, tmp_path, folder)
    assert done.complete
    assert done.recordings[0].removed is None
    assert (await deeds(store))[-1] == "recording.missing"


async def test_what_was_uploaded_to_a_crm_is_named_with_its_id_there(any_store: Store, tmp_path: Path) -> None:
    await talked(any_store, tmp_path, IVAN, PETR)

    def told(connection: Connection) -> None:
        mine = connection.execute(
            select(Interaction.id, Interaction.contact_id, Interaction.lead_id)
            .join(ContactHandle, ContactHandle.contact_id == Interaction.contact_id)
            .where(ContactHandle.value == IVAN)
        ).one()
        link = {"crm": "espo", "in_doubt": False, "updated_at": MONDAY, "url": None}
        connection.execute(
            insert(CrmLink),
            [
                {**link, "kind": "contact", "local_id": mine.contact_id, "remote_id": "c1", "notes": {}},
                {**link, "kind": "call", "local_id": mine.id, "remote_id": "77", "url": "https://espo/77",
                 "notes": {"recording": "in.wav"}},
                {**link, "kind": "lead", "local_id": mine.lead_id, "remote_id": None, "in_doubt": True, "notes": {}},
            ],
        )  # fmt: skip
        push = {"event_type": "call.finished", "message_id": "m", "order_key": mine.contact_id, "payload": {}}
        made = {"due_at": MONDAY, "created_at": MONDAY, "updated_at": MONDAY, "attempts": 1}
        connection.execute(insert(Outbox), [{**push, **made, "crm": crm} for crm in ("espo", "hook")])
        untold = {**push, **made, "message_id": "n", "crm": "never", "attempts": 0}
        connection.execute(insert(Outbox), untold)

    await any_store.write(told)
    done = await forget(any_store, tmp_path, None)
    said = {(one.crm, one.kind, one.remote_id, one.recording) for one in done.erased.copies}
    assert said == {
        ("espo", "contact", "c1", None),
        ("espo", "call", "77", "in.wav"),
        ("espo", "lead", None, None),
        ("hook", "events", None, None),
    }


@pytest.mark.parametrize("adapter", ["csv", "jsonl"])
async def test_lines_of_crms_that_are_files_go_too(store: Store, tmp_path: Path, adapter: str) -> None:
    leads = tmp_path / "leads"
    leads.mkdir()
    crm = CrmSettings(name="files", adapter=adapter, options={"folder": str(leads)})
    await talked(store, tmp_path, IVAN, PETR)
    pushing = crm.build()
    for number, who in enumerate((IVAN, PETR), start=1):
        contact = {"id": f"c{number}", "phones": [who], "emails": []}
        await pushing.push(make_event(number, data={"id": str(number), "contact": contact}))
    done = await erase_everywhere(store, tmp_path, [PHONE], crms=[crm], clock=clock_at(TOMORROW))
    assert [(Path(one.place).suffix, one.count) for one in done.files] == [(f".{adapter}", 1)]
    await pushing.push(make_event(3))
    (path,) = leads.iterdir()
    text = path.read_text(encoding="utf-8")
    assert IVAN not in text
    assert PETR in text
    assert len(text.splitlines()) == (3 if adapter == "csv" else 2)
    await pushing.close()


async def test_no_log_brings_the_call_or_its_recording_back(store: Store, tmp_path: Path, folder: Path) -> None:
    await talked(store, tmp_path, IVAN)
    await forget(store, tmp_path, folder)
    house = CallbackHouse(store, tmp_path / "spool", forgotten=Memory.of(tmp_path).forgotten)
    await house.take(answered(minute(0), connector="cdr", recording=NAME))
    assert await store.read(lambda c: c.execute(select(Interaction.id)).all()) == []
    assert await store.read(count_owed) == 0


async def test_recordings_are_kept_for_their_own_time(any_store: Store, tmp_path: Path, folder: Path) -> None:
    house = await talked(any_store, tmp_path, IVAN)
    await house.take(missed(minute(9)), answered(minute(10), who=PETR, recording="2026/other.wav"))
    clock = clock_at(minute(9) + timedelta(days=30))
    work = removal(any_store, folder, clock, keep=timedelta(days=30))
    await work.work()
    assert [path.name for path in (folder / "2026").iterdir()] == ["other.wav"], "the younger one stays"
    named = await any_store.read(
        lambda c: c.execute(select(Interaction.details).order_by(Interaction.occurred_at)).scalars().all()
    )
    assert [details.get("recording") for details in named] == [None, None, "2026/other.wav"]
    clock.move(11 * 60)
    await work.work()
    assert list((folder / "2026").iterdir()) == []


async def test_more_old_recordings_than_one_transaction_takes_all_go(store: Store, tmp_path: Path) -> None:
    folder, count = tmp_path / "monitor", BATCH + 3
    folder.mkdir()
    (folder / "young.wav").write_bytes(b"RIFF")
    blank: dict[str, Any] = {"fields": {}, "source": {}, "handles": [], "attachments": [], "problems": []}
    same = {"channel": "call", "connector": "ami", "source_name": "office", "phase": "ended", "occurred_at": MONDAY,
            "received_at": MONDAY, "updated_at": MONDAY, "ended_at": MONDAY, **blank}  # fmt: skip
    rows = [
        {**same, "id": f"i{n}", "key": f"k{n}", "details": {"recording": f"{n}.wav", "facts": {"recording": "x"}}}
        for n in range(count)
    ]
    for n in range(count):
        (folder / f"{n}.wav").write_bytes(b"RIFF")
    await store.write(lambda c: c.execute(insert(table_of(Interaction)), rows))
    await removal(store, folder, clock_at(MONDAY + timedelta(days=31)), keep=timedelta(days=30)).work()
    assert [path.name for path in folder.iterdir()] == ["young.wav"]
