"""Whole stories: two gateways at once, a pause, poison among good letters, an upgrade cut short, a restored copy."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.storage.engine import writing_engine
from gateway.storage.migrations import head, upgrade_engine
from gateway.storage.settings import StorageSettings
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import Book, judge
from tests.faults.clients import send_form, send_letter, send_raw
from tests.faults.conftest import thorough
from tests.faults.exchange import Exchange, callers
from tests.integration.mail.bombs import BOMBS
from tests.support.process import Installation

WITHIN = 60.0


async def test_a_second_gateway_on_the_folder_is_refused_in_words_and_the_first_goes_on(
    tmp_path: Path, book: Book
) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    process = installation.start()
    ledger = Ledger()
    try:
        await process.ready()
        second = await asyncio.to_thread(installation.run, "run")
        for name in ("form-1", "mail-2"):
            ledger.sent.add(name)
            send = send_form if name.startswith("form") else send_letter
            assert await send(installation, name) in (200, 250)
            ledger.acknowledged.add(name)
        verdict = await judge(book, "second gateway on the data folder", ledger, installation)
    finally:
        process.kill()
    assert second.returncode == 2
    assert "is used by another Leadgate" in second.stderr
    assert verdict.kept, verdict


@pytest.mark.long
async def test_a_gateway_that_was_paused_goes_on_where_it_was(tmp_path: Path, book: Book) -> None:
    """SIGSTOP under load for longer than the sink's patience; clients give up and come again."""
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    process = installation.start()
    rounds = 5 if thorough() else 1
    try:
        await process.ready()
        async with Load(installation, forms=3, mails=2) as load:
            for _ in range(rounds):
                await asyncio.wait_for(load.acknowledged(len(load.ledger.acknowledged) + 20), WITHIN)
                process.pause()
                await asyncio.sleep(5)
                process.resume()
            await asyncio.wait_for(load.acknowledged(len(load.ledger.acknowledged) + 20), WITHIN)
        verdict = await judge(book, "SIGSTOP for 5 s under load", load.ledger, installation, runs=rounds)
    finally:
        process.kill()
    assert verdict.kept, verdict


@pytest.mark.long
@pytest.mark.peer("postgresql")
async def test_two_gateways_on_one_database_store_everything_once_although_one_sleeps_past_its_leases(
    tmp_path: Path, book: Book, postgresql_url: str
) -> None:
    more = FORM_TABLE + f'[storage]\nurl = "{postgresql_url}"\n'
    first = Installation.make(tmp_path / "first", more=more)
    second = Installation.make(tmp_path / "second", more=more)
    one, two = first.start(), second.start()
    ledger = Ledger()
    try:
        await one.ready()
        await two.ready()
        for number in range(1, 31):
            name = f"form-{number}"
            ledger.sent.add(name)
            if number == 10:
                one.pause()
            if number == 20:
                one.resume()
            where = [second] if 10 <= number < 20 else [first, second]
            codes = await asyncio.gather(*(send_form(installation, name) for installation in where))
            assert set(codes) == {200}
            ledger.acknowledged.add(name)
        verdict = await judge(book, "two gateways on one database, one asleep", ledger, second, runs=30)
    finally:
        one.kill()
        two.kill()
    assert verdict.kept, verdict


@pytest.mark.long
async def test_poison_among_good_letters_stops_none_of_them(tmp_path: Path, book: Book) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    bombs = sorted(BOMBS) if thorough() else sorted(BOMBS)[:3]
    process = installation.start()
    ledger = Ledger()
    try:
        await process.ready()
        for number, bomb in enumerate(bombs, 1):
            await send_raw(installation, BOMBS[bomb]())
            name = f"mail-{number}"
            ledger.sent.add(name)
            assert await send_letter(installation, name) == 250
            ledger.acknowledged.add(name)
        fault = "mail bombs among good letters"
        verdict = await judge(
            book, fault, ledger, installation, runs=len(bombs), name_of=lambda items: _good(items, ledger.sent)
        )
    finally:
        process.kill()
    assert verdict.kept, verdict


def _good(items: list[dict[str, object]], known: set[str]) -> list[str]:
    return [str(item["subject"]) for item in items if item["subject"] in known]


@pytest.mark.parametrize(
    "statement", [pytest.param(5, marks=pytest.mark.long), 40, pytest.param(90, marks=pytest.mark.long)]
)
def test_an_upgrade_that_is_killed_leaves_the_old_schema_and_works_the_next_time(
    tmp_path: Path, statement: int, book: Book
) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    engine = writing_engine(StorageSettings(url=url).resolved(""))
    upgrade_engine(engine, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO contact (id, name, created_at, updated_at) "
                "VALUES ('form-1', 'x', '2026-11-22 00:00:00', '2026-11-22 00:00:00')"
            )
        )
    engine.dispose()
    command = [sys.executable, "-m", "tests.faults.cutupgrade", url, str(statement)]
    done = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    found = sqlite3.connect(tmp_path / "x.db")
    assert found.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    found.close()
    assert upgrade_engine(engine).after == head()
    with engine.connect() as connection:
        names = [row[0] for row in connection.execute(text("SELECT id FROM contact"))]
    engine.dispose()
    ledger = Ledger(sent={"form-1"}, acknowledged={"form-1"})
    assert book.write("upgrade killed half-way", ledger, names, runs=1).kept


async def test_a_restored_copy_catches_up_from_the_logs_of_the_pbx(tmp_path: Path, book: Book) -> None:
    """The copy is older than the last calls; the machine is lost; the new one reads on from the copy's own cursors."""
    async with Exchange(tmp_path) as exchange:
        first = Installation.make(tmp_path / "first", more=exchange.config())
        for _ in range(20):
            await exchange.call(heard=False)
        process = first.start()
        await process.ready()
        try:
            await judge(book, "before the copy", exchange.ledger, first, name_of=callers, patience=WITHIN)
            copy = tmp_path / "copy.tar"
            made = await asyncio.to_thread(first.run, "backup", str(copy))
            assert made.returncode == 0, made.stderr
            for _ in range(10):
                await exchange.call(heard=False)
        finally:
            process.kill()
        shutil.rmtree(first.data)
        second = Installation.make(tmp_path / "second", more=exchange.config())
        restored = await asyncio.to_thread(second.run, "restore", str(copy))
        assert restored.returncode == 0, restored.stderr
        process = second.start()
        try:
            await process.ready()
            fault = "backup restored, then catch-up"
            verdict = await judge(book, fault, exchange.ledger, second, name_of=callers, patience=WITHIN)
        finally:
            process.kill()
    assert verdict.kept, verdict
