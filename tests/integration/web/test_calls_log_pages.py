"""The log of calls: filters, players, a lead in one click, calling back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.core.outcalls import CallRefused
from gateway.storage.store import Store
from gateway.storage.tables import Interaction
from tests.integration.web.site import Site
from tests.integration.web.test_callbacks_api import Phones
from tests.integration.web.work_office import as_user, ids_of, send, work_site


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path, phones: Phones) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path, phones) as running:
        yield running


VIEWS: tuple[tuple[str, list[str]], ...] = (
    ("", ["i-loose", "i-missed", "i-call", "i-answered", "i-withheld"]),
    ("?outcome=missed", ["i-loose", "i-missed", "i-withheld"]),
    ("?outcome=open", []),
    ("?period=yesterday", ["i-withheld"]),
    ("?line=0000202", ["i-loose", "i-answered"]),
    ("?line=202&outcome=answered", ["i-answered"]),
    ("?manager=m-boris", ["i-answered"]),
    ("?q=765-43-21", ["i-answered"]),
    ("?direction=outbound", []),
)
"""Query and the rows that it leaves."""


async def test_filters_narrow_the_log(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for query, ids in VIEWS:
            status, text, _ = await user.get(f"/calls{query}")
            assert status == 200
            assert ids_of(text, "call") == ids, query


async def test_a_filter_that_is_none_is_refused(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        for query in ["?outcome=magic", "?direction=up", "?period=ever", "?cursor=%00"]:
            assert (await boss.get(f"/calls{query}"))[0] == 400, query


async def test_a_call_says_who_why_how_long_and_plays(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        _, text, _ = await boss.get("/calls?manager=m-boris")
        assert 'src="/api/v1/calls/i-answered/recording"' in text
        assert 'preload="none"' in text
        assert "The recording is missing." in text, "said by the player, where there is nothing to play"
        assert "Борис" in text
        assert "1:05" in text
        status, _, _ = await boss.get("/api/v1/calls/i-answered/recording")
        assert status == 200
        _, missed, _ = await boss.get("/calls?line=202&outcome=missed")
        assert "the caller left the queue" in missed
        assert "<audio" not in missed


async def test_a_lead_is_made_from_a_missed_call_in_one_click(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        csrf = await boris.csrf("/calls")
        status, _, answer = await boris.post("/calls/i-loose/lead", {"csrf": csrf, "next": "/calls"})
        assert status == 303
        query = select(Interaction.lead_id).where(Interaction.id == "i-loose")
        lead_id = await site.store.read(lambda c: c.execute(query).scalar_one())
        assert answer.headers["Location"] == f"/leads/{lead_id}?done=open"
        _, text, _ = await boris.get("/calls?line=202&outcome=missed")
        assert f'href="/leads/{lead_id}"' in text
        assert (await send(boris, "/calls", "/calls/i-loose/lead"))[0] == 409


async def test_calling_back_rings_ones_own_phone(site: Site, phones: Phones) -> None:
    async with as_user(site, "boris") as boris:
        status, text = await send(boris, "/calls", "/calls", number="+79161112233", contact="c-anon")
        assert status == 303
        assert "Your phone rings." in text
        phones.refusal = CallRefused("You have no phone here: ask for an extension.", code="no_extension")
        status, text = await send(boris, "/calls", "/calls", number="+79161112233")
        assert status == 409
        assert "You have no phone here" in text
    assert next(request.number for request in phones.asked) == "+79161112233"


async def test_a_manager_does_not_see_the_calls_of_others_leads(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        _, text, _ = await boris.get("/calls")
    assert ids_of(text, "call") == ["i-loose", "i-missed", "i-answered", "i-withheld"]


async def test_an_auditor_looks_and_listens_but_calls_nobody(site: Site) -> None:
    async with as_user(site, "vera") as vera:
        _, text, _ = await vera.get("/calls")
        assert "<audio" in text
        assert 'action="/calls' not in text.replace('action="/calls" role="search"', "")
        assert (await send(vera, "/calls", "/calls", number="+79161112233"))[0] in {400, 403}
