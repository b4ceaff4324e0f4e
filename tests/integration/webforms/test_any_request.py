"""Whatever is asked of the public addresses of a form: an answer of the closed set, and never one that kills a hook."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.webforms.settings import FormSettings
from tests.support.forms import FormHouse
from tests.unit.webforms import senders

ALLOWED = {200, 204, 303, 400, 403, 405, 413, 429}
"""404 and 410 make Typeform switch a hook off; 5xx would be a fault of ours."""
TYPES = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "text/plain", "", "application/json; charset=nonsense", "a/b; charset=zlib",
)  # fmt: skip
BODIES: tuple[bytes, ...] = tuple(
    json.dumps(value).encode()
    for value in (
        senders.TYPEFORM, senders.TALLY, senders.GOOGLE_ADS, senders.META_FULL, senders.meta_thin("1", "2"),
        senders.WEBFLOW_V2, senders.MARQUIZ, senders.HUBSPOT, senders.HUBSPOT_EVENTS, senders.GRAVITY, senders.STANDARD,
        senders.GOOGLE_FORMS, senders.WPFORMS_FIELDS,
    )
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {}, {"Origin": "null"}, {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, {"Idempotency-Key": "k" * 3_000},
    {"Typeform-Signature": "sha256=x"}, {"Authorization": "Bearer"}, {"X-Hub-Signature-256": "é"},
    {"Accept-Language": ";;;q=,ru-"}, {"If-None-Match": "*"}, {"Content-Encoding": "identity"},
)  # fmt: skip
QUERIES = ("", "?embed", "?hub.mode=subscribe", "?lang=%00", "?secret=x", "?_next=//evil.example", "?" + "a=1&" * 300)


def requests(seed: int, number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and the rest of requests: real bodies cut, doubled and sprinkled with other bytes."""
    chance = random.Random(seed)
    for _ in range(number):
        body = bytearray(chance.choice(BODIES))
        for _ in range(chance.choice((0, 0, 1, 5, 50))):
            body[chance.randrange(len(body))] = chance.randrange(256)
        del body[chance.choice((len(body), len(body), chance.randrange(len(body)))) :]
        method = chance.choice(("POST", "POST", "POST", "GET", "OPTIONS"))
        path = chance.choice(("/f/open", "/f/open", "/f/guarded", "/f/proven", "/f/nobody"))
        headers = {**chance.choice(HEADERS), "Content-Type": chance.choice(TYPES)}
        yield method, path + chance.choice(QUERIES), {"data": bytes(body), "headers": headers}


@pytest.mark.parametrize("seed", range(4))
async def test_no_request_is_answered_with_what_kills_a_hook_or_shows_a_fault(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    house = FormHouse(
        FormSettings(key="open", per_minute=10_000, per_address=10_000),
        FormSettings(key="guarded", min_seconds=2, proof_of_work=10, honeypot="x", mapping={"phone": "contacts.phone"}),
        FormSettings(key="proven", secret="s"),
    )
    async with house.client() as client:
        for method, path, rest in requests(seed, 150):
            async with client.request(method, path, allow_redirects=False, **rest) as response:
                assert response.status in ALLOWED, (method, path, rest, response.status)
                assert "Traceback" not in await response.text(errors="replace")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert house.drafts


async def test_the_other_addresses_answer_too() -> None:
    house = FormHouse(FormSettings(key="open"))
    async with house.client() as client:
        for path in (
            "/f/open.js",
            "/f/open/challenge",
            "/f/work.js",
            "/f/page.css",
            "/f/nobody.js",
            "/f/nobody/challenge",
        ):
            for headers in HEADERS:
                async with client.get(path, headers=headers) as response:
                    assert response.status == (403 if "nobody" in path else 200), path
