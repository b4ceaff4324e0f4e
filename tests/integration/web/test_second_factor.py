"""The second factor from the profile to the sign-in, as a browser without JavaScript does it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from gateway.audit.log import newest
from gateway.storage.tables import RecoveryCode, Session, SignInStep, Totp
from gateway.web import secondfactor
from gateway.web.entrance import STEP_COOKIE
from gateway.web.throttle import FREE_FAILURES
from gateway.web.totp import code_at, step_of
from gateway.web.vault import is_sealed
from tests.integration.web.site import PASSWORD, Browser, Site, new_browser, running_site

NEW_PASSWORD = "another horse battery"


def stored_secret(site: Site) -> str:
    return site.store.peek(lambda c: c.execute(select(Totp.secret)).scalar_one())


def secret_of(site: Site) -> str:
    """What the app has: opened as the gateway opens it."""
    [(owner, stored)] = site.store.peek(lambda c: c.execute(select(Totp.manager_id, Totp.secret)).all())
    secret = site.vault.unseal(stored, f"totp of {owner}")
    assert secret is not None
    return secret


def code(site: Site) -> str:
    """A code that was not used yet: each call is a time step later."""
    site.clock.move(30)
    return code_at(secret_of(site), step_of(site.clock.now()))


async def post(browser: Browser, path: str, **fields: str) -> tuple[int, str]:
    status, text, _ = await browser.post(path, {"csrf": await browser.csrf("/profile"), **fields})
    return status, text


async def switch_on(site: Site, browser: Browser) -> list[str]:
    """Set the factor up; the recovery codes."""
    status, text = await post(browser, "/profile/factor", old=PASSWORD)
    assert status == 200
    assert "<svg" in text
    status, text = await post(browser, "/profile/factor/confirm", code=code(site))
    assert status == 200
    return re.findall(r"<li><code>([a-z2-7-]{19})</code>", text)


def actions(site: Site) -> list[str]:
    return [row["action"] for row in site.store.peek(lambda c: newest(c, 10))]


async def test_with_it_a_password_alone_opens_nothing(site: Site, signed_in: Browser) -> None:
    codes = await switch_on(site, signed_in)
    assert len(set(codes)) == secondfactor.RECOVERY_CODES
    assert actions(site)[0] == "user.factor_on"
    async with new_browser(site) as other:
        status, _, answer = await other.sign_in("boss", target="/reports")
        assert (status, answer.headers["Location"]) == (303, "/login/code")
        assert (await other.get("/"))[0] == 303
        csrf = await other.csrf("/login/code")
        status, text, _ = await other.post("/login/code", {"csrf": csrf, "code": "000000"})
        assert status == 401
        assert 'role="alert"' in text
        status, _, answer = await other.post("/login/code", {"csrf": csrf, "code": code(site)})
        assert (status, answer.headers["Location"]) == (303, "/reports")
        assert (await other.get("/profile"))[0] == 200


async def test_a_code_lets_in_once(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    typed = code(site)
    for expected in (303, 401):
        async with new_browser(site) as other:
            await other.sign_in("boss")
            csrf = await other.csrf("/login/code")
            assert (await other.post("/login/code", {"csrf": csrf, "code": typed}))[0] == expected


async def test_a_recovery_code_lets_in_once_however_it_is_typed(site: Site, signed_in: Browser) -> None:
    codes = await switch_on(site, signed_in)
    typed = codes[0].upper().replace("-", " ")
    for expected in (303, 401):
        async with new_browser(site) as other:
            await other.sign_in("boss")
            csrf = await other.csrf("/login/code")
            assert (await other.post("/login/code", {"csrf": csrf, "code": typed}))[0] == expected
    left = site.store.peek(lambda c: c.execute(select(RecoveryCode.code_hash)).scalars().all())
    assert len(left) == len(codes) - 1
    assert not any(one in "".join(left) for one in codes)


async def test_guessing_codes_gets_slower(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    async with new_browser(site) as other:
        await other.sign_in("boss")
        fields = {"csrf": await other.csrf("/login/code"), "code": "123456"}
        statuses = [(await other.post("/login/code", fields))[0] for _ in range(FREE_FAILURES + 1)]
        status, _, answer = await other.post("/login/code", fields)
        statuses.append(status)
    assert statuses == [401] * FREE_FAILURES + [429, 429]
    assert int(answer.headers["Retry-After"]) >= 1


async def test_the_step_ends_after_ten_minutes_and_with_its_use(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    async with new_browser(site) as other:
        await other.sign_in("boss")
        csrf = await other.csrf("/login/code")
        site.clock.move(secondfactor.STEP_LIFETIME.total_seconds() + 1)
        status, _, answer = await other.post("/login/code", {"csrf": csrf, "code": code(site)})
        assert (status, answer.headers["Location"]) == (303, "/login")
        await other.sign_in("boss")
        assert (await other.post("/login/code", {"csrf": csrf, "code": code(site)}))[0] == 303
        assert site.store.peek(lambda c: c.execute(select(SignInStep.token_hash)).first()) is None
        assert not any(cookie.key == STEP_COOKIE and cookie.value for cookie in other.session.cookie_jar)


async def test_nobody_gets_to_the_code_without_a_password(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    async with new_browser(site) as stranger:
        assert (await stranger.get("/login/code"))[2].headers["Location"] == "/login"
        fields = {"csrf": await stranger.csrf(), "code": code(site)}
        assert (await stranger.post("/login/code", fields))[2].headers["Location"] == "/login"


@pytest.mark.parametrize("path", ["/profile/factor", "/profile/factor/codes", "/profile/factor/off"])
async def test_a_stolen_session_changes_no_second_factor(site: Site, signed_in: Browser, path: str) -> None:
    if path != "/profile/factor":
        await switch_on(site, signed_in)
    before = site.store.peek(lambda c: c.execute(select(Totp.secret, Totp.confirmed_at)).all())
    status, text = await post(signed_in, path, old="wrong wrong wrong")
    assert status == 422
    assert 'role="alert"' in text
    assert site.store.peek(lambda c: c.execute(select(Totp.secret, Totp.confirmed_at)).all()) == before


async def test_a_secret_that_counts_is_never_shown_again(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    secret = secret_of(site)
    _, text, _ = await signed_in.get("/profile")
    assert secret not in text.replace(" ", "")
    status, text = await post(signed_in, "/profile/factor", old=PASSWORD)
    assert status in {200, 303}
    assert secret not in text.replace(" ", "")
    assert secret_of(site) == secret


async def test_the_database_holds_the_secret_only_sealed(site: Site, signed_in: Browser) -> None:
    status, text = await post(signed_in, "/profile/factor", old=PASSWORD)
    assert status == 200
    shown = "".join(re.findall(r"<code>([A-Z2-7 ]+)</code>", text)).replace(" ", "")
    assert shown == secret_of(site)
    assert shown not in stored_secret(site)
    assert is_sealed(stored_secret(site))


async def test_a_secret_of_an_older_leadgate_works_and_is_sealed_at_the_next_start(
    site: Site, signed_in: Browser
) -> None:
    await switch_on(site, signed_in)
    secret = secret_of(site)
    await site.store.write(lambda c: c.execute(update(Totp).values(secret=secret)))
    async with new_browser(site) as other:
        await other.sign_in("boss")
        typed = code_at(secret, step_of(site.clock.now()) + 1)
        csrf = await other.csrf("/login/code")
        assert (await other.post("/login/code", {"csrf": csrf, "code": typed}))[0] == 303
    async with running_site(site.store, vault=site.vault) as again:
        assert is_sealed(stored_secret(again))
        assert secret_of(again) == secret


async def test_without_its_key_a_factor_still_opens_with_a_recovery_code(site: Site, signed_in: Browser) -> None:
    codes = await switch_on(site, signed_in)
    secret = secret_of(site)
    async with running_site(site.store) as other_key, new_browser(other_key) as browser:
        other_key.clock.move(600)
        await browser.sign_in("boss")
        fields = {"csrf": await browser.csrf("/login/code"), "code": code_at(secret, step_of(other_key.clock.now()))}
        assert (await browser.post("/login/code", fields))[0] == 401
        assert (await browser.post("/login/code", {**fields, "code": codes[0]}))[0] == 303


async def test_the_secret_of_another_person_does_not_open(site: Site, signed_in: Browser) -> None:
    """Whoever can write to the database can't put his own secret in the place of the owner's."""
    await switch_on(site, signed_in)
    sealed = site.vault.seal("JBSWY3DPEHPK3PXP", "totp of somebody else")
    await site.store.write(lambda c: c.execute(update(Totp).values(secret=sealed)))
    async with new_browser(site) as other:
        await other.sign_in("boss")
        fields = {
            "csrf": await other.csrf("/login/code"),
            "code": code_at("JBSWY3DPEHPK3PXP", step_of(site.clock.now())),
        }
        assert (await other.post("/login/code", fields))[0] == 401


async def test_a_wrong_first_code_switches_nothing_on(site: Site, signed_in: Browser) -> None:
    await post(signed_in, "/profile/factor", old=PASSWORD)
    status, _ = await post(signed_in, "/profile/factor/confirm", code="000000")
    assert status == 422
    async with new_browser(site) as other:
        assert (await other.sign_in("boss"))[2].headers["Location"] == "/"


async def test_off_again_and_the_password_is_enough(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    status, _ = await post(signed_in, "/profile/factor/off", old=PASSWORD)
    assert status == 303
    assert actions(site)[0] == "user.factor_off"
    async with new_browser(site) as other:
        assert (await other.sign_in("boss"))[2].headers["Location"] == "/"


async def test_new_recovery_codes_end_the_old_ones(site: Site, signed_in: Browser) -> None:
    old = await switch_on(site, signed_in)
    status, text = await post(signed_in, "/profile/factor/codes", old=PASSWORD)
    assert status == 200
    new = re.findall(r"<li><code>([a-z2-7-]{19})</code>", text)
    assert len(new) == len(old)
    assert not set(new) & set(old)


async def test_a_one_time_link_asks_for_the_code_too(site: Site, signed_in: Browser) -> None:
    await switch_on(site, signed_in)
    link = await site.accounts.setup_link("boss", secondfactor.STEP_LIFETIME)
    async with new_browser(site) as other:
        fields = {"csrf": await other.csrf(link), "password": NEW_PASSWORD, "again": NEW_PASSWORD}
        status, _, answer = await other.post(link, fields)
        assert (status, answer.headers["Location"]) == (303, "/login/code")


async def test_another_password_ends_the_other_sessions_only(site: Site, signed_in: Browser) -> None:
    async with new_browser(site) as other:
        await other.sign_in("boss")
        status, _ = await post(signed_in, "/profile/password", old=PASSWORD, password=NEW_PASSWORD, again=NEW_PASSWORD)
        assert status == 303
        assert (await other.get("/profile"))[0] == 303
        assert (await signed_in.get("/profile"))[0] == 200
        assert (await other.sign_in("boss"))[0] == 401
        assert (await other.sign_in("boss", NEW_PASSWORD))[0] == 303
    assert "user.password" in actions(site)


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [("wrong", NEW_PASSWORD, NEW_PASSWORD), (PASSWORD, "short", "short"), (PASSWORD, "password123", "password123"),
     (PASSWORD, NEW_PASSWORD, "other")],
)  # fmt: skip
async def test_a_password_that_can_t_be_taken_changes_nothing(
    site: Site, signed_in: Browser, old: str, new: str, again: str
) -> None:
    status, text = await post(signed_in, "/profile/password", old=old, password=new, again=again)
    assert status == 422
    assert 'role="alert"' in text
    async with new_browser(site) as other:
        assert (await other.sign_in("boss"))[0] == 303


async def test_guessing_the_password_from_a_stolen_session_gets_slower(site: Site, signed_in: Browser) -> None:
    statuses = [(await post(signed_in, "/profile/factor", old="guess guess"))[0] for _ in range(FREE_FAILURES + 1)]
    assert statuses == [422] * FREE_FAILURES + [429]


async def test_one_ends_ones_own_sessions_and_no_others(site: Site, signed_in: Browser) -> None:
    await site.add_user("anna", role="manager")
    async with new_browser(site) as anna, new_browser(site) as second:
        await anna.sign_in("anna")
        await second.sign_in("boss")
        hashes = site.store.peek(
            lambda c: {row[0]: row[1] for row in c.execute(select(Session.manager_id, Session.token_hash))}
        )
        assert len(hashes) == 2
        _, text, _ = await signed_in.get("/profile")
        [mine] = re.findall(r"/profile/sessions/([0-9a-f]{16})/end", text)
        theirs = next(one for one in hashes.values() if not one.startswith(mine) and one[:16] not in text)
        assert (await post(signed_in, f"/profile/sessions/{theirs[:16]}/end"))[0] == 404
        assert (await anna.get("/profile"))[0] == 200
        assert (await post(signed_in, f"/profile/sessions/{mine}/end"))[0] == 303
        assert (await second.get("/profile"))[0] == 303
        assert (await signed_in.get("/profile"))[0] == 200
