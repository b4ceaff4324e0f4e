"""The listeners: taken ports, slow and greedy clients, broken HTTP, headers of every answer, a graceful stop."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import Connection

from gateway.core.errors import ConfigError, StoreUnavailable
from gateway.core.ports import SourceHealth
from gateway.core.sentences import Sentence
from gateway.storage.store import Store
from gateway.web.health import DatabaseStatus, Status
from gateway.web.listeners import Listener
from gateway.web.settings import WebSettings
from tests.integration.web.site import ONE_PORT, Browser, Site, running_site
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE

SECRET = "canary-7f3a"


async def read_body(request: web.Request) -> web.Response:
    return web.json_response({"bytes": len(await request.read())})


async def fail(_request: web.Request) -> web.Response:
    raise RuntimeError(f"the password is {SECRET}")


async def slowly(_request: web.Request) -> web.Response:
    await asyncio.sleep(0.3)
    return web.json_response({"done": True})


FORMS = [web.post("/f/{key}", read_body), web.get("/fail", fail), web.get("/slowly", slowly)]


@asynccontextmanager
async def raw(
    listener: Listener, first: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection that has sent ``first``."""
    reader, writer = await asyncio.open_connection(listener.address.host, listener.address.port)
    writer.write(first)
    await writer.drain()
    yield reader, writer
    writer.close()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What came before the server closed, within five seconds."""
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


@pytest.mark.parametrize("key", ["public", "private"])
async def test_a_taken_port_is_named_with_the_key_to_change(store: Store, key: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        addresses = {"public": "127.0.0.1:0", "private": "127.0.0.1:0", key: f"127.0.0.1:{port}"}
        with pytest.raises(ConfigError) as refused:
            async with running_site(store, WebSettings(public=addresses["public"], private=addresses["private"])):
                pass
        assert str(port) in str(refused.value)
        assert f"[web] {key}" in str(refused.value)


async def test_an_address_of_another_machine_is_named(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"does not have the address 192\.0\.2\.1"):
        async with running_site(store, WebSettings(public="192.0.2.1:0", private="192.0.2.1:0")):
            pass


@pytest.mark.parametrize(
    "first",
    [b"", b"POST /f/site HT", b"POST /f/site HTTP/1.1\r\nHost: x\r\nX-Slow: ",
     b"POST /f/site HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"],
)  # fmt: skip
async def test_a_client_that_sends_too_slowly_is_closed(store: Store, first: bytes) -> None:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", header_seconds=0.3, body_seconds=0.3)
    async with running_site(store, settings, FORMS) as site, raw(site.server.listeners[0], first) as (reader, _):
        assert b"200 OK" not in await until_closed(reader)
        assert len(site.server.listeners[0].guard) == 0


async def test_a_kept_connection_may_be_idle_longer_than_headers_may_take(store: Store) -> None:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", header_seconds=0.2, idle_seconds=30)
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    async with running_site(store, settings) as site, raw(site.server.listeners[0], request) as (reader, writer):
        await reader.readuntil(b"}}")
        await asyncio.sleep(0.6)
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            assert b"200 OK" in await reader.readuntil(b"}}")


async def test_a_silent_kept_connection_is_closed(store: Store) -> None:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", idle_seconds=0.3)
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    async with running_site(store, settings) as site, raw(site.server.listeners[0], request) as (reader, _):
        assert b"200 OK" in await until_closed(reader)


async def test_too_many_connections_are_told_so_and_room_comes_back(store: Store) -> None:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", max_connections=2)
    async with running_site(store, settings) as site:
        public = site.server.listeners[0]
        async with raw(public), raw(public), raw(public) as (reader, _):
            assert (await until_closed(reader)).startswith(b"HTTP/1.1 503 ")
        async with asyncio.timeout(PATIENCE):
            while len(public.guard):
                await asyncio.sleep(0.01)
        async with aiohttp.ClientSession() as session, session.get(f"{site.server.public_address}/health") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"HELO " + SECRET.encode() + b"\r\n\r\n",
     b"GET / HTTP/1.1\r\nBad Header\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n"],
)  # fmt: skip
async def test_what_is_no_http_is_refused_without_quoting_it(
    site: Site, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    async with raw(site.server.listeners[0], garbage) as (reader, _):
        answer = await until_closed(reader)
    assert b" 400 " in answer.splitlines()[0]
    assert b"nosniff" in answer
    assert SECRET.encode() not in answer
    assert SECRET not in caplog.text


async def test_a_fault_of_ours_is_logged_and_not_shown(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async with running_site(store, form_routes=FORMS) as site, aiohttp.ClientSession() as session:
        for accept, content_type in (("*/*", "application/problem+json"), ("text/html", "text/html")):
            async with session.get(site.url("/fail"), headers={"Accept": accept}) as answer:
                assert (answer.status, answer.content_type) == (500, content_type)
                assert SECRET not in await answer.text()
    assert any(record.levelno == logging.ERROR and record.action == "http_request_failed" for record in caplog.records)  # type: ignore[attr-defined]


async def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await site.token()

    async def away(query: object) -> object:
        raise StoreUnavailable("The database can't be reached.")

    monkeypatch.setattr(Store, "read", lambda self, query: away(query))
    async with browser.session.get(site.url("/api/v1/leads"), headers=token) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await answer.json(content_type=None))["code"] == "store_unavailable"


async def test_a_body_above_the_limit_is_413(store: Store) -> None:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", max_body_bytes=1000)
    async with (
        running_site(store, settings, FORMS) as site,
        aiohttp.ClientSession() as session,
        session.post(f"{site.server.public_address}/f/site", data=b"x" * 1001) as answer,
    ):
        assert answer.status == 413
        assert (await answer.json(content_type=None))["code"] == "too_large"


@pytest.mark.parametrize("path", ["/login", "/nothing", "/api/v1/leads", "/health", "/metrics", "/f/site"])
async def test_every_answer_has_the_headers_of_defence(site: Site, browser: Browser, path: str) -> None:
    async with browser.session.get(site.url(path), allow_redirects=False) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] == "leadgate"
        assert "Strict-Transport-Security" not in answer.headers


async def test_requests_under_way_are_answered_when_the_gateway_stops(store: Store) -> None:
    async with aiohttp.ClientSession() as session:
        async with running_site(store, ONE_PORT, FORMS) as site:
            request = asyncio.create_task(session.get(site.url("/slowly")))
            await asyncio.sleep(0.1)
        assert (await (await request).json()) == {"done": True}


async def test_live_readers_do_not_hold_up_the_stop(store: Store) -> None:
    async with aiohttp.ClientSession() as session:
        async with running_site(store) as site:
            answer = await session.get(site.url("/api/v1/events"), headers=await site.token())
            assert answer.status == 200
            begun = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begun < 3
        answer.close()


async def test_health_is_503_only_when_the_database_is_away(site: Site, browser: Browser) -> None:
    down = SourceHealth(name="ami:office", ok=False, state="refused", detail=Sentence("Wrong password."))
    for status, code, word in (
        (site.status.value, 200, "ok"),
        (Status(database=DatabaseStatus(ok=True, engine="SQLite"), sources=(down,)), 200, "degraded"),
        (Status(database=DatabaseStatus(ok=False, engine="", detail=Sentence("No disk."))), 503, "failing"),
    ):
        site.status.value = status
        async with browser.session.get(site.url("/health")) as answer:
            assert (answer.status, (await answer.json())["status"]) == (code, word)


async def test_metrics_tell_the_same_and_count_requests_by_pattern(site: Site, browser: Browser) -> None:
    for path in ("/leads/secret-1", "/leads/secret-2", "/wp-admin.php", "/setup/secret"):
        await browser.get(path)
    async with browser.session.get(site.url("/metrics")) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    for line in (
        'leadgate_info{version="0.0-test"} 1.0',
        "leadgate_database_up 1.0",
        'leadgate_source_up{source="ami:office"} 1.0',
        'leadgate_source_last_event_age_seconds{source="ami:office"} 0.0',
        "leadgate_outbox_waiting 2.0",
        "leadgate_spool_waiting 0.0",
        'leadgate_http_responses_total{route="/leads/{id}",status="303"} 2.0',
        'leadgate_http_responses_total{route="unmatched",status="404"} 1.0',
    ):
        assert line in text, line
    assert "secret" not in text
    assert "wp-admin" not in text


async def test_a_status_has_the_moments_that_people_need(site: Site, browser: Browser) -> None:
    site.clock.move(90)
    async with browser.session.get(site.url("/health")) as answer:
        body = json.loads(await answer.text())
    assert body["sources"][0]["last_event_age_seconds"] == 90
    assert body["outbox"] == {
        "count": 2,
        "oldest_at": MONDAY.isoformat().replace("+00:00", "Z"),
        "oldest_age_seconds": 90,
        "held": 0,
        "dead": 0,
    }


def test_a_read_only_query_can_not_write(store: Store) -> None:
    """Guards the pages: what they read through can't change anything."""

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM lead")

    with pytest.raises(Exception, match="readonly"):
        store.peek(write)
