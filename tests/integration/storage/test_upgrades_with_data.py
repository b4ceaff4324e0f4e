"""Upgrades that move data: what an older version stored is told the same way afterwards."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from gateway.storage.engine import writing_engine
from gateway.storage.migrations import upgrade_engine
from gateway.storage.settings import StorageSettings

INTERACTION = """
INSERT INTO interaction (id, "key", channel, connector, source_name, phase, fields, source, handles, attachments,
                         problems, details, occurred_at, received_at, updated_at)
VALUES (:id, :id, :channel, 'ami', 'office', 'ended', '{}', '{}', '[]', '[]', '[]', :details,
        '2026-11-23 09:00:00.000000', '2026-11-23 09:00:00.000000', '2026-11-23 09:00:00.000000')
"""


def test_calls_of_before_have_their_figures_as_columns(tmp_path: Path) -> None:
    engine = writing_engine(StorageSettings(url=f"sqlite:///{tmp_path}/x.db").resolved(""))
    upgrade_engine(engine, "0010")
    missed = '{"missed_reason": "busy", "queue": "500", "wait_seconds": 12.5, "talk_seconds": null}'
    odd = '{"missed_reason": null, "queue": "", "wait_seconds": "soon", "talk_seconds": true}'
    with engine.begin() as connection:
        rows = [{"id": f"c{n:05}", "channel": "call", "details": missed} for n in range(1500)]
        connection.execute(text(INTERACTION), rows)
        connection.execute(text(INTERACTION), {"id": "odd", "channel": "call", "details": odd})
        connection.execute(text(INTERACTION), {"id": "mail", "channel": "mail", "details": missed})
    upgrade_engine(engine, "0011")
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT missed_reason, queue, wait_seconds, talk_seconds, count(*) FROM interaction GROUP BY 1, 2, 3, 4"
            )
        )
        assert {tuple(row) for row in found} == {("busy", "500", 12.5, None, 1500), (None, None, None, None, 2)}
    engine.dispose()


def test_second_factors_of_before_are_kept(tmp_path: Path) -> None:
    """SQLite copies the table for it: nothing may be lost on the way."""
    engine = writing_engine(StorageSettings(url=f"sqlite:///{tmp_path}/x.db").resolved(""))
    upgrade_engine(engine, "0014")
    moment = "2026-11-23 09:00:00.000000"
    with engine.begin() as connection:
        person = {"id": "m1", "at": moment}
        connection.execute(
            text(
                "INSERT INTO manager (id, login, name, role, extensions, created_at) "
                "VALUES (:id, 'anna', 'Anna', 'owner', '[]', :at)"
            ),
            person,
        )
        connection.execute(
            text("INSERT INTO totp (manager_id, secret, created_at, last_step) VALUES (:id, 'JBSWY3DP', :at, 7)"),
            person,
        )
    upgrade_engine(engine, "0015")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT manager_id, secret, created_at, confirmed_at, last_step FROM totp"))
        assert [tuple(row) for row in found] == [("m1", "JBSWY3DP", moment, None, 7)]
    engine.dispose()
