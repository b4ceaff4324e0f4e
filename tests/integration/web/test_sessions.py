"""Sessions as people meet them: listed, ended one by one or all others, new at sign-in, with the role of the moment."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from gateway.audit.log import newest
from gateway.storage.tables import Manager, Session
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser


async def signed(site: Site, browser: Browser, login: str = "anna") -> Browser:
    assert (await browser.sign_in(login))[0] == 303
    return browser


async def post(browser: Browser, path: str, **fields: str) -> int:
    return (await browser.post(path, {"csrf": await browser.csrf("/profile"), **fields}))[0]


def actions(site: Site) -> list[str]:
    return [row["action"] for row in site.store.peek(lambda c: newest(c, 10))]


async def is_in(browser: Browser) -> bool:
    return (await browser.get("/profile"))[0] == 200


async def test_the_profile_lists_ones_sessions_with_where_they_are_from(site: Site, browser: Browser) -> None:
    await site.add_user("anna")
    await site.add_user("boss")
    async with new_browser(site) as second, new_browser(site) as stranger:
        await signed(site, browser)
        csrf = await second.csrf()
        fields = {"csrf": csrf, "login": "anna", "password": PASSWORD}
        assert (await second.post("/login", fields, User_Agent="Telephone/<b>7</b>"))[0] == 303
        await signed(site, stranger, "boss")
        _, text, _ = await browser.get("/profile")
        assert (
            len(re.findall(r'/profile/sessions/[0-9a-f]{16}/end"', text)) == 1
        )  # the other; this one is signed out of
        assert text.count("127.0.0.1") == 2
        assert "Telephone/&lt;b&gt;7&lt;/b&gt;" in text
        assert "this one" in text


async def test_one_session_is_ended_and_that_is_written_down(site: Site, browser: Browser) -> None:
    await site.add_user("anna")
    async with new_browser(site) as second:
        await signed(site, browser)
        await signed(site, second)
        [theirs] = re.findall(r"/profile/sessions/([0-9a-f]{16})/end", (await browser.get("/profile"))[1])
        assert await post(browser, f"/profile/sessions/{theirs}/end") == 303
        assert (await is_in(second), await is_in(browser)) == (False, True)
        assert actions(site)[0] == "session.ended"


async def test_all_other_sessions_end_at_once_and_nobody_elses(site: Site, browser: Browser) -> None:
    await site.add_user("anna")
    await site.add_user("boss")
    async with new_browser(site) as second, new_browser(site) as third, new_browser(site) as boss:
        for one in (browser, second, third):
            await signed(site, one)
        await signed(site, boss, "boss")
        assert await post(browser, "/profile/sessions/end-others") == 303
        assert [await is_in(one) for one in (browser, second, third, boss)] == [True, False, False, True]
        assert actions(site)[0] == "session.ended_others"
        assert await post(browser, "/profile/sessions/end-others") == 303
        assert actions(site).count("session.ended_others") == 1


async def test_signing_in_again_rotates_the_session(site: Site, browser: Browser) -> None:
    """Whoever planted or saw the token of before has nothing (session fixation)."""
    await site.add_user("anna")
    planted = "planted-by-somebody-else"
    csrf = await browser.csrf()
    fields = {"csrf": csrf, "login": "anna", "password": PASSWORD}
    form = next(c.value for c in browser.session.cookie_jar if c.key == "leadgate-form")
    status, _, answer = await browser.post("/login", fields, Cookie=f"leadgate={planted}; leadgate-form={form}")
    assert status == 303
    assert planted not in answer.headers["Set-Cookie"]
    async with new_browser(site) as attacker:
        assert (await attacker.get("/profile", Cookie=f"leadgate={planted}"))[0] == 303
    assert actions(site)[0] == "session.opened"


@pytest.mark.parametrize(
    ("before", "after", "path", "statuses"),
    [
        ("manager", "chief", "/settings/log", (403, 200)),
        ("chief", "auditor", "/settings/log", (200, 200)),
        ("owner", "manager", "/settings/log", (200, 403)),
    ],
)
async def test_open_sessions_follow_a_changed_role_at_the_next_click(
    site: Site, browser: Browser, before: str, after: str, path: str, statuses: tuple[int, int]
) -> None:
    await site.add_user("anna", role=before)
    await signed(site, browser)
    found = [(await browser.get(path))[0]]
    await site.store.write(lambda c: c.execute(update(Manager).where(Manager.login == "anna").values(role=after)))
    found.append((await browser.get(path))[0])
    assert tuple(found) == statuses
    assert await is_in(browser)


async def test_a_role_taken_away_can_change_nothing_any_more(site: Site, browser: Browser) -> None:
    await site.add_user("anna", role="owner")
    await signed(site, browser)
    csrf = await browser.csrf("/profile")
    await site.store.write(lambda c: c.execute(update(Manager).values(role="auditor")))
    status, _, _ = await browser.post("/settings/access/tokens", {"csrf": csrf, "name": "x"})
    assert status == 403


async def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(site: Site, browser: Browser) -> None:
    await site.add_user("anna")
    async with new_browser(site) as thief:
        await signed(site, browser)
        await signed(site, thief)
        fields = {"old": PASSWORD, "password": "another horse battery", "again": "another horse battery"}
        assert await post(browser, "/profile/password", **fields) == 303
        assert (await is_in(thief), await is_in(browser)) == (False, True)
        assert actions(site)[0] == "user.password"
        [left] = site.store.peek(lambda c: c.execute(select(Session.manager_id)).scalars().all())
        assert left


async def test_a_sign_in_is_written_down_with_how_and_from_where(site: Site, browser: Browser) -> None:
    await site.add_user("anna")
    await signed(site, browser)
    [row] = [row for row in site.store.peek(lambda c: newest(c, 5)) if row["action"] == "session.opened"]
    assert row["detail"] == {"by": "password", "from": "127.0.0.1"}
    assert row["actor"].startswith("manager:")
