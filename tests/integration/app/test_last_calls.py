"""What the doctor calls the last calls: from the database, and before the first start from the logs of the PBX."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.checkup import checkup
from gateway.app.lastcalls import call_finding, last_calls
from gateway.config import Settings
from gateway.core.clock import SystemClock
from gateway.core.findings import Finding, Level
from gateway.storage.store import Store
from gateway.telephony.lines import LineRules
from tests.support.ports import LOOPBACK, free_ports
from tests.support.seed import add_interaction
from tests.support.sink import ManualClock
from tests.unit.telephony.history.logs import RECORDED, recorded_cel

CALL = {
    "direction": "inbound",
    "caller": "+79261234567",
    "dialled": "+74950000101",
    "started_at": "2026-11-22T09:30:00+00:00",
    "facts": {"first": {"technology": "PJSIP", "endpoint": "mango", "context": "from-trunk", "trunk": True}},
}
NEWEST = datetime.fromtimestamp(max(row.at for row in recorded_cel()), UTC)
CDR = (RECORDED / "cdr.csv").read_text(encoding="utf-8")


def settings_for(folder: Path, *pbxs: dict[str, Any]) -> Settings:
    common = {"host": LOOPBACK, "port": 1, "username": "leadgate", "secret": "hunter2"}
    environ = {"LEADGATE_GATEWAY__DATA": str(folder), "LEADGATE_PBX": json.dumps([common | one for one in pbxs])}
    return Settings.load(None, environ)


def office(**logs: str | dict[str, str]) -> dict[str, Any]:
    return {"name": "office", **logs}


async def told(folder: Path, *pbxs: dict[str, Any], now: datetime = NEWEST) -> list[Finding]:
    return await last_calls(settings_for(folder, *pbxs), ManualClock(now + timedelta(minutes=1)))


def seed_calls(connection: Any, count: int = 25) -> None:
    for number in range(count):
        key = f"00000000-0000-7000-8000-{number:012d}"
        add_interaction(connection, key, channel="call", source_name="office", details=CALL)


async def test_the_last_calls_are_told_with_direction_and_why(store: Store, tmp_path: Path) -> None:
    await store.write(seed_calls)
    calls = await told(tmp_path, office())
    assert len(calls) == 20
    assert "inbound, +79261234567 -> +74950000101: came in from PJSIP/mango, context from-trunk" in str(calls[0].said)


def test_a_call_without_a_direction_is_a_warning_with_the_keys_to_set() -> None:
    finding = call_finding("office", {"facts": {}}, LineRules())
    assert finding.level is Level.WARN
    assert "trunk_contexts" in str(finding.remedy)


@pytest.mark.parametrize("kind", ["cel", "cdr"])
async def test_before_the_first_start_the_last_calls_are_those_of_the_log(tmp_path: Path, kind: str) -> None:
    calls = await told(tmp_path / "data", office(**{kind: str(RECORDED / f"{kind}.csv")}))
    assert len(calls) == 20
    assert [str(finding.subject) for finding in calls] == sorted(
        (str(finding.subject) for finding in calls), reverse=True
    )
    assert all(str(finding.said).endswith(f"(from its {kind}).") for finding in calls)
    directions = {str(finding.said).partition(",")[0] for finding in calls}
    assert directions == {"inbound", "outbound"}, "the one internal call is an older one"
    assert any(
        "came in from PJSIP/trunk, context from-trunk (calls from outside" in str(finding.said) for finding in calls
    )
    assert not (tmp_path / "data").exists(), "the doctor makes nothing"


async def test_line_that_the_configuration_does_not_know_is_seen_before_the_first_call(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    text = (RECORDED / "cel.csv").read_text(encoding="utf-8")
    log.write_text(text.replace("PJSIP/trunk-", "PJSIP/mango-").replace("from-trunk", "beeline"), encoding="utf-8")
    unknown = await told(tmp_path / "data", office(cel=str(log)))
    assert any("neither its name nor its context tells" in str(finding.said) for finding in unknown)
    named = await told(tmp_path / "data", {**office(cel=str(log)), "trunks": ["PJSIP/mango"]})
    assert any("came in from PJSIP/mango, context beeline (a line of [[pbx]] trunks)" in str(one.said) for one in named)
    assert not any("neither its name" in str(finding.said) for finding in named)


async def test_calls_of_a_table_are_told_without_reading_all_of_it(tmp_path: Path) -> None:
    database = tmp_path / "asteriskcdrdb.db"
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE cdr (calldate, src, dst, dcontext, channel, dstchannel, lastapp, lastdata, duration, billsec,"
            " disposition, uniqueid, linkedid)"
        )
        for number in range(3_000):  # one a minute
            at = now - timedelta(minutes=3_000 - number)
            uniqueid = f"{int(at.timestamp())}.{number}"
            connection.execute(
                f"INSERT INTO cdr VALUES ({', '.join('?' * 13)})",
                (at.strftime("%Y-%m-%d %H:%M:%S"), f"7926{number:07d}", "74950000101", "from-trunk", "PJSIP/trunk-01",
                 "PJSIP/101-02", "Dial", "PJSIP/101,10", 12, 7, "ANSWERED", uniqueid, uniqueid),
            )  # fmt: skip
    connection.close()
    calls = await told(tmp_path / "data", office(cdr=f"sqlite:///{database}"), now=now)
    assert [str(finding.said).split(",")[1].split()[0] for finding in calls] == [
        f"+7926{number:07d}" for number in range(2_999, 2_979, -1)
    ]


async def test_a_quiet_pbx_is_looked_at_further_back(tmp_path: Path) -> None:
    calls = await told(tmp_path, office(cel=str(RECORDED / "cel.csv")), now=NEWEST + timedelta(days=90))
    assert len(calls) == 20


async def test_log_without_calls_is_said(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text("")
    (finding,) = await told(tmp_path / "data", office(cel=str(log)))
    assert (finding.level, str(finding.subject)) == (Level.NOTE, "pbx office: last calls")
    assert "call in and out once" in str(finding.remedy)


async def test_log_that_is_away_leaves_the_word_to_the_other_and_no_log_says_nothing(tmp_path: Path) -> None:
    cdr = tmp_path / "cdr.csv"
    cdr.write_text(CDR, encoding="utf-8")
    for away in (str(tmp_path / "nowhere.csv"), f"sqlite:///{tmp_path}/nowhere.db"):
        calls = await told(tmp_path / "data", office(cel=away, cdr=str(cdr)))
        assert {str(finding.said)[-len("(from its cdr).") :] for finding in calls} == {"(from its cdr)."}
        assert await told(tmp_path / "data", office(cel=away)) == []
    assert await told(tmp_path / "data", office(cel="nosuch://x:y:z")) == []
    assert await told(tmp_path / "data", office()) == []


async def test_second_pbx_is_told_from_its_log_beside_the_stored_calls_of_the_first(
    store: Store, tmp_path: Path
) -> None:
    await store.write(seed_calls)
    log = str(RECORDED / "cel.csv")
    calls = await told(tmp_path, office(cel=log), {"name": "warehouse", "cel": log})
    subjects = [str(finding.subject).partition(": call ")[0] for finding in calls]
    assert subjects == ["pbx office"] * 20 + ["pbx warehouse"] * 20


async def test_doctor_shows_the_calls_of_the_log_behind_what_it_says_of_the_log(tmp_path: Path) -> None:
    web, smtp = free_ports(2)
    pbx = {"name": "office", "host": LOOPBACK, "port": free_ports(1)[0], "username": "u", "secret": "s",
           "cel": str(RECORDED / "cel.csv")}  # fmt: skip
    environ = {
        "LEADGATE_GATEWAY__DATA": str(tmp_path / "data"),
        "LEADGATE_WEB__PUBLIC": f"{LOOPBACK}:{web}",
        "LEADGATE_WEB__PRIVATE": f"{LOOPBACK}:{web}",
        "LEADGATE_SMTP__LISTEN": f"{LOOPBACK}:{smtp}",
        "LEADGATE_PBX": json.dumps([pbx]),
    }
    settings = Settings.load(None, environ)
    subjects = [str(finding.subject) async for finding in checkup(settings, SystemClock())]
    first = next(index for index, subject in enumerate(subjects) if ": call " in subject)
    assert "pbx office: cel" in subjects[:first]
    assert sum(": call " in subject for subject in subjects) == 20
