"""pytest's side of the real servers: the ``peer`` marker and the fixtures that start each server once a session.

A test that needs a server says so with ``@pytest.mark.peer("asterisk")`` or by asking for the server's fixture. Where
the server can't run the test is skipped with the reason; with ``REQUIRE_PEERS=1`` it fails instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

import pytest

from tests.peers import axe, chromium, dovecot, mariadb, postgresql, strace, tryton
from tests.peers.asterisk import server as asterisk
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.dovecot import DovecotServer
from tests.peers.installed import PeerMissing, required
from tests.peers.mariadb import MariadbServer
from tests.peers.postgresql import PostgresServer
from tests.peers.tryton import TrytonPeer

Server = TypeVar("Server")

AVAILABLE: dict[str, Callable[[], object]] = {
    "asterisk": asterisk.check_installed,
    "axe": axe.script,
    "chromium": chromium.program,
    "dovecot": dovecot.check_installed,
    "mariadb": mariadb.check_installed,
    "postgresql": postgresql.find_programs,
    "strace": strace.check,
    "tryton": tryton.check_installed,
}
"""A peer's name to a check that raises PeerMissing."""

FIXTURE_NEEDS = {
    "asterisk_pair": "asterisk",
    "dovecot_server": "dovecot",
    "mariadb_url": "mariadb",
    "postgresql_server": "postgresql",
    "postgresql_url": "postgresql",
    "tryton_peer": "tryton",
}
"""Fixtures that mark the tests which use them, so that ``-m 'not peer'`` leaves out what it should."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that uses a server's fixture."""
    for item in items:
        for name in sorted(
            {FIXTURE_NEEDS[used] for used in getattr(item, "fixturenames", ()) if used in FIXTURE_NEEDS}
        ):
            item.add_marker(pytest.mark.peer(name))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail, before any fixture of the test is made."""
    for marker in item.iter_markers("peer"):
        (name,) = marker.args
        if name not in AVAILABLE:
            raise pytest.UsageError(f"{item.nodeid}: unknown peer {name!r}; known: {', '.join(sorted(AVAILABLE))}")
        try:
            AVAILABLE[name]()
        except PeerMissing as missing:
            _give_up(missing)


def _give_up(missing: PeerMissing) -> NoReturn:
    if required():
        pytest.fail(f"REQUIRE_PEERS=1: {missing}", pytrace=False)
    pytest.skip(str(missing))


def _started(start: Callable[[], Server]) -> Server:
    try:
        return start()
    except PeerMissing as missing:
        _give_up(missing)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test session's own."""
    server = _started(PostgresServer.start)
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty database; it is dropped after the test."""
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture(scope="session")
def asterisk_pair() -> Iterator[AsteriskPair]:
    """The PBX and its world, running; tests share it, each with phones of its own team."""
    pair = _started(AsteriskPair.start)
    yield pair
    pair.stop()


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[DovecotServer]:
    """A running Dovecot; tests share it, each with a user name of its own."""
    server = _started(DovecotServer.start)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    """A MariaDB of the test session's own."""
    server = _started(MariadbServer.start)
    yield server
    server.stop()


@pytest.fixture
def mariadb_url(mariadb_server: MariadbServer) -> str:
    """The SQLAlchemy URL of a new, empty database."""
    return mariadb_server.create_database()


@pytest.fixture(scope="session")
def tryton_peer() -> Iterator[TrytonPeer]:
    """A Tryton with one company and two employees; tests share it, each with persons of its own."""
    peer = _started(TrytonPeer.start)
    yield peer
    peer.stop()
