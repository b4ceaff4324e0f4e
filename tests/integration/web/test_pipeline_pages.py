"""The board of stages by plain forms: what it shows to whom, and everything that moves a lead."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Lead
from gateway.web.queries.filters import Filters
from gateway.web.queries.pipeline import stage_board
from tests.integration.web.site import Site
from tests.integration.web.work_office import as_user, ids_of, send, work_site
from tests.support.clock import MONDAY
from tests.support.seed import add_contact, add_lead


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path) as running:
        yield running


async def lead(site: Site, lead_id: str) -> tuple[str, str, str | None]:
    query = select(Lead.stage, Lead.status, Lead.reason).where(Lead.id == lead_id)
    stage, status, reason = await site.store.read(lambda c: c.execute(query).one())
    return stage, status, reason


async def test_the_board_has_open_leads_by_stage_with_counts_and_sums(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        status, text, _ = await boss.get("/pipeline")
    assert status == 200
    assert sorted(ids_of(text, "deal")) == ["l-caller", "l-ivan", "l-petr"], "closed leads are not on the way"
    assert re.search(r'id="head-offer">[^<]+</h2><b>1</b><span class="hint">RUB12,500|id="head-offer"', text)
    assert "12,500" in text
    assert "Task overdue" in text
    assert text.count("data-stuck") == 1, "Petr has been in his stage for longer than a week"


VIEWS: tuple[tuple[str, list[str]], ...] = (
    ("?manager=none", ["l-caller"]),
    ("?manager=m-boris", ["l-petr"]),
    ("?q=%D0%98%D0%B2%D0%B0%D0%BD", ["l-ivan"]),
    ("?q=765-43-21", ["l-petr"]),
    ("?q=nobody", []),
    ("?stage=offer", ["l-petr"]),
    ("?manager=m-boris&stage=new", []),
)
"""Query and the rows that it leaves."""


async def test_filters_narrow_the_board(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for query, ids in VIEWS:
            status, text, _ = await user.get(f"/pipeline{query}")
            assert status == 200
            assert sorted(ids_of(text, "deal")) == ids, query


async def test_a_manager_has_his_own_and_nobodys_on_the_board_and_in_the_sums(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        _, text, _ = await boris.get("/pipeline")
        assert sorted(ids_of(text, "deal")) == ["l-caller", "l-petr"]
        _, mine, _ = await boris.get("/pipeline?manager=mine")
        assert ids_of(mine, "deal") == ["l-petr"]
        status, _ = await send(boris, "/pipeline", "/pipeline", lead="l-ivan.1", deed="move", stage="offer")
        assert status == 404
    columns = await site.store.read(lambda c: stage_board(c, ["new", "offer"], Filters(seen_by="m-boris")))
    assert {column.stage: column.count for column in columns} == {"new": 1, "offer": 1}


async def test_a_lead_is_moved_won_and_lost(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        status, text = await send(boss, "/pipeline", "/pipeline", lead="l-ivan.1", deed="move", stage="qualified")
        assert status == 303
        assert "It was moved." in text
        assert await lead(site, "l-ivan") == ("qualified", "open", None)
        await send(boss, "/pipeline", "/pipeline", forward="l-ivan.2.offer")
        assert await lead(site, "l-ivan") == ("offer", "open", None)
        await send(boss, "/pipeline", "/pipeline", lead="l-ivan.3", deed="won")
        assert await lead(site, "l-ivan") == ("paid", "won", None)
        await send(boss, "/pipeline", "/pipeline", lead="l-petr", deed="lost", reason="дорого")
        assert await lead(site, "l-petr") == ("offer", "lost", "дорого")


async def test_of_many_those_that_somebody_changed_meanwhile_stay(site: Site) -> None:
    async with as_user(site, "boss") as boss:
        csrf = await boss.csrf("/pipeline")
        fields = [("csrf", csrf), ("next", "/pipeline"), ("deed", "move"), ("stage", "contract")]
        fields += [("lead", value) for value in ("l-ivan.1", "l-petr.7", "gone.1")]
        async with boss.session.post(site.url("/pipeline"), data=fields, headers={"Accept": "text/html"}) as answer:
            assert "1 of 3 done." in await answer.text()
    assert (await lead(site, "l-ivan"))[0] == "contract"
    assert (await lead(site, "l-petr"))[0] == "offer"


NONSENSE = (
    ({"lead": "l-ivan.1", "deed": "dance"}, 400),
    ({"deed": "move", "stage": "offer"}, 400),
    ({"lead": "l-ivan.1", "deed": "move", "stage": "nowhere"}, 422),
    ({"lead": "l-ivan.1", "deed": "lost"}, 422),
    ({"lead": "l-ivan.9", "deed": "won"}, 409),
    ({"lead": "\x00", "deed": "won"}, 404),
)
"""What makes no sense, and the answer."""


async def test_what_makes_no_sense_is_refused_with_words(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for fields, status in NONSENSE:
            found, text = await send(user, "/pipeline", "/pipeline", **fields)
            assert found == status, fields
            assert "<p" in text


async def test_an_auditor_looks_and_moves_nothing(site: Site) -> None:
    async with as_user(site, "vera") as vera:
        _, text, _ = await vera.get("/pipeline")
        assert len(ids_of(text, "deal")) == 3
        assert 'name="deed"' not in text
        status, _ = await send(vera, "/contacts", "/pipeline", lead="l-ivan.1", deed="won")
        assert status == 403


async def test_a_stage_of_an_earlier_configuration_is_still_seen(site: Site) -> None:
    def old(connection: object) -> None:
        add_contact(connection, "c-old", name="Старый")  # type: ignore[arg-type]
        add_lead(connection, "l-old", "c-old", stage="before", at=MONDAY - timedelta(days=1))  # type: ignore[arg-type]

    await site.store.write(old)
    async with as_user(site, "boss") as boss:
        _, text, _ = await boss.get("/pipeline")
    assert 'id="stage-before"' in text
    assert "l-old" in ids_of(text, "deal")
