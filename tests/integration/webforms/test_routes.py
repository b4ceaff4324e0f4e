"""``POST /f/{key}`` over real sockets: what each sender is answered, and what reaches the sink."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from gateway.core.errors import ConfigError
from gateway.core.types import Channel, HandleKind, Kind, Outcome
from gateway.webforms.intake import FLOOD, FormIntake
from gateway.webforms.routes import is_navigation, peer_address, routes
from gateway.webforms.settings import EMBEDDED_FORMS, FormSettings
from gateway.webforms.submission import Submission
from tests.support.patience import PATIENCE
from tests.support.sink import ManualClock, RecordingSink

Client = TestClient[web.Request, web.Application]
NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml",
    "Sec-Fetch-Mode": "navigate",
    "Origin": "https://shop.example",
}
FETCH = {"Accept": "*/*", "Sec-Fetch-Mode": "cors", "Origin": "https://shop.example"}
HOOK = {"Content-Type": "application/x-www-form-urlencoded"}


class House:
    """One server with forms, and everything behind it."""

    def __init__(self, *forms: FormSettings) -> None:
        self.sink = RecordingSink()
        self.clock = ManualClock()
        self.intake = FormIntake(forms or EMBEDDED_FORMS, self.sink, self.clock, region="RU")
        self.app = web.Application()
        self.app.add_routes(routes(self.intake))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with TestClient(TestServer(self.app)) as client:
            yield client


async def answer(response: Any) -> tuple[int, Mapping[str, Any]]:
    async with response:
        return response.status, await response.json()


async def test_a_first_form_by_curl_is_stored_without_any_configuration() -> None:
    house = House()
    await house.intake.start()
    async with house.client() as client:
        assert await answer(await client.post("/f/site", data={"name": "Иван", "phone": "89261234567"})) == (
            200,
            {"id": "interaction-1", "status": "stored"},
        )
    [item] = house.sink.items
    assert (item.connector, item.source, item.channel) == ("form", "site", Channel.FORM)
    assert item.raw == b"name=%D0%98%D0%B2%D0%B0%D0%BD&phone=89261234567"
    assert item.dedup_key == item.key
    assert item.draft is not None
    assert item.draft.name == "Иван"
    assert [handle.kind for handle in item.draft.handles] == [HandleKind.PHONE]
    assert item.meta["content_type"] == "application/x-www-form-urlencoded"
    [health] = house.intake.health()
    assert (health.name, health.ok, health.last_event_at) == ("form:site", True, house.clock.now())


async def test_json_and_multipart_with_a_file_are_taken() -> None:
    house = House()
    form = FormData()
    form.add_field("phone", "89261234567")
    form.add_field("photo", b"\x89PNG", filename="roof.png", content_type="image/png")
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", json={"phone": "89261234567"})))[0] == 200
        assert (await answer(await client.post("/f/site", data=form)))[0] == 200
    drafts = [item.draft for item in house.sink.items if item.draft is not None]
    assert [len(draft.handles) for draft in drafts] == [1, 1]
    assert [file.name for file in drafts[1].attachments] == ["roof.png"]


async def test_a_second_click_and_a_retry_get_the_first_answer() -> None:
    house = House()
    async with house.client() as client:
        first = await answer(await client.post("/f/site", data={"phone": "1"}))
        house.clock.advance(5)
        again = await answer(await client.post("/f/site", data={"phone": "1"}))
        assert (first[1]["status"], again) == ("stored", (200, {"id": "interaction-1", "status": "duplicate"}))
        house.clock.advance(86_400)
        assert (await answer(await client.post("/f/site", data={"phone": "1"})))[1]["status"] == "stored"


async def test_two_posts_at_the_same_moment_are_one() -> None:
    house = House()
    async with house.client() as client:
        posts = [client.post("/f/site", data={"phone": "1"}, headers={"Idempotency-Key": "k"}) for _ in range(5)]
        answers = [await answer(response) for response in await asyncio.gather(*posts)]
    assert sorted(body["status"] for _, body in answers) == ["duplicate"] * 4 + ["stored"]
    assert {body["id"] for _, body in answers} == {"interaction-1"}


async def test_tildas_retry_and_ping() -> None:
    house = House()
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", data={"test": "test"})))[1]["status"] == "test"
        assert (await answer(await client.post("/f/site", data={"test": "test"})))[1]["status"] == "test"
        body = {"Phone": "89261234567", "tranid": "1:2", "formid": "f"}
        assert (await answer(await client.post("/f/site", data=body)))[1]["status"] == "stored"
        house.clock.advance(3_600)
        assert (await answer(await client.post("/f/site", data=body)))[1]["status"] == "duplicate"
    assert [item.draft.kind for item in house.sink.items if item.draft] == [Kind.TEST, Kind.MESSAGE]


async def test_an_unknown_key_is_403_and_costs_nobody_anything() -> None:
    house = House()
    async with house.client() as client:
        for method in ("POST", "OPTIONS"):
            async with client.request(method, "/f/wrong", data=b"a=1") as response:
                assert response.status == 403
        for path in ("/f/wrong", "/f/wrong.js", "/f/wrong/challenge"):
            async with client.get(path) as response:
                assert response.status == 403
    assert house.sink.calls == 0
    assert (await house.intake.submit(Submission(form="wrong", raw=b""))).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (NAVIGATION, 303),
        ({"Accept": "text/html"}, 303),
        (FETCH, 200),
        ({**NAVIGATION, "X-Requested-With": "XMLHttpRequest"}, 200),
        ({"Accept": "*/*"}, 200),
    ],
)
async def test_a_browser_that_shows_the_answer_is_redirected(headers: dict[str, str], status: int) -> None:
    house = House(FormSettings(key="site", redirect="https://shop.example/thanks"))
    async with (
        house.client() as client,
        client.post("/f/site", data={"phone": "1"}, headers=headers, allow_redirects=False) as response,
    ):
        assert response.status == status
        assert response.headers.get("Location") == ("https://shop.example/thanks" if status == 303 else None)
    assert len(house.sink.items) == 1


async def test_any_site_may_read_the_answer_where_no_origins_are_set() -> None:
    async with House().client() as client, client.post("/f/site", data=b"a=1", headers=FETCH) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_only_listed_sites_may_read_the_answer_but_nothing_is_lost() -> None:
    house = House(FormSettings(key="site", origins=("https://shop.example",)))
    async with house.client() as client:
        for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
            headers = {**FETCH, "Origin": origin}
            async with client.post("/f/site", data=origin.encode(), headers=headers) as response:
                assert response.status == 200
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert response.headers["Vary"] == "Origin"
            async with client.options("/f/site", headers=headers) as response:
                assert response.status == 204
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert ("Access-Control-Allow-Methods" in response.headers) is (allowed is not None)
    assert len(house.sink.items) == 2


async def test_preflight_allows_what_scripts_send() -> None:
    async with House().client() as client, client.options("/f/site", headers=FETCH) as response:
        assert response.status == 204
        assert "Idempotency-Key" in response.headers["Access-Control-Allow-Headers"]
        assert int(response.headers["Access-Control-Max-Age"]) > 0


async def test_a_browsers_address_above_its_limit_is_quarantined_and_a_hooks_is_not() -> None:
    house = House(FormSettings(key="site", per_address=3))
    async with house.client() as client:
        statuses = []
        for number in range(5):
            status, body = await answer(await client.post("/f/site", data={"n": str(number)}, headers=FETCH))
            statuses.append((status, body["status"]))
        assert statuses == [(200, "stored")] * 3 + [(429, "quarantine")] * 2
        for number in range(5):
            assert (await answer(await client.post("/f/site", data={"h": str(number)}, headers=HOOK)))[0] == 200
        other = {**FETCH, "X-Forwarded-For": "10.9.9.9, 203.0.113.7"}
        assert (await answer(await client.post("/f/site", data={"o": "1"}, headers=other)))[0] == 200
        house.clock.advance(60)
        assert (await answer(await client.post("/f/site", data={"n": "9"}, headers=FETCH)))[0] == 200
    kinds = [item.draft.kind for item in house.sink.items if item.draft]
    assert kinds.count(Kind.SPAM) == 2
    assert len(house.sink.items) == 12


async def test_a_form_above_its_limit_is_quarantined_and_far_above_it_refused() -> None:
    house = House(FormSettings(key="site", per_minute=2), FormSettings(key="other"))
    async with house.client() as client:
        statuses = []
        for number in range(2 * FLOOD + 2):
            async with client.post("/f/site", data={"n": str(number)}) as response:
                statuses.append(response.status)
                assert (response.headers.get("Retry-After") is None) is (response.status == 200)
        assert statuses == [200] * 2 + [429] * (2 * FLOOD - 2) + [503] * 2
        assert (await answer(await client.post("/f/other", data={"n": "1"})))[0] == 200
    assert len(house.sink.items) == 2 * FLOOD + 1


async def test_a_body_above_the_limit_is_413_with_and_without_its_length() -> None:
    house = House(FormSettings(key="site", max_size=1000))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with house.client() as client:
        for body in (b"a=" + b"x" * 2_000, chunks()):
            status, told = await answer(await client.post("/f/site", data=body, headers=HOOK))
            assert (status, "1000 bytes" in told["error"]) == (413, True)
        assert (await answer(await client.post("/f/site", data=b"a=" + b"x" * 998)))[0] == 200
    assert len(house.sink.items) == 1


async def test_ten_megabytes_are_413_by_default() -> None:
    house = House()
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", data=io.BytesIO(b"x" * 10_000_000), headers=HOOK)))[0] == 413
    assert house.sink.calls == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "application/json", id="deep JSON"),
        pytest.param(b"&".join(b"f%d=x" % number for number in range(10_000)), HOOK["Content-Type"], id="many fields"),
        pytest.param(b"\xff\xfe\x00name=\xff", HOOK["Content-Type"], id="no UTF-8"),
        pytest.param("name=Иван".encode("cp1251"), HOOK["Content-Type"], id="windows-1251"),
        pytest.param(b"{", "application/json", id="broken JSON"),
        pytest.param(b"a" * 3_000_000, "multipart/form-data; boundary=x", id="broken multipart"),
    ],
)
async def test_strange_bodies_are_stored_raw_and_answered_200(body: bytes, content_type: str) -> None:
    house = House()
    async with house.client() as client:
        status, told = await answer(
            await client.post("/f/site", data=io.BytesIO(body), headers={"Content-Type": content_type})
        )
        assert (status, told["status"]) == (200, "stored")
    [item] = house.sink.items
    assert item.raw == body
    assert item.draft is not None
    assert item.draft.problems or item.draft.name == "Иван"


async def test_a_compressed_body_is_stored_as_what_it_says() -> None:
    house = House()
    headers = {**HOOK, "Content-Encoding": "gzip"}
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", data=gzip.compress(b"phone=1"), headers=headers)))[0] == 200
        async with client.post("/f/site", data=b"this is no gzip", headers=headers) as response:
            assert response.status == 400
        bomb = gzip.compress(b"x" * 50_000_000)
        async with client.post("/f/site", data=bomb, headers=headers) as response:
            assert response.status == 413
    assert [item.raw for item in house.sink.items] == [b"phone=1"]


async def raw_request(port: int, octets: bytes, *, half_close: bool = False) -> bytes:
    """The status line that exactly these bytes are answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    if half_close:
        writer.write_eof()
    async with asyncio.timeout(PATIENCE):
        told = await reader.readline()
    writer.close()
    return told


HEAD = b"POST /f/site HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"


async def test_a_body_that_never_arrives_is_given_up() -> None:
    house = House(FormSettings(key="site", body_seconds=0.05))
    async with house.client() as client:
        told = await raw_request(int(client.port or 0), HEAD + b"Content-Length: 100\r\n\r\nphone=")
        assert told.startswith(b"HTTP/1.1 408")
    assert house.sink.calls == 0


async def test_a_sender_that_goes_away_in_the_middle_leaves_nothing() -> None:
    house = House()
    async with house.client() as client:
        port = int(client.port or 0)
        await raw_request(port, HEAD + b"Content-Length: 100\r\n\r\nphone=", half_close=True)
        assert (await answer(await client.post("/f/site", data=b"a=1")))[0] == 200
    assert house.sink.calls == 1


async def test_a_sender_that_goes_away_before_the_answer_is_stored_once() -> None:
    house = House()
    house.sink.hang()
    async with house.client() as client:
        _, writer = await asyncio.open_connection("127.0.0.1", int(client.port or 0))
        writer.write(HEAD + b"Content-Length: 7\r\n\r\nphone=1")
        await house.sink.entered.wait()
        writer.transport.abort()
        await asyncio.sleep(0.02)  # the server sees the reset; TestServer then cancels the handler
        house.sink.open.set()
        again = await answer(await client.post("/f/site", data=b"phone=1"))
        assert again == (200, {"id": "interaction-1", "status": "duplicate"})
    assert len(house.sink.items) == 1


async def test_what_can_not_be_stored_is_503_with_a_time_and_health_says_so(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    async with house.client() as client:
        for error in ("not durable", "a fault of ours"):
            if error == "not durable":
                house.sink.refuse()
            else:
                house.sink.error = RuntimeError("secret detail")
            async with client.post("/f/site", data=b"a=1", headers=FETCH) as response:
                assert response.status == 503
                assert int(response.headers["Retry-After"]) > 0
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert "secret" not in await response.text()
            assert not house.intake.health()[0].ok
        house.sink.error = None
        assert (await answer(await client.post("/f/site", data=b"a=1")))[1]["status"] == "stored"
    assert house.intake.health()[0].ok
    assert {getattr(record, "action", None) for record in caplog.records} >= {"form_not_stored"}


async def test_a_store_that_hangs_does_not_hold_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.webforms.intake.ACCEPT_SECONDS", 0.05)
    house = House()
    house.sink.hang()
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", data=b"a=1")))[0] == 503


async def test_a_fault_of_ours_in_reading_costs_no_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("gateway.webforms.intake.understand", fail)
    house = House()
    async with house.client() as client:
        body = "phone=89261234567&имя=Иван\0".encode()
        assert (await answer(await client.post("/f/site", data=body)))[1]["status"] == "stored"
    [item] = house.sink.items
    assert item.raw == body
    assert item.draft is not None
    assert (item.draft.kind, item.draft.text) == (Kind.MESSAGE, "phone=89261234567&имя=Иван")
    assert "failed to read" in item.draft.problems[0]


async def test_spooled_is_stored_for_the_sender() -> None:
    house = House()
    house.sink.outcome = Outcome.SPOOLED
    async with house.client() as client:
        assert (await answer(await client.post("/f/site", data=b"a=1")))[1]["status"] == "stored"


async def test_a_stopping_gateway_takes_nothing_new() -> None:
    house = House()
    async with house.client() as client:
        await house.intake.stop()
        assert (await answer(await client.post("/f/site", data=b"a=1")))[0] == 503
        await house.intake.start()
        assert (await answer(await client.post("/f/site", data=b"a=1")))[0] == 200


async def test_stop_waits_for_what_is_being_stored() -> None:
    house = House()
    house.sink.hang()
    begun = asyncio.ensure_future(house.intake.submit(Submission(form="site", raw=b"phone=1")))
    await house.sink.entered.wait()
    stopping = asyncio.ensure_future(house.intake.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    house.sink.open.set()
    await stopping
    assert (await begun).status == 200
    assert len(house.sink.items) == 1


def test_two_forms_with_one_key_are_named() -> None:
    with pytest.raises(ConfigError, match='key = "site"'):
        House(FormSettings(key="site"), FormSettings(key="site", name="Again"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Accept": "text/html"}, True),
        ({"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, False),
        ({"Accept": "application/json", "Sec-Fetch-Mode": "navigate"}, False),
        ({}, False),
    ],
)
def test_navigation_is_told_from_scripts(headers: dict[str, str], expected: bool) -> None:
    assert is_navigation(headers) is expected


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (None, "198.51.100.1", None),
    ],
)
async def test_only_a_proxy_on_this_machine_is_believed(
    remote: str | None, forwarded: str | None, expected: str
) -> None:
    class Asked:
        def __init__(self) -> None:
            self.remote = remote
            self.headers = CIMultiDict({"X-Forwarded-For": forwarded} if forwarded else {})

    ask: Callable[[Any], str | None] = peer_address
    assert ask(Asked()) == expected


async def test_headers_that_are_no_utf8_can_be_stored() -> None:
    house = House()
    async with house.client() as client:
        octets = (
            HEAD + b"User-Agent: \xff\xfe\r\nReferer: http://x/\xd0\r\nIdempotency-Key: \xff\r\nConnection: close\r\n"
        )
        told = await raw_request(int(client.port or 0), octets + b"Content-Length: 7\r\n\r\nphone=1")
        assert told.startswith(b"HTTP/1.1 200")
    repr((house.sink.items[0].meta, house.sink.items[0].draft)).encode("utf-8")
