"""The tasks by plain forms: whose are shown, adding, ending, putting off, giving on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Task
from tests.integration.web.site import Site
from tests.integration.web.work_office import as_user, ids_of, send, work_site
from tests.support.clock import MONDAY


@pytest_asyncio.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    async with work_site(store, tmp_path) as running:
        yield running


async def task(site: Site, task_id: str) -> Any:
    return await site.store.read(lambda c: c.execute(select(Task).where(Task.id == task_id)).one())


async def test_ones_own_tasks_stand_under_overdue_today_and_later(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        _, text, _ = await boris.get("/tasks")
    assert ids_of(text, "task") == ["t-0", "t-1"]
    assert text.index('data-group="overdue"') < text.index("task-t-0") < text.index('data-group="today"')
    assert '/leads/l-petr"' in text


VIEWS: tuple[tuple[str, list[str]], ...] = (
    ("", []),
    ("?manager=all", ["t-0", "t-1", "t-2"]),
    ("?manager=m-anna", ["t-2"]),
    ("?manager=all&view=later", ["t-2"]),
    ("?manager=all&view=overdue", ["t-0"]),
    ("?manager=all&q=%D0%9F%D1%91%D1%82%D1%80", ["t-0", "t-1"]),
    ("?manager=all&view=done", []),
)
"""Query and the rows that it leaves."""


async def test_a_chief_sees_everybodys(site: Site) -> None:
    async with as_user(site, "chief") as user:
        for query, ids in VIEWS:
            status, text, _ = await user.get(f"/tasks{query}")
            assert status == 200
            assert ids_of(text, "task") == ids, query


async def test_a_manager_does_not_see_the_tasks_of_others_leads(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        _, text, _ = await boris.get("/tasks?manager=all")
        assert ids_of(text, "task") == ["t-0", "t-1"]
        assert (await send(boris, "/tasks", "/tasks/t-2/done"))[0] == 404


async def test_a_task_is_done_with_its_outcome_and_opened_again(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        status, text = await send(boris, "/tasks", "/tasks/t-0/done", outcome="Договорились", version="1")
        assert status == 303
        assert ids_of(text, "task") == ["t-1"]
        assert ((await task(site, "t-0")).status, (await task(site, "t-0")).outcome) == ("done", "Договорились")
        _, done, _ = await boris.get("/tasks?view=done")
        assert "Договорились" in done
        await send(boris, "/tasks", "/tasks/t-0/reopen")
        assert (await task(site, "t-0")).status == "open"
        await send(boris, "/tasks", "/tasks/t-0/void")
        assert (await task(site, "t-0")).status == "void"


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"preset": "1h"}, 1),
        ({"preset": "1d", "due": "2026-11-23T07:00:00+00:00"}, 22),
        ({"preset": "1w", "due": "2026-11-23T07:00:00+00:00"}, 166),
        ({"due_at": "2026-11-24T10:00"}, 22),
    ],
)
async def test_a_task_is_put_off(site: Site, fields: dict[str, str], hours: int) -> None:
    async with as_user(site, "boris") as boris:
        status, _ = await send(boris, "/tasks", "/tasks/t-0/postpone", **fields)
    assert status == 303
    assert (await task(site, "t-0")).due_at == MONDAY + timedelta(hours=hours), "the company's clock is meant"


async def test_a_task_is_given_on(site: Site) -> None:
    async with as_user(site, "chief") as chief:
        await send(chief, "/tasks?manager=all", "/tasks/t-0/give", owner="m-anna")
    assert (await task(site, "t-0")).owner_id == "m-anna"


async def test_a_new_task_finds_whom_the_words_name(site: Site) -> None:
    new = {"text": "Спросить про двери", "kind": "call", "due_at": "2026-11-24T10:00"}
    async with as_user(site, "boris") as boris:
        status, text = await send(boris, "/tasks", "/tasks", about="765-43-21", **new)
        assert status == 303
        assert "Спросить про двери" in text


async def test_where_several_are_meant_the_page_asks_which_and_keeps_what_was_typed(site: Site) -> None:
    new = {"text": "Спросить <b>размер</b>", "kind": "meet", "due_at": "2026-11-24T10:00"}
    async with as_user(site, "chief") as chief:
        status, text = await send(chief, "/tasks", "/tasks", about="+7", **new)
        assert status == 200
        assert "Whom do you mean?" in text
        assert 'value="c-petr"' in text
        assert "Спросить &lt;b&gt;размер" in text
        status, _ = await send(chief, "/tasks", "/tasks", about="+7", contact="c-petr", **new)
        assert status == 303
        _, nobody = await send(chief, "/tasks", "/tasks", about="Никто", **new)
        assert "Nobody is found" in nobody
    query = select(Task.contact_id, Task.kind).where(Task.text == "Спросить <b>размер</b>")
    assert await site.store.read(lambda c: c.execute(query).one()) == ("c-petr", "meet")


NONSENSE: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/tasks", {"text": "x", "due_at": "soon", "contact": "c-petr"}, 400),
    ("/tasks", {"text": "x", "due_at": "2026-11-24T10:00", "contact": "c-petr", "kind": "dance"}, 400),
    ("/tasks", {"text": " ", "due_at": "2026-11-24T10:00", "contact": "c-petr"}, 422),
    ("/tasks/t-0/dance", {}, 404),
    ("/tasks/t-0/postpone", {"due_at": "soon"}, 400),
    ("/tasks/t-0/done", {"version": "9"}, 409),
    ("/tasks/none/done", {}, 404),
)
"""What makes no sense, and the answer."""


async def test_what_makes_no_sense_is_refused(site: Site) -> None:
    async with as_user(site, "boss") as user:
        for path, fields, status in NONSENSE:
            found, text = await send(user, "/tasks", path, **fields)
            assert found == status, fields
            assert "<p" in text


async def test_an_auditor_looks_only(site: Site) -> None:
    async with as_user(site, "vera") as vera:
        _, text, _ = await vera.get("/tasks?manager=m-boris")
        assert ids_of(text, "task") == ["t-0", "t-1"]
        assert "/tasks/t-0/done" not in text
        assert (await send(vera, "/contacts", "/tasks/t-0/done"))[0] == 403


async def test_a_page_that_nobody_was_shown_is_refused(site: Site) -> None:
    async with as_user(site, "boris") as boris:
        status, text, _ = await boris.get("/tasks?view=overdue&cursor=x")
    assert status == 400
    assert "begin with the first one" in text
