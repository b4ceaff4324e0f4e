"""The contract suite over every adapter that ships, and what the webhook adapter promises beyond it."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier

from crm_adapter.base import Context, CrmAdapter, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import MAX_ANSWER
from crm_adapter.memory import MemoryCrm
from crm_adapter.registry import BUILT_IN
from crm_adapter.testing import REASON, RETRY_AFTER, AdapterContract, Fault, error_of, make_event
from crm_adapter.webhook import build
from tests.support.receiver import SECRET, Receiver, Reply

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EVENTS = {"memory", "webhook"}
"""Adapters for events, whose contract is in this file; the others have a file each."""


@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - EVENTS))
def test_every_adapter_for_records_has_its_contract_its_fake_and_its_pages(name: str) -> None:
    wanted = [
        HERE / f"test_{name}.py",
        ROOT / "crm_adapter" / name / "README.md",
        ROOT / "docs" / "crm" / f"{name}.md",
    ]
    assert not [path for path in wanted if not path.is_file()]


def test_the_adapters_for_events_are_those_of_this_file() -> None:
    assert set(BUILT_IN) >= EVENTS


class MemorySide:
    """The twin: adapter and CRM in one."""

    secrets: Sequence[str] = ()

    def __init__(self) -> None:
        self.crm = MemoryCrm()
        self.adapter: CrmAdapter = self.crm

    def next(self, faults: Iterable[Fault]) -> None:
        self.crm.forgive()
        for fault in faults:
            match fault:
                case Fault.UNAVAILABLE:
                    self.crm.fail_next(Unavailable("broken for the moment"))
                case Fault.THROTTLED:
                    self.crm.fail_next(Throttled("too much", retry_after=RETRY_AFTER))
                case Fault.REJECTED:
                    self.crm.fail_next(Rejected(REASON, field="phone"))
                case Fault.UNAUTHORISED:
                    self.crm.fail_next(Misconfigured("the key is not known"))
                case Fault.LOST_REPLY:
                    self.crm.fail_next(Unavailable("the answer was lost"), after_storing=True)
                case Fault.HANGS:
                    self.crm.fail_next(Unavailable("no answer in time"), delay=0.3)

    def records(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"message_id": event.message_id, "type": event.type, "data": dict(event.data)} for event in self.crm.records
        ]


class TestMemory(AdapterContract):
    """The contract over the twin."""

    @pytest_asyncio.fixture
    async def far_side(self) -> AsyncIterator[MemorySide]:
        side = MemorySide()
        yield side
        await side.adapter.close()


class WebhookSide:
    """A receiver over a socket, and the adapter pointed at it."""

    secrets: Sequence[str] = (SECRET, SECRET.removeprefix("whsec_"), "a key of thirty-two bytes, fixed")

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        options = {"url": receiver.url, "secret": receiver.secret, "timeout": 1}
        self.adapter: CrmAdapter = build(options, Context(name="test", allow_private=True))

    def next(self, faults: Iterable[Fault]) -> None:
        replies = {
            Fault.UNAVAILABLE: Reply(status=500, body=b"oops"),
            Fault.THROTTLED: Reply(status=429, headers={"Retry-After": str(RETRY_AFTER)}),
            Fault.REJECTED: Reply(status=400, body=f'{{"error":\r\n"{REASON}"}}'.encode()),
            Fault.UNAUTHORISED: Reply(status=401),
            Fault.LOST_REPLY: Reply(keeps=True, cut=True),
            Fault.HANGS: Reply(hangs=True),
        }
        self.receiver.replies.clear()
        self.receiver.replies.extend(replies[fault] for fault in faults)

    def records(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"message_id": message_id, "type": document["type"], "data": document["data"]}
            for message_id, document in self.receiver.kept.items()
        ]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that is listening."""
    started = Receiver()
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def webhook(receiver: Receiver) -> AsyncIterator[WebhookSide]:
    """The webhook adapter with its receiver."""
    side = WebhookSide(receiver)
    yield side
    await side.adapter.close()


class TestWebhook(AdapterContract):
    """The contract over a real socket."""

    @pytest.fixture
    def far_side(self, webhook: WebhookSide) -> WebhookSide:
        return webhook


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=204), None),
        (Reply(status=301, headers={"Location": "http://127.0.0.1:9/other"}), Misconfigured),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:9/login"}), Unavailable),
        (Reply(status=400), Rejected),
        (Reply(status=401), Misconfigured),
        (Reply(status=404), Misconfigured),
        (Reply(status=408), Unavailable),
        (Reply(status=409), Unavailable),
        (Reply(status=410), Misconfigured),
        (Reply(status=422), Rejected),
        (Reply(status=429), Throttled),
        (Reply(status=500), Unavailable),
        (Reply(status=503, headers={"Retry-After": "120"}), Throttled),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
async def test_each_status_of_the_receiver_has_one_meaning(
    webhook: WebhookSide, reply: Reply, kind: type[Exception] | None
) -> None:
    webhook.receiver.replies.append(reply)
    if kind is None:
        await webhook.adapter.push(make_event())
    else:
        assert type(await error_of(webhook.adapter, make_event())) is kind
    assert len(webhook.receiver.arrivals) == 1, "redirects are not followed, and nothing is tried twice here"


async def test_retries_carry_the_same_id_and_body_and_a_fresh_valid_signature(webhook: WebhookSide) -> None:
    webhook.next([Fault.UNAVAILABLE])
    await error_of(webhook.adapter, make_event())
    await webhook.adapter.push(make_event(attempt=2))
    first, second = webhook.receiver.arrivals
    assert first.message_id == second.message_id == make_event().message_id
    assert first.body == second.body
    assert webhook.receiver.forged == 0
    assert second.headers["Content-Type"] == "application/json"
    assert second.document == {
        "type": "lead.created",
        "timestamp": "2026-11-22T09:30:00+00:00",
        "data": {"id": "1", "channel": "form"},
    }
    assert abs(int(second.headers["webhook-timestamp"]) - time.time()) < 60


async def test_a_receiver_that_knows_only_one_of_two_secrets_accepts_the_request(receiver: Receiver) -> None:
    other = "whsec_" + base64.b64encode(b"another key, also of 32 bytes!!!").decode()
    options = {"url": receiver.url, "secret": [other, SECRET]}
    adapter = build(options, Context(name="test", allow_private=frozenset({"127.0.0.1"})))
    await adapter.push(make_event())
    await adapter.close()
    (arrival,) = receiver.arrivals
    assert len(arrival.headers["webhook-signature"].split()) == 2
    for secret in (other, SECRET):
        Verifier(secret).verify(arrival.body, dict(arrival.headers))


async def test_a_wrong_secret_holds_the_crm_and_is_not_shown(receiver: Receiver) -> None:
    wrong = "whsec_" + base64.b64encode(b"this key is known to nobody else").decode()
    adapter = build({"url": receiver.url, "secret": wrong}, Context(name="test", allow_private=True))
    error = await error_of(adapter, make_event())
    await adapter.close()
    assert isinstance(error, Misconfigured)
    assert receiver.forged == 1
    assert not receiver.kept
    assert wrong not in str(error)


async def test_an_endless_answer_is_read_to_the_cap_and_still_counts(webhook: WebhookSide) -> None:
    webhook.receiver.replies.append(Reply(keeps=True, body=b"x" * (MAX_ANSWER * 40)))
    await webhook.adapter.push(make_event(1))
    await webhook.adapter.push(make_event(2))
    assert len(webhook.receiver.kept) == 2


async def test_a_long_refusal_is_quoted_short_and_without_control_characters(webhook: WebhookSide) -> None:
    webhook.receiver.replies.append(Reply(status=422, body=b"bad\x1b[31m\r\n" + "ё".encode() * 5000 + b"\xff"))
    error = await error_of(webhook.adapter, make_event())
    assert len(str(error)) < 400
    assert str(error).isprintable()


async def test_a_port_where_nobody_listens_is_unavailable(unused_tcp_port: int) -> None:
    options = {"url": f"http://127.0.0.1:{unused_tcp_port}/", "secret": SECRET}
    adapter = build(options, Context(name="test", allow_private=True))
    error = await error_of(adapter, make_event())
    await adapter.close()
    assert isinstance(error, Unavailable)
    assert "127.0.0.1 can't be reached" in str(error)


async def test_a_body_that_is_cut_in_the_middle_is_unavailable() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    app.router.add_post("/", cut)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    adapter = build({"url": f"http://127.0.0.1:{site.port}/", "secret": SECRET}, Context(name="t", allow_private=True))
    try:
        assert isinstance(await error_of(adapter, make_event()), Unavailable)
    finally:
        await adapter.close()
        await runner.cleanup()


async def test_check_says_when_the_receiver_is_broken(receiver: Receiver) -> None:
    adapter = build({"url": receiver.url, "secret": SECRET}, Context(name="test", allow_private=True))
    assert "127.0.0.1 answers" in await adapter.check()
    await receiver.stop()
    with pytest.raises(Unavailable):
        await adapter.check()
    await adapter.close()
    assert not receiver.arrivals


async def test_a_name_that_resolves_to_loopback_is_refused_before_anything_is_sent(receiver: Receiver) -> None:
    url = receiver.url.replace("http://127.0.0.1", "https://localhost")
    adapter = build({"url": url, "secret": SECRET}, Context(name="test"))
    error = await error_of(adapter, make_event())
    await adapter.close()
    assert isinstance(error, Misconfigured)
    assert "allow_private" in str(error)
    assert not receiver.arrivals
