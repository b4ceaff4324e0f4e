"""The contract of adapters for events, over files: what a folder can do, and what it can't be asked to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from crm_adapter.base import Context, CrmAdapter, Forgets, Misconfigured, Unavailable
from crm_adapter.files import MODE, DayFiles
from crm_adapter.registry import find
from crm_adapter.testing import AdapterContract, FarSide, Fault, error_of, make_event
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from gateway.delivery.settings import CrmSettings
from tests.support.fakecrm.folder import FakeFolder

TROUBLES = {
    Fault.UNAVAILABLE: Trouble.BUSY,
    Fault.UNAUTHORISED: Trouble.FORBIDDEN,
    Fault.LOST_REPLY: Trouble.LOST,
    Fault.HANGS: Trouble.HANGS,
}
NOT_OF_A_FILE = "a folder neither asks for patience nor judges what is written into it"


def options(fake: FakeCrm) -> dict[str, Any]:
    """What both adapters need."""
    assert isinstance(fake, FakeFolder)
    return {"folder": str(fake.folder)}


def storm_options(fake: FakeCrm) -> dict[str, Any]:
    """Few at once: what shares a write shares its fault, and a storm wants them apart."""
    return {**options(fake), "parallel": 3}


def build(crm: CrmSettings, context: Context, fake: FakeCrm) -> DayFiles:
    """The adapter, on the bad disk."""
    return on_disk_of(crm.build(context), fake)


def on_disk_of(adapter: CrmAdapter, fake: FakeCrm) -> DayFiles:
    """Put the bad disk in."""
    assert isinstance(adapter, DayFiles)
    assert isinstance(fake, FakeFolder)
    adapter.disk = fake.disk
    return adapter


class FileSide:
    """A folder, and the adapter that writes there."""

    secrets: Sequence[str] = ()

    def __init__(self, name: str, fake: FakeFolder, **more: Any) -> None:
        self.fake = fake
        built = find(name)({**options(fake), "timeout": 1.0, **more}, Context(name="test"))
        self.adapter: CrmAdapter = on_disk_of(built, fake)

    def next(self, faults: Iterable[Fault]) -> None:
        troubles = [TROUBLES[fault] for fault in faults]
        self.fake.next(troubles)
        if not troubles:  # the share answers again
            self.fake.disk.released.set()

    def records(self) -> Sequence[Mapping[str, Any]]:
        return [{name: one[name] for name in ("message_id", "type", "data")} for one in self.fake.documents()]


class FileContract(AdapterContract):
    """Inherit, and name the adapter."""

    name: ClassVar[str]

    @pytest_asyncio.fixture
    async def far_side(self) -> AsyncIterator[FileSide]:
        fake = FakeFolder(f".{self.name}")
        await fake.start()
        side = FileSide(self.name, fake)
        yield side
        fake.disk.released.set()
        await side.adapter.close()
        await fake.stop()

    async def test_a_crm_that_asks_for_patience_is_throttled_with_its_seconds(self, far_side: FarSide) -> None:
        pytest.skip(NOT_OF_A_FILE)

    async def test_a_refused_event_is_rejected_with_the_words_of_the_crm(self, far_side: FarSide) -> None:
        pytest.skip(NOT_OF_A_FILE)

    async def test_every_error_has_a_sentence_and_shows_no_secret(self, far_side: FarSide, caplog: Any) -> None:
        caplog.set_level(logging.DEBUG)
        for number, fault in enumerate(TROUBLES, start=1):
            far_side.next([fault])
            error = await error_of(far_side.adapter, make_event(number))
            assert str(error).strip()
            assert "\n" not in str(error)

    async def test_a_line_cut_by_a_loss_of_power_is_dropped_and_written_again(self, far_side: FileSide) -> None:
        await far_side.adapter.push(make_event(1))
        far_side.fake.next([Trouble.CUT])
        await error_of(far_side.adapter, make_event(2))
        (path,) = far_side.fake.files()
        assert not path.read_bytes().endswith(b"\n"), "the disk of this test must leave half a line"
        await far_side.adapter.push(make_event(2, attempt=2))
        assert [one["data"]["id"] for one in far_side.records()] == ["1", "2"]

    async def test_a_new_process_knows_what_an_earlier_one_wrote(self, far_side: FileSide) -> None:
        await far_side.adapter.push(make_event(1))
        other = FileSide(self.name, far_side.fake)
        await other.adapter.push(make_event(1, attempt=2))
        await other.adapter.push(make_event(2))
        assert len(far_side.records()) == 2

    async def test_a_full_disk_leaves_no_half_line(self, far_side: FileSide) -> None:
        far_side.next([Fault.UNAVAILABLE])
        error = await error_of(far_side.adapter, make_event(1))
        assert type(error) is Unavailable
        assert "No space left" in str(error)
        assert not far_side.records()

    async def test_a_day_ends_at_midnight_of_its_own_zone(self, far_side: FileSide) -> None:
        side = FileSide(self.name, far_side.fake, timezone="Asia/Vladivostok", prefix="day")
        at = make_event(1).timestamp
        for number, hour in enumerate((13, 14), start=1):  # UTC+10
            event = make_event(number)
            await side.adapter.push(type(event)(type=event.type, message_id=event.message_id, data=event.data,
                                                timestamp=at.replace(hour=hour, minute=0)))  # fmt: skip
        assert [path.stem for path in far_side.fake.files()] == ["day-2026-11-22", "day-2026-11-23"]

    async def test_a_file_that_another_program_took_away_is_begun_anew(self, far_side: FileSide) -> None:
        await far_side.adapter.push(make_event(1))
        (path,) = far_side.fake.files()
        path.rename(path.with_name("taken"))
        await far_side.adapter.push(make_event(2))
        (path.with_name("taken")).unlink()
        assert [one["data"]["id"] for one in far_side.records()] == ["2"]

    async def test_events_that_come_at_once_share_a_sync(self, far_side: FileSide) -> None:
        await self.test_many_events_at_once_all_arrive(far_side)
        assert far_side.fake.disk.appends <= 3

    async def test_files_are_not_for_everybody(self, far_side: FileSide) -> None:
        await far_side.adapter.push(make_event(1))
        (path,) = far_side.fake.files()
        assert path.stat().st_mode & 0o027 == 0

    async def test_a_missing_folder_is_said_with_the_way_out(self, tmp_path: Path) -> None:
        adapter = find(self.name)({"folder": str(tmp_path / "none")}, Context(name="test"))
        error = await error_of(adapter, make_event())
        assert isinstance(error, Misconfigured)
        assert "make the folder" in str(error)
        with pytest.raises(Misconfigured, match="make the folder"):
            await adapter.check()  # type: ignore[attr-defined]

    async def test_a_person_is_taken_out_of_every_file_and_nobody_else(self, far_side: FileSide) -> None:
        for number, who in enumerate(("+79261234567", "+792612345678", "+79260000000"), start=1):
            data = {"id": str(number), "contact": {"id": f"c{number}", "phones": [who]}, "text": '; "quoted" \''}
            await far_side.adapter.push(make_event(number, data=data))
        await far_side.adapter.push(make_event(4, data={"id": "4", "lead": "lead-of-ivan"}))
        assert isinstance(far_side.adapter, Forgets)
        (done,) = await far_side.adapter.forget({"lead-of-ivan"}, ["+79261234567"])
        assert (done.count, done.problem) == (2, "")
        assert [one["data"]["id"] for one in far_side.records()] == ["2", "3"]
        assert await far_side.adapter.forget({"lead-of-ivan"}, ["+79261234567"]) == []
        await far_side.adapter.push(make_event(5))
        assert [one["data"]["id"] for one in far_side.records()] == ["2", "3", "5"]
        (path,) = far_side.fake.files()
        assert path.stat().st_mode & 0o777 == MODE
        assert [found.name for found in path.parent.iterdir()] == [path.name], "nothing is left beside it"

    async def test_what_is_written_while_a_person_is_taken_out_is_not_lost(self, far_side: FileSide) -> None:
        """Another process takes lines out: ``leadgate erase`` runs beside the gateway."""
        other = FileSide(self.name, far_side.fake)
        assert isinstance(other.adapter, Forgets)
        for number in range(1, 41):
            gone = make_event(number, data={"id": str(number), "contact": {"id": f"gone-{number}"}})
            await far_side.adapter.push(gone)
            await asyncio.gather(
                far_side.adapter.push(make_event(1000 + number)), other.adapter.forget({f"gone-{number}"}, [])
            )
        await other.adapter.close()
        assert sorted(one["data"]["id"] for one in far_side.records()) == sorted(str(1000 + n) for n in range(1, 41))

    async def test_a_file_that_can_not_be_changed_is_named_and_stays_whole(self, far_side: FileSide) -> None:
        await far_side.adapter.push(make_event(1, data={"id": "1", "contact": {"id": "c1"}}))
        (path,) = far_side.fake.files()
        before = path.read_bytes()
        path.with_name(f".{path.name}.new").mkdir()  # where the other file would be made
        assert isinstance(far_side.adapter, Forgets)
        (done,) = await far_side.adapter.forget({"c1"}, [])
        path.with_name(f".{path.name}.new").rmdir()
        assert done.place == str(path)
        assert "can't be taken out" in done.problem
        assert path.read_bytes() == before
