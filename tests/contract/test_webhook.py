"""The adapter ``webhook``: what its page promises receivers. Its contract is in test_crm_adapters.py."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from crm_adapter.base import Context, CrmAdapter, Misconfigured
from crm_adapter.testing import error_of, make_event
from crm_adapter.webhook import build
from gateway.delivery.events import EventType
from gateway.delivery.verdict import BACK_OFF
from gateway.views.callbacks import CallbackView
from gateway.views.shapes import ContactBrief, InteractionView, LeadView
from tests.support.receiver import SECRET, Arrival, Receiver, Reply

PAGE = (Path(__file__).parents[2] / "docs" / "crm" / "webhook.md").read_text(encoding="utf-8")
BODIES: list[dict[str, Any]] = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
NOT_SENT_YET = {EventType.CALL_RECORDING_READY}
SHAPES: Mapping[str, type[msgspec.Struct]] = {
    "lead": LeadView, "call": InteractionView, "form": InteractionView, "email": InteractionView,
    "callback": CallbackView, "contact": ContactBrief,
}  # fmt: skip
NODE = """
const {{readFileSync}} = require("node:fs");
{code}
const given = JSON.parse(readFileSync(0, "utf8"));
console.log(isFromLeadgate(given.secret, given.headers, Buffer.from(given.body, "utf8")));
"""

Verify = Callable[[str, Mapping[str, str], bytes], bool]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """One that listens."""
    started = Receiver()
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def adapter(receiver: Receiver) -> AsyncIterator[CrmAdapter]:
    """Pointed at the receiver."""
    made = build({"url": receiver.url, "secret": SECRET, "timeout": 30}, Context(name="test", allow_private=True))
    yield made
    await made.close()


async def sent(adapter: CrmAdapter, receiver: Receiver) -> Arrival:
    """One request as it came."""
    await adapter.push(make_event(data={"id": "1", "name": "Иван 🙂"}))
    (arrival,) = receiver.arrivals
    return arrival


def python_of_the_page() -> Verify:
    """The function that receivers are shown."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    verify: Verify = names["is_from_leadgate"]
    return verify


async def test_the_python_of_the_page_tells_ours_from_others(adapter: CrmAdapter, receiver: Receiver) -> None:
    arrival = await sent(adapter, receiver)
    verify = python_of_the_page()
    headers = {name.lower(): value for name, value in arrival.headers.items()}
    late = {**headers, "webhook-timestamp": str(int(time.time()) - 600)}
    assert verify(SECRET, headers, arrival.body)
    assert verify(SECRET, {**headers, "webhook-signature": "v1,b3RoZXI= " + headers["webhook-signature"]}, arrival.body)
    for wrong in ({}, late, {**headers, "webhook-id": "other"}, {**headers, "webhook-signature": "ж"}):
        assert not verify(SECRET, wrong, arrival.body)
    assert not verify(SECRET, headers, arrival.body + b" ")


async def test_the_javascript_of_the_page_tells_ours_from_others(adapter: CrmAdapter, receiver: Receiver) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here")
    arrival = await sent(adapter, receiver)
    (code,) = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    headers = {name.lower(): value for name, value in arrival.headers.items()}
    said = []
    for body in (arrival.body.decode(), arrival.body.decode() + " "):
        given = json.dumps({"secret": SECRET, "headers": headers, "body": body})
        script = NODE.format(code=code)
        found = subprocess.run(
            [node, "-e", script], input=given, capture_output=True, text=True, check=True, timeout=60
        )
        said.append(found.stdout.strip())
    assert said == ["true", "false"]


def test_the_page_shows_every_event_with_all_its_keys() -> None:
    assert {body["type"] for body in BODIES} == {str(one) for one in EventType if one not in NOT_SENT_YET}
    for body in BODIES:
        assert list(body) == ["type", "timestamp", "data"]
        shape = SHAPES[body["type"].partition(".")[0]]
        merged = {"merged"} if shape is ContactBrief else set()
        assert set(body["data"]) == set(shape.__struct_fields__) | merged, body["type"]
    for one in EventType:
        assert f"`{one}`" in PAGE


def test_the_page_has_the_table_of_pauses() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) (s|min|h) \|", PAGE, re.MULTILINE)
    seconds = {"s": 1, "min": 60, "h": 3600}
    assert [int(number) * seconds[unit] for _, number, unit in rows] == [one.total_seconds() for one in BACK_OFF]
    assert [int(number) for number, _, _ in rows] == list(range(2, len(BACK_OFF) + 2))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "redirects are not followed"),
        (401, "compare the secret on both sides"),
        (403, "compare the secret on both sides"),
        (404, "look at the path in url"),
        (405, "look at the path in url"),
        (410, "the receiver wants no more events"),
        (402, "402 Payment Required"),
    ],
)
async def test_what_holds_everything_says_the_way_out(
    adapter: CrmAdapter, receiver: Receiver, status: int, words: str
) -> None:
    receiver.replies.append(Reply(status=status))
    error = await error_of(adapter, make_event())
    assert type(error) is Misconfigured
    assert words in str(error)
