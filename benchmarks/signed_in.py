"""Sessions of people who look at pages, put into the database before the gateway starts: a sign-in costs argon2id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Manager
from gateway.web.guard import SESSION_COOKIE
from gateway.web.sessions import open_session

OWNER = "bench-owner"
SECRET = "a-session-of-the-benchmark-{}"


def sign_in(data: Path, count: int) -> None:
    """``count`` sessions of one owner in the database of ``data``, which is made where there is none."""
    data.mkdir(parents=True, exist_ok=True)
    upgrade(StorageSettings(), data)
    now = datetime.now(UTC)
    store = Store.open(StorageSettings(), data)
    with store.writer.engine.begin() as connection:
        owner = {"id": OWNER, "login": OWNER, "name": "Owner", "role": "owner", "extensions": [], "created_at": now}
        connection.execute(insert(Manager), owner)
        for number in range(count):
            secret = SECRET.format(number)
            open_session(connection, OWNER, secret=secret, csrf="c", now=now, lifetime=timedelta(hours=12))
    store.writer.engine.dispose()


def cookie(number: int) -> str:
    """The header of a request of the session with this number."""
    return f"{SESSION_COOKIE}={SECRET.format(number)}"
