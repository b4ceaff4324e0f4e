"""The board by plain forms, as a browser without JavaScript sends them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.outcalls import CallRefused
from gateway.storage.store import Store
from gateway.web.api.callbacks import callback_writes
from gateway.web.pages.callbacks import ROWS, VIEWS, CallbackPages
from gateway.web.settings import WebSettings
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser, running_site
from tests.integration.web.test_callbacks_api import Phones
from tests.support.callbacks import IVAN, PETR, CallbackHouse, minute, missed, ours
from tests.support.seed import add_manager


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest_asyncio.fixture
async def house(store: Store, tmp_path: Path) -> CallbackHouse:
    """Ivan waits since noon, Petr since 12:05, somebody anonymous since 12:10."""
    house = CallbackHouse(store, tmp_path / "spool")
    await store.write(lambda c: add_manager(c, "m-boris", "boris", name="Борис", extensions=["102"], role="manager"))
    await store.write(lambda c: add_manager(c, "m-vera", "vera", name="Вера", extensions=["103"], role="auditor"))
    await house.take(missed(minute(0)), missed(minute(5), who=PETR, rang=["102"]), missed(minute(10), who=None))
    return house


@pytest_asyncio.fixture
async def site(house: CallbackHouse, phones: Phones) -> AsyncIterator[Site]:
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")
    presets = house.settings.snooze
    async with running_site(
        house.store,
        settings,
        writes=callback_writes(house.desk, presets, phones, house.store),
        pages=lambda means: CallbackPages(means, presets).routes(),
    ) as running:
        running.clock.move((house.clock.now() - running.clock.now()).total_seconds())
        yield running


@pytest_asyncio.fixture
async def boss(site: Site) -> AsyncIterator[Browser]:
    await site.add_user("anna")
    async with new_browser(site) as browser:
        await browser.sign_in("anna")
        yield browser


def of(house: CallbackHouse, number: str | None) -> str:
    """The id of whose callback it is."""
    return next(one.id for one in house.all() if one.number == number)


async def do(browser: Browser, callback_id: str, deed: str, **fields: str) -> tuple[int, str]:
    """Send a form of the board and look at the page that follows."""
    csrf = await browser.csrf("/")
    status, text, answer = await browser.post(
        f"/callbacks/{callback_id}/{deed}", {"csrf": csrf, "next": "/?view=mine", **fields}
    )
    if status == 303:
        _, text, _ = await browser.get(answer.headers["Location"])
    return status, text


async def test_who_waits_is_shown_the_most_urgent_first(boss: Browser) -> None:
    status, text, _ = await boss.get("/")
    assert status == 200
    names = re.findall(r"data-open>([^<]+)<", text)
    assert names == ["+7 926 123-45-67", "+7 903 765-43-21", "Number withheld"]
    assert "(3) Callbacks" in text
    assert "nobody picked up" in text


@pytest.mark.parametrize(
    ("view", "count"), [("waiting", 3), ("mine", 0), ("unowned", 2), ("overdue", 0), ("anonymous", 1), ("over", 0)]
)
async def test_each_view_has_its_rows(boss: Browser, view: str, count: int) -> None:
    status, text, _ = await boss.get(f"/?view={view}")
    assert status == 200
    assert text.count("data-open") == count
    assert view in VIEWS


async def test_an_unknown_view_is_refused(boss: Browser) -> None:
    assert (await boss.get("/?view=never"))[0] == 400


async def test_words_find_whom_they_name(boss: Browser) -> None:
    _, text, _ = await boss.get("/?q=765-43-21")
    assert text.count("data-open") == 1
    _, text, _ = await boss.get("/?q=nobody")
    assert "Nobody of this name or number waits." in text


async def test_taking_it_makes_it_mine_and_can_be_undone(boss: Browser, house: CallbackHouse) -> None:
    ivan = of(house, IVAN)
    status, text = await do(boss, ivan, "claim")
    assert status == 303
    assert "It is yours now." in text
    assert text.count("data-open") == 1
    csrf = re.search(rf'action="/callbacks/{ivan}/undo".*?value="([^"]+)"', text)
    assert csrf is not None
    await boss.post(f"/callbacks/{ivan}/undo", {"csrf": csrf[1], "next": "/"})
    assert next(one for one in house.all() if one.id == ivan).claimed_by is None


async def test_every_deed_of_the_board_is_done(boss: Browser, house: CallbackHouse) -> None:
    ivan = of(house, IVAN)

    def now() -> str:
        return next(one.state for one in house.all() if one.id == ivan)

    await do(boss, ivan, "attempt", outcome="busy")
    assert now() == "attempted"
    await do(boss, ivan, "snooze", preset="1h")
    assert now() == "snoozed"
    await do(boss, ivan, "snooze", until="2026-11-24T10:00")
    until = next(one.snoozed_until for one in house.all() if one.id == ivan)
    assert until is not None
    assert until.isoformat() == "2026-11-24T07:00:00+00:00", "the company's time, which the field does not say"
    await do(boss, ivan, "assign", manager="m-boris")
    await do(boss, ivan, "note", note="Просил <b>утром</b>")
    await do(boss, ivan, "close", reason="reached", note="по другому номеру")
    assert now() == "reached_by_us"
    _, card, _ = await boss.get(f"/callbacks/{ivan}")
    assert "Просил &lt;b&gt;утром&lt;/b&gt;" in card
    assert "по другому номеру" in card
    assert "Борис" in card
    await do(boss, ivan, "reopen")
    assert now() != "reached_by_us"


async def test_calling_asks_the_pbx_for_whoever_is_signed_in(
    boss: Browser, house: CallbackHouse, phones: Phones
) -> None:
    status, text = await do(boss, of(house, IVAN), "call")
    assert status == 303
    assert "Your phone rings." in text
    assert [request.number for request in phones.asked] == [IVAN]


async def test_a_call_that_is_refused_says_why(boss: Browser, house: CallbackHouse, phones: Phones) -> None:
    phones.refusal = CallRefused("You have no phone here: ask for an extension.", code="no_extension")
    status, text = await do(boss, of(house, IVAN), "call")
    assert status in {409, 422}
    assert "You have no phone here" in text


async def test_many_are_done_at_once_and_what_somebody_else_took_is_counted(
    boss: Browser, site: Site, house: CallbackHouse
) -> None:
    ivan, petr = of(house, IVAN), of(house, PETR)
    await house.store.write(lambda c: house.desk.claim(c, petr, house.by("m-boris")))
    csrf = await boss.csrf("/")
    data = [("csrf", csrf), ("next", "/"), ("deed", "claim"), ("id", ivan), ("id", petr), ("id", "gone")]
    async with boss.session.post(site.url("/callbacks"), data=data, headers={"Accept": "text/html"}) as answer:
        assert "1 of 3 done." in await answer.text()
    assert next(one.claimed_by.name for one in house.all() if one.id == petr and one.claimed_by) == "Борис"


async def test_an_auditor_looks_and_changes_nothing(site: Site, house: CallbackHouse) -> None:
    await site.accounts.set_password("vera", PASSWORD)
    async with new_browser(site) as vera:
        await vera.sign_in("vera")
        _, text, _ = await vera.get("/")
        assert text.count("data-open") == 3
        assert "/claim" not in text
        csrf = await vera.csrf("/leads")
        status, _, _ = await vera.post(f"/callbacks/{of(house, IVAN)}/claim", {"csrf": csrf, "next": "/"})
        assert status == 403


async def test_a_manager_sees_his_own_and_nobodys(site: Site, house: CallbackHouse) -> None:
    await house.store.write(lambda c: house.desk.assign(c, of(house, IVAN), house.by(), "vera"))
    await site.accounts.set_password("boris", PASSWORD)
    async with new_browser(site) as boris:
        await boris.sign_in("boris")
        _, text, _ = await boris.get("/")
        assert text.count("data-open") == 2
        assert (await boris.get(f"/callbacks/{of(house, IVAN)}"))[0] == 404
        status, _ = await do(boris, of(house, IVAN), "claim")
        assert status == 404


async def test_what_closed_by_itself_is_shown_with_the_reason(boss: Browser, site: Site, house: CallbackHouse) -> None:
    await house.take(ours(minute(20), answered=True))
    site.clock.move(900)
    _, text, _ = await boss.get("/?view=over")
    assert "We called back" in text
    assert "answered our call" in text
    _, card, _ = await boss.get(f"/callbacks/{of(house, IVAN)}")
    assert re.search(r"<b>Closed</b>\s*<span>answered our call</span>", card), "in its history too"


@pytest.mark.parametrize(
    ("deed", "fields", "status"),
    [
        ("dance", {}, 404),
        ("close", {"reason": "because"}, 400),
        ("attempt", {"outcome": "magic"}, 400),
        ("snooze", {"until": "tomorrow"}, 400),
        ("snooze", {"preset": "soon"}, 422),
        ("note", {"note": "  "}, 422),
        ("assign", {"manager": "nobody-of-this-name"}, 404),
    ],
)
async def test_a_form_that_makes_no_sense_is_refused_with_words(
    boss: Browser, house: CallbackHouse, deed: str, fields: dict[str, str], status: int
) -> None:
    found, text = await do(boss, of(house, IVAN), deed, **fields)
    assert found == status
    assert "<p" in text


@pytest.mark.parametrize("address", ["/?cursor=x", "/?view=over&cursor=x"])
async def test_a_page_that_nobody_was_shown_is_refused(boss: Browser, address: str) -> None:
    status, text, _ = await boss.get(address)
    assert status == 400
    assert "begin with the first one" in text


async def test_the_board_goes_on_where_its_page_ends(boss: Browser, house: CallbackHouse) -> None:
    """More wait than fit on a page; the one whom a link to the next page begins with is the next in the order."""
    await house.take(*(missed(minute(20 + n), who=f"+7926555{n:04}") for n in range(2 * ROWS)))
    shown: list[str] = []
    address = "/"
    while address:
        _, text, _ = await boss.get(address)
        shown += re.findall(r'id="callback-([^"]+)"', text)
        following = re.search(r'<a href="([^"]+)" rel="next">', text)
        address = html.unescape(following[1]) if following else ""
    assert len(shown) == len(set(shown)) == 2 * ROWS + 3
