"""The PostgreSQL fixture itself: what the storage tests stand on."""

from __future__ import annotations

import sqlalchemy as sa

from tests.peers.postgresql import PostgresServer


def _tables(url: str) -> list[str]:
    engine = sa.create_engine(url)
    try:
        return sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _make_table(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE made_once (id integer)"))
    engine.dispose()


def test_each_database_is_new_empty_and_utf8(postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SHOW server_encoding")).scalar_one() == "UTF8"
        connection.execute(sa.text("CREATE TABLE left_behind (id integer)"))
    engine.dispose()
    assert _tables(postgresql_url) == ["left_behind"]


def test_a_table_of_one_test_is_not_seen_by_the_next(postgresql_url: str) -> None:
    assert _tables(postgresql_url) == []


def test_a_template_is_prepared_once_and_copied(postgresql_server: PostgresServer) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        _make_table(url)

    names = [postgresql_server.create_database(postgresql_server.template("made", prepare)) for _ in range(2)]
    assert [_tables(postgresql_server.url(name)) for name in names] == [["made_once"], ["made_once"]]
    assert len(prepared) == 1
    for name in names:
        postgresql_server.drop_database(name)


def test_a_database_in_use_can_be_dropped(postgresql_server: PostgresServer) -> None:
    name = postgresql_server.create_database()
    engine = sa.create_engine(postgresql_server.url(name))
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        postgresql_server.drop_database(name)
        connection.invalidate()
    engine.dispose()
