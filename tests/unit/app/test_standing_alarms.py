"""People hear of a trouble that lasts, once, and not of one that comes and goes."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.app.standingalarms import StandingAlarms
from gateway.capture.room import Room
from gateway.capture.spool import Spool
from gateway.core.languages import texts_for
from gateway.core.ports import SourceHealth
from gateway.core.sentences import Sentence
from tests.support.clock import FakeClock

MINUTE = 60.0


class Pbx:
    """Implements ``core.ports.HealthSource``."""

    def __init__(self) -> None:
        self.ok = True

    def health(self) -> list[SourceHealth]:
        return [
            SourceHealth(
                name="ami:office",
                ok=self.ok,
                state="connecting",
                detail=Sentence("Nobody answers at %(pbx)s.", {"pbx": "pbx:5038"}),
            )
        ]


def _alarms(tmp_path: Path, clock: FakeClock, pbx: Pbx, room: Room | None = None) -> StandingAlarms:
    spool = Spool(tmp_path / "spool")
    spool.open()
    return StandingAlarms(sources=[pbx], spool=spool, room=room, clock=clock)


def test_a_source_that_is_down_for_long_is_told_with_what_to_do(tmp_path: Path) -> None:
    clock, pbx = FakeClock(), Pbx()
    alarms = _alarms(tmp_path, clock, pbx)
    pbx.ok = False
    assert alarms.alarms() == []
    clock.move(5 * MINUTE)
    (alarm,) = alarms.alarms()
    assert "ami:office" in str(alarm.subject)
    assert "Nobody answers" in str(alarm.text)
    assert "leadgate doctor" in str(alarm.text)
    clock.move(MINUTE)
    assert [again.key for again in alarms.alarms()] == [alarm.key], "the same trouble, so the same key"


def test_a_source_that_comes_and_goes_is_not_told_and_a_second_trouble_is_another_one(tmp_path: Path) -> None:
    clock, pbx = FakeClock(), Pbx()
    alarms = _alarms(tmp_path, clock, pbx)
    keys = set()
    for minutes_down in (4, 6, 4, 6):
        pbx.ok = False
        alarms.alarms()
        clock.move(minutes_down * MINUTE)
        keys |= {alarm.key for alarm in alarms.alarms()}
        pbx.ok = True
        clock.move(MINUTE)
        assert alarms.alarms() == []
    assert len(keys) == 2


def test_a_spool_that_does_not_empty_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    alarms = _alarms(tmp_path, clock, Pbx())
    (tmp_path / "spool/01795300000000000000-000001.item").write_bytes(b"x")
    assert alarms.alarms() == []
    clock.move(10 * MINUTE)
    (alarm,) = alarms.alarms()
    assert "Items that wait for it: 1." in str(alarm.text)


def test_a_disk_that_fills_is_told_at_once_and_again_when_nothing_is_taken_any_more(tmp_path: Path) -> None:
    clock = FakeClock()
    free = 400 << 20
    room = Room(tmp_path, 100 << 20, clock, lambda _: free)
    alarms = _alarms(tmp_path, clock, Pbx(), room)
    clock.move(2)
    (low,) = alarms.alarms()
    assert str(low.text).startswith("Only 400 MiB are free")
    free = 50 << 20
    clock.move(2)
    (full,) = alarms.alarms()
    assert full.key != low.key
    free = 1 << 40
    clock.move(2)
    assert alarms.alarms() == []


def test_alarms_are_said_in_russian_and_keep_the_words_of_the_other_side(tmp_path: Path) -> None:
    clock, pbx = FakeClock(), Pbx()
    alarms = _alarms(tmp_path, clock, pbx, Room(tmp_path, 100 << 20, clock, lambda _: 50 << 20))
    (tmp_path / "spool/01795300000000000000-000001.item").write_bytes(b"x")
    pbx.ok = False
    clock.move(2)
    alarms.alarms()
    clock.move(10 * MINUTE)
    texts = texts_for("ru")
    said = {str(alarm.subject): (alarm.subject.said(texts), alarm.text.said(texts)) for alarm in alarms.alarms()}
    assert len(said) == 3
    subject, text = said["ami:office does not work (connecting)"]
    assert subject == "ami:office не работает (подключается)"
    assert "Nobody answers at pbx:5038." in text
    for english, (subject, text) in said.items():
        assert subject != english
        assert re.search("[а-я]{4}", text), text
