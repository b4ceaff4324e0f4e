"""``[web] second_factor_for``: who has none yet sets it up and can do nothing else; every route, every role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import update

from gateway.storage.store import Store
from gateway.storage.tables import Manager
from gateway.web import secondfactor
from tests.integration.web.matrix import TABLE
from tests.integration.web.site import ONE_PORT, PASSWORD, Browser, Site, new_browser, running_site
from tests.integration.web.test_matrix import CONFIG, House, filled, lived_in
from tests.integration.web.test_second_factor import code, post, switch_on

LACKING = ("owner", "chief")
FREE = {
    ("GET", "/profile"),
    ("POST", "/profile/factor"),
    ("POST", "/profile/factor/confirm"),
    ("POST", "/logout"),
}
"""All that is left to who lacks the factor."""
LED = (303, "/profile#factor")


@pytest_asyncio.fixture
async def strict(store: Store) -> AsyncIterator[Site]:
    """A site whose owners need a second factor."""
    settings = msgspec.structs.replace(ONE_PORT, second_factor_for=("owner",))
    async with running_site(store, settings) as site:
        await site.add_user("boss")
        await site.add_user("vera", role="manager")
        yield site


async def where(browser: Browser, path: str) -> tuple[int, str]:
    status, _, answer = await browser.get(path)
    return status, answer.headers.get("Location", "")


async def test_who_has_none_is_led_to_set_it_up_and_then_let_in(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        assert await where(browser, "/leads") == LED
        _, page, _ = await browser.get("/profile")
        assert "nothing else opens before" in page
        assert 'class="sections"' not in page
        assert len(await switch_on(strict, browser)) == secondfactor.RECOVERY_CODES
        assert await where(browser, "/leads") == (200, "")
        assert "nothing else opens before" not in (await browser.get("/profile"))[1]


async def test_the_codes_are_shown_with_the_way_on(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        await post(browser, "/profile/factor", old=PASSWORD)
        _, page = await post(browser, "/profile/factor/confirm", code=code(strict))
    assert "I have kept the codes: go on" in page
    assert "Switch it off" not in page


async def test_it_can_not_be_switched_off_again(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        await switch_on(strict, browser)
        status, page = await post(browser, "/profile/factor/off", old=PASSWORD)
    assert status == 422
    assert "be switched off." in page
    assert len(strict.store.peek(secondfactor.with_factor)) == 1


async def test_who_was_freed_of_a_lost_one_sets_up_another(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        await switch_on(strict, browser)
        [boss] = strict.store.peek(secondfactor.with_factor)
        await strict.store.write(lambda c: secondfactor.switch_off(c, boss))
        assert await where(browser, "/leads") == LED


async def test_the_api_says_what_is_missing(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        async with browser.session.get(strict.url("/api/v1/leads"), headers={"Accept": "application/json"}) as answer:
            assert answer.status == 403
            assert (await answer.json())["code"] == "second_factor_needed"


async def test_others_and_programs_notice_nothing(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("vera")
        assert await where(browser, "/leads") == (200, "")
        token = await strict.token()
        async with browser.session.get(strict.url("/api/v1/leads"), headers=token) as answer:
            assert answer.status == 200


async def test_who_has_no_password_is_the_providers_business(strict: Site) -> None:
    async with new_browser(strict) as browser:
        await browser.sign_in("boss")
        await strict.store.write(lambda c: c.execute(update(Manager).values(password_hash=None)))
        assert await where(browser, "/leads") == (200, "")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    config = CONFIG.replace("[web]", f"[web]\nsecond_factor_for = {list(LACKING)}")
    async with lived_in(tmp_path_factory.mktemp("factor"), config) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", LACKING)
async def test_no_other_route_is_open_to_a_role_that_lacks_it(house: House, role: str) -> None:
    wrong = []
    for method, path in sorted(TABLE.keys() - FREE):
        told = await house.ask(role, method, filled(path), csrf=True)
        if told != (403, "second_factor_needed"):
            wrong.append((method, path, told))
    assert wrong == []


@pytest.mark.asyncio(loop_scope="module")
async def test_every_page_leads_to_where_it_is_set_up(house: House) -> None:
    pages = [path for method, path in sorted(TABLE.keys() - FREE) if method == "GET" and not path.startswith("/api/")]
    wrong = [path for path in pages if (await house.ask("owner", "GET", filled(path), page=True))[0] != 303]
    assert wrong == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", ["manager", "token"])
async def test_no_route_asks_another_role_for_it(house: House, role: str) -> None:
    asked = []
    for method, path in sorted(TABLE):
        if path == "/api/v1/events" or "/reports" in path or (role == "token" and method != "GET"):
            continue  # a stream without an end; slow; and a program would do it
        asked.append((await house.ask(role, method, filled(path)))[1])
    assert "second_factor_needed" not in asked
