"""Signing in and out, one-time links, forged forms, sessions that end, languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from yarl import URL

from gateway.storage.tables import Manager, Session, SetupLink
from gateway.web.accounts import AccountError, NewManager, fingerprint
from gateway.web.passwords import WeakPassword
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser


async def test_the_right_password_opens_a_session_and_leads_where_one_wanted_to_go(
    site: Site, browser: Browser
) -> None:
    await site.add_user()
    status, _, answer = await browser.get("/leads/1?x=%D0%B8")
    assert status == 303
    assert URL(answer.headers["Location"], encoded=True).query["next"] == "/leads/1?x=%D0%B8"
    status, _, answer = await browser.sign_in(target="/leads/1")
    assert (status, answer.headers["Location"]) == (303, "/leads/1")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    status, text, _ = await browser.get("/leads")
    assert status == 200
    assert "Анна" in text


async def test_the_store_keeps_no_secret_of_a_session(site: Site, signed_in: Browser) -> None:
    cookie = next(c.value for c in signed_in.session.cookie_jar if c.key == "leadgate")
    [stored] = await site.store.read(lambda c: c.execute(select(Session.token_hash)).scalars().all())
    assert stored == fingerprint(cookie) != cookie


@pytest.mark.parametrize(
    ("login", "password"),
    [("anna", "wrong password"), ("nobody", PASSWORD), ("oleg", PASSWORD), ("new", PASSWORD), ("", ""), ("\x00", "x")],
)
async def test_wrong_unknown_disabled_and_unset_look_the_same(
    site: Site, browser: Browser, login: str, password: str
) -> None:
    await site.add_user()
    await site.add_user("oleg")
    await site.accounts.disable("oleg")
    await site.accounts.add_manager(NewManager(login="new", name="New"))
    status, text, answer = await browser.sign_in(login, password)
    assert status == 401
    assert "The login or the password is wrong." in text
    assert "leadgate=" not in answer.headers.get("Set-Cookie", "")


async def test_a_login_is_found_in_any_case(site: Site, browser: Browser) -> None:
    await site.add_user("Анна")
    status, _, _ = await browser.sign_in("аННА")
    assert status == 303


async def test_guessing_is_slowed_down_and_then_the_right_password_works(site: Site, browser: Browser) -> None:
    await site.add_user()
    for _ in range(5):
        status, _, _ = await browser.sign_in(password="wrong password")
        assert status == 401
    status, text, answer = await browser.sign_in()
    assert (status, answer.headers["Retry-After"]) == (429, "1")
    assert "Try again in 1 second." in text
    site.clock.move(1.1)
    status, _, _ = await browser.sign_in()
    assert status == 303


async def test_a_new_session_has_a_new_token_and_ends_the_old_one(site: Site, signed_in: Browser) -> None:
    before = next(c.value for c in signed_in.session.cookie_jar if c.key == "leadgate")
    csrf = await signed_in.csrf("/leads")
    await signed_in.post("/login", {"csrf": csrf, "login": "boss", "password": PASSWORD})
    after = next(c.value for c in signed_in.session.cookie_jar if c.key == "leadgate")
    assert after != before
    async with new_browser(site) as thief:
        status, _, _ = await thief.get("/", Cookie=f"leadgate={before}")
        assert status == 303


@pytest.mark.parametrize(("step", "steps", "alive"), [(29, 10, True), (31, 1, False), (25, 30, False)])
async def test_a_session_ends_by_silence_or_after_twelve_hours(
    site: Site, signed_in: Browser, step: int, steps: int, alive: bool
) -> None:
    status = 0
    for _ in range(steps):
        site.clock.move(step * 60)
        status, _, _ = await signed_in.get("/leads")
    assert status == (200 if alive else 303)


async def test_signing_out_ends_the_session_in_the_store(site: Site, signed_in: Browser) -> None:
    cookie = next(c.value for c in signed_in.session.cookie_jar if c.key == "leadgate")
    status, _, _ = await signed_in.post("/logout", {"csrf": await signed_in.csrf("/leads")})
    assert status == 303
    status, _, _ = await signed_in.get("/", Cookie=f"leadgate={cookie}")
    assert status == 303


async def test_a_changed_password_or_a_disabled_user_ends_all_sessions(site: Site, signed_in: Browser) -> None:
    await site.accounts.set_password("boss", "another good password")
    assert (await signed_in.get("/leads"))[0] == 303
    await signed_in.sign_in("boss", "another good password")
    assert (await signed_in.get("/leads"))[0] == 200
    await site.accounts.disable("boss")
    assert (await signed_in.get("/leads"))[0] == 303


@pytest.mark.parametrize("path", ["/logout", "/language", "/login"])
async def test_a_forged_form_is_refused(signed_in: Browser, path: str) -> None:
    right = await signed_in.csrf("/leads")
    for fields, headers in (
        ({}, {}),
        ({"csrf": "wrong"}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": right}, {"Origin": "https://evil.example"}),
        ({"csrf": right}, {"Sec_Fetch_Site": "cross-site"}),
    ):
        status, text, _ = await signed_in.post(path, fields, **headers)
        assert status == 403, (fields, headers)
        assert "Not allowed" in text
    assert (await signed_in.get("/leads"))[0] == 200


async def test_the_login_form_of_another_browser_is_refused(site: Site, browser: Browser) -> None:
    await site.add_user()
    async with new_browser(site) as other:
        foreign = await other.csrf()
    status, _, _ = await browser.post("/login", {"csrf": foreign, "login": "anna", "password": PASSWORD})
    assert status == 403


async def test_a_form_of_ours_is_taken_as_browsers_send_it(site: Site, browser: Browser) -> None:
    await site.add_user()
    fields = {"csrf": await browser.csrf(), "login": "anna", "password": PASSWORD}
    status, _, _ = await browser.post("/login", fields, Origin="null", Sec_Fetch_Site="same-origin")
    assert status == 303
    fields = {"csrf": await browser.csrf("/leads"), "language": "ru"}
    status, _, _ = await browser.post("/language", fields, Origin=site.server.private_address)
    assert status == 303


async def test_the_token_may_come_in_a_header(site: Site, signed_in: Browser) -> None:
    status, _, _ = await signed_in.post("/logout", {}, X_CSRF_Token=await signed_in.csrf("/leads"))
    assert status == 303


async def test_a_one_time_link_sets_the_first_password_and_signs_in(site: Site, browser: Browser) -> None:
    link = await site.accounts.first_setup_link("admin", timedelta(hours=1))
    assert link is not None
    status, text, _ = await browser.get(link)
    assert status == 200
    assert "<b>admin</b>" in text
    fields = {"csrf": await browser.csrf(link), "password": PASSWORD, "again": PASSWORD}
    status, _, answer = await browser.post(link, fields)
    assert (status, answer.headers["Location"]) == (303, "/")
    assert (await browser.get("/leads"))[0] == 200
    assert (await browser.get(link))[0] == 404
    assert await site.store.read(lambda c: c.execute(select(SetupLink)).all()) == []
    assert await site.accounts.first_setup_link("admin", timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "too short"),
        ("password123", "password123", "among the first that are guessed"),
        ("x" * 1025, "x" * 1025, "too long"),
        ("administrator-1", "administrator-1", "must not be the login"),
        (PASSWORD, "something else", "differ"),
    ],
)
async def test_a_link_survives_a_password_that_can_not_be_used(
    site: Site, browser: Browser, password: str, again: str, said: str
) -> None:
    link = await site.accounts.first_setup_link("administrator-1", timedelta(hours=1))
    assert link is not None
    csrf = await browser.csrf(link)
    status, text, _ = await browser.post(link, {"csrf": csrf, "password": password, "again": again})
    assert status == 422
    assert said in text
    assert (await browser.get(link))[0] == 200


async def test_a_link_that_is_old_replaced_or_invented_does_not_work(site: Site, browser: Browser) -> None:
    await site.accounts.add_manager(NewManager(login="anna", name="Anna"))
    replaced = await site.accounts.setup_link("anna", timedelta(hours=1))
    link = await site.accounts.setup_link("anna", timedelta(hours=1))
    for wrong in (replaced, "/setup/invented", f"{link}x"):
        status, text, _ = await browser.get(wrong)
        assert status == 404
        assert "This link no longer works" in text
    csrf = await browser.csrf(link)
    site.clock.move(3601)
    status, _, _ = await browser.post(link, {"csrf": csrf, "password": PASSWORD, "again": PASSWORD})
    assert status == 404


async def test_an_old_hash_is_renewed_when_its_owner_signs_in(site: Site, browser: Browser) -> None:
    from argon2 import PasswordHasher

    await site.add_user()
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await site.store.write(lambda c: c.execute(update(Manager).values(password_hash=old)))
    assert (await browser.sign_in())[0] == 303
    [stored] = await site.store.read(lambda c: c.execute(select(Manager.password_hash)).scalars().all())
    assert "m=19456,t=2,p=1" in (stored or "")


async def test_the_language_is_the_browsers_until_somebody_chooses(site: Site, browser: Browser) -> None:
    _, text, _ = await browser.get("/login", Accept_Language="ru-RU,ru;q=0.9")
    assert "Пароль" in text
    csrf = await browser.csrf()
    status, _, answer = await browser.post("/language", {"csrf": csrf, "language": "ru", "next": "/login"})
    assert (status, answer.headers["Location"]) == (303, "/login")
    _, text, _ = await browser.get("/login", Accept_Language="en")
    assert '<html lang="ru">' in text


async def test_a_user_keeps_the_language_in_every_browser(site: Site, signed_in: Browser) -> None:
    await signed_in.post("/language", {"csrf": await signed_in.csrf("/leads"), "language": "ru", "next": "//evil"})
    async with new_browser(site) as other:
        await other.sign_in("boss")
        _, text, _ = await other.get("/leads")
        assert '<html lang="ru">' in text


async def test_accounts_refuse_what_can_not_be(site: Site) -> None:
    await site.add_user("anna")
    for wrong in (
        site.accounts.add_manager(NewManager(login="ANNA", name="")),
        site.accounts.set_password("nobody", PASSWORD),
        site.accounts.disable("nobody"),
        site.accounts.setup_link("nobody", timedelta(hours=1)),
        site.accounts.revoke_token("nothing"),
        site.accounts.add_token(" "),
    ):
        with pytest.raises(AccountError):
            await wrong
    with pytest.raises(WeakPassword):
        await site.accounts.set_password("anna", "short")
    with pytest.raises(AccountError, match="god"):
        NewManager(login="x", name="x", role="god")
    await site.accounts.add_token("crm")
    with pytest.raises(AccountError, match="crm"):
        await site.accounts.add_token("crm")
    await site.accounts.disable("anna")
    with pytest.raises(AccountError, match="disabled"):
        await site.accounts.setup_link("anna", timedelta(hours=1))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded; charset=nonsense", b"csrf=x"),
        ("application/x-www-form-urlencoded; charset=ascii", b"csrf=\xff"),
        ("application/x-www-form-urlencoded", b"csrf=%ff&login=%00\xff"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data", b"--x--"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=csrf; filename=a\r\n\r\n1\r\n--x--",
        ),
        ("application/json", b'{"csrf": 1}'),
        ("text/plain", b"csrf=x"),
    ],
)
async def test_a_form_that_can_not_be_read_is_the_senders_fault(
    site: Site, browser: Browser, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    async with browser.session.post(site.url("/login"), data=body, headers=headers) as answer:
        assert answer.status in {400, 403}
