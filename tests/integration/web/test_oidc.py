"""Signing in through an OpenID provider over real sockets: the way there and back, and all that may be wrong."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update

from gateway.audit.log import newest
from gateway.storage.store import Store
from gateway.storage.tables import Manager, Totp
from gateway.web.accounts import NewManager
from gateway.web.oidc.failure import BadAnswer, ProviderAway
from gateway.web.oidc.provider import AGAIN_SECONDS, FRESH_SECONDS, LARGEST_ANSWER, Provider
from gateway.web.oidc.settings import OidcSettings
from gateway.web.oidc.trips import LIFETIME
from gateway.web.pages.oidc import TRIP_COOKIE
from gateway.web.settings import WebSettings
from gateway.web.throttle import FREE_FAILURES
from tests.integration.web.site import ONE_PORT, PASSWORD, Browser, Site, new_browser, running_site
from tests.support.clock import FakeClock
from tests.support.oidc import CLIENT, SECRET, FakeProvider, running_provider

MAIL = "anna@example.com"


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with running_provider(FakeClock()) as running:
        yield running


def settings_for(provider: FakeProvider, **others: Any) -> OidcSettings:
    return OidcSettings(issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, name="Office ID", **others)


@asynccontextmanager
async def office(store: Store, provider: FakeProvider, **others: Any) -> AsyncIterator[Site]:
    """A site that trusts the provider, with Anna whom it knows; both have the same clock."""
    oidc = settings_for(provider, **others)
    web: WebSettings = msgspec.structs.replace(ONE_PORT, oidc=oidc)
    async with running_site(store, web) as site:
        provider.clock = site.clock
        await site.accounts.add_manager(NewManager(login="anna", name="Анна", role="manager", email=MAIL))
        await site.accounts.add_manager(NewManager(login="boss", name="Boss", role="owner"))
        yield site


@pytest_asyncio.fixture
async def site(store: Store, provider: FakeProvider) -> AsyncIterator[Site]:
    async with office(store, provider) as running:
        yield running


async def leave(browser: Browser, target: str = "/leads") -> str:
    """To the provider, who sends back to the path that this returns."""
    status, text, answer = await browser.get(f"/login/oidc?next={target}")
    assert status == 303, text
    async with browser.session.get(answer.headers["Location"], allow_redirects=False) as agreed:
        assert agreed.status == 302
        back = urlsplit(agreed.headers["Location"])
    assert back.path == "/login/oidc/callback"
    return f"{back.path}?{back.query}"


async def sign_in(browser: Browser, target: str = "/leads", **headers: str) -> tuple[int, str, str]:
    """There and back: status, text, and where to."""
    status, text, answer = await browser.get(await leave(browser, target), **headers)
    return status, text, answer.headers.get("Location", "")


async def is_in(browser: Browser) -> bool:
    return (await browser.get("/profile"))[0] == 200


def actions(site: Site) -> list[tuple[str, dict[str, Any]]]:
    return [(row["action"], row["detail"]) for row in site.store.peek(lambda c: newest(c, 5))]


async def test_the_provider_lets_in_whom_we_know_and_leads_where_one_wanted_to_go(site: Site, browser: Browser) -> None:
    _, text, _ = await browser.get("/login?next=/tasks")
    assert "Sign in with Office ID" in text
    assert 'href="/login/oidc?next=/tasks"' in text or 'href="/login/oidc?next=%2Ftasks"' in text
    assert 'name="password"' in text
    assert await sign_in(browser, "/tasks") == (303, "", "/tasks")
    assert await is_in(browser)
    action, detail = actions(site)[0]
    assert (action, detail["by"]) == ("session.opened", "provider")
    assert not any(cookie.key == TRIP_COOKIE and cookie.value for cookie in browser.session.cookie_jar)


async def test_a_provider_session_has_a_new_token_and_ends_the_one_before(site: Site, browser: Browser) -> None:
    await site.accounts.set_password("boss", PASSWORD)
    back = await leave(browser)
    await browser.sign_in("boss")
    before = next(c.value for c in browser.session.cookie_jar if c.key == "leadgate")
    assert (await browser.get(back))[0] == 303
    after = next(c.value for c in browser.session.cookie_jar if c.key == "leadgate")
    assert after != before
    async with new_browser(site) as thief:
        assert (await thief.get("/profile", Cookie=f"leadgate={before}"))[0] == 303


async def test_an_address_is_known_in_any_case(site: Site, browser: Browser, provider: FakeProvider) -> None:
    provider.claims = {"email": "ANNA@example.com", "email_verified": "true"}
    assert (await sign_in(browser))[0] == 303
    assert await is_in(browser)


async def test_signatures_with_public_keys_are_taken(site: Site, provider: FakeProvider) -> None:
    for sign in ("PS256", "RS512", "ES256"):
        provider.sign = sign
        async with new_browser(site) as browser:
            assert (await sign_in(browser))[0] == 303, sign


def changed(**claims: Any) -> Callable[[FakeProvider], None]:
    return lambda provider: provider.changes.update(claims)


def at(**seconds: int) -> Callable[[FakeProvider], None]:
    """Moments, seconds from now."""
    return lambda provider: provider.changes.update(
        {name: int(provider.clock.now().timestamp()) + later for name, later in seconds.items()}
    )


def signed(how: str) -> Callable[[FakeProvider], None]:
    return lambda provider: setattr(provider, "sign", how)


def answered(path: str, answer: Any) -> Callable[[FakeProvider], None]:
    return lambda provider: provider.answers.update({path: answer})


def said(**claims: Any) -> Callable[[FakeProvider], None]:
    return lambda provider: setattr(provider, "claims", claims)


FAULTS: Mapping[str, tuple[Callable[[FakeProvider], None], int, str]] = {
    "wrong signature": (signed("other key"), 403, "The signature of the provider's answer is wrong"),
    "alg none": (signed("none"), 403, "not signed in a way that can be trusted"),
    "signed with the client's secret": (signed("secret"), 403, "not signed in a way that can be trusted"),
    "signed with the public key as a secret": (signed("public key"), 403, "not signed in a way that can be trusted"),
    "brings its own key": (signed("own key"), 403, "a key that it does not publish"),
    "garbage": (signed("garbage"), 403, "can't be read"),
    "wrong nonce": (changed(nonce="another"), 403, "belongs to another sign-in"),
    "no nonce": (changed(nonce=None), 403, "belongs to another sign-in"),
    "wrong issuer": (changed(iss="https://evil.example"), 403, "another provider"),
    "wrong audience": (changed(aud="another program"), 403, "is client_id right?"),
    "no audience": (changed(aud=None), 403, "is client_id right?"),
    "several audiences, another party": (changed(aud=[CLIENT, "x"], azp="x"), 403, "is client_id right?"),
    "several audiences, no party": (changed(aud=[CLIENT, "x"]), 403, "is client_id right?"),
    "expired": (at(iat=-900, exp=-600), 403, "ended 600 seconds ago"),
    "from the future": (at(iat=300, exp=600), 403, "300 seconds behind the provider"),
    "not yet": (at(nbf=200), 403, "200 seconds behind the provider"),
    "no end": (changed(exp=None), 403, "can't be read"),
    "an end that is no number": (changed(exp="tomorrow"), 403, "can't be read"),
    "no subject": (changed(sub=None), 403, "can't be read"),
    "huge answer": (answered("/token", b'"' + b"x" * LARGEST_ANSWER + b'"'), 502, "an answer that can't be used"),
    "no JSON": (answered("/token", b"<html>"), 502, "an answer that can't be used"),
    "deep JSON": (answered("/token", b"[" * 100_000), 502, "an answer that can't be used"),
    "500": (answered("/token", 500), 502, "does not answer now"),
    "redirect": (answered("/token", 307), 403, "an answer that can't be used"),
    "no ID token": (answered("/token", b'{"access_token": "x"}'), 403, "an answer that can't be used"),
    "wrong secret": (answered("/token", (401, '{"error": "invalid_client"}')), 403, "client_secret is wrong"),
    "code used": (answered("/token", (400, '{"error": "invalid_grant"}')), 403, "its own code any more"),
    "keys away": (answered("/keys", 503), 502, "does not answer now"),
    "keys of nonsense": (answered("/keys", b'{"keys": [1, {"kty": "RSA"}]}'), 502, "an answer that can't be used"),
    "somebody unknown": (said(email="oleg@example.com", email_verified=True), 403, "Nobody here is known by oleg@"),
    "an address that is not verified": (said(email=MAIL, email_verified=False), 403, "does not say that it verified"),
    "an address of which nothing is said": (said(email=MAIL), 403, "does not say that it verified"),
    "no address": (said(name="Anna"), 403, "its answer has no email"),
    "an address that is none": (said(email=["anna@example.com"], email_verified=True), 403, "its answer has no email"),
}
"""What the provider does -> status, and a part of the sentence that the person reads."""


async def test_what_can_not_be_believed_opens_nothing_and_says_why(site: Site, provider: FakeProvider) -> None:
    """One house for all: an hour between two of them, so that nothing is remembered and nobody has to wait."""
    wrong = []
    for fault, (spoil, status, sentence) in FAULTS.items():
        site.clock.move(2 * FRESH_SECONDS)
        provider.reset()
        spoil(provider)
        async with new_browser(site) as browser:
            found, text, _ = await sign_in(browser)
            told = re.findall(r'role="alert">([^<]*)<', text)
            if found != status or len(told) != 1 or sentence not in html.unescape(told[0]) or await is_in(browser):
                wrong.append((fault, found, told))
            assert SECRET not in html.unescape(text)
            assert "Sign in with Office ID" in text
    assert wrong == []


async def test_failures_are_told_in_russian_too(site: Site, browser: Browser, provider: FakeProvider) -> None:
    provider.sign = "other key"
    _, text, _ = await sign_in(browser, Accept_Language="ru")
    assert "Подпись в ответе провайдера неверна" in text
    assert "Войти через Office ID" in text


ASTRAY: tuple[dict[str, Any], ...] = (
    {"issuer": "https://other.example"},
    {"token_endpoint": "http://id.example.com/token"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"jwks_uri": None},
    {"jwks_uri": 7},
    {"userinfo_endpoint": "http://169.254.169.254/"},
)


@pytest.mark.parametrize("discovery", ASTRAY)
async def test_a_discovery_document_that_leads_astray_is_not_followed(
    provider: FakeProvider, discovery: dict[str, Any]
) -> None:
    provider.discovery = discovery
    asking = Provider(settings_for(provider), FakeClock())
    try:
        with pytest.raises(BadAnswer):
            await asking.metadata()
    finally:
        await asking.close()


async def test_a_provider_that_is_away_leaves_the_password(
    site: Site, browser: Browser, provider: FakeProvider
) -> None:
    await site.accounts.set_password("boss", PASSWORD)
    provider.answers["/.well-known/openid-configuration"] = 503
    status, text, _ = await browser.get("/login/oidc")
    assert status == 502
    assert "does not answer now" in text
    assert (await browser.sign_in("boss"))[0] == 303


async def test_a_replayed_answer_opens_nothing(site: Site, browser: Browser, provider: FakeProvider) -> None:
    """Somebody who saw the address has no cookie; somebody with the cookie too comes second."""
    back = await leave(browser)
    trip = next(c.value for c in browser.session.cookie_jar if c.key == TRIP_COOKIE)
    async with new_browser(site) as stranger:
        status, text, _ = await stranger.get(back)
        assert status == 403
        assert "began in another window" in text
        assert not await is_in(stranger)
    assert (await browser.get(back))[0] == 303
    assert (await browser.get(back))[0] == 403
    async with new_browser(site) as thief:
        status, _, _ = await thief.get(back, Cookie=f"{TRIP_COOKIE}={trip}")
        assert status == 403
        assert not await is_in(thief)
    assert provider.asked["/token"] == 1


async def test_an_answer_of_another_sign_in_opens_nothing(site: Site, browser: Browser) -> None:
    """Nobody is signed in to the account of somebody else who sends them his link (RFC 6749 section 10.12)."""
    async with new_browser(site) as attacker:
        theirs = await leave(attacker)
    await leave(browser)
    assert (await browser.get(theirs))[0] == 403
    assert not await is_in(browser)


async def test_a_cookie_that_is_not_ours_is_none(site: Site, browser: Browser) -> None:
    back = await leave(browser)
    trip = next(c.value for c in browser.session.cookie_jar if c.key == TRIP_COOKIE)
    async with new_browser(site) as other:
        for spoilt in ("", "x", "a.b.c.d", trip + "x", trip + ".x", trip[1:]):
            assert (await other.get(back, Cookie=f"{TRIP_COOKIE}={spoilt}"))[0] in {403, 429}
        assert not await is_in(other)


async def test_a_trip_ends_after_ten_minutes(site: Site, browser: Browser) -> None:
    back = await leave(browser)
    site.clock.move(LIFETIME.total_seconds() + 1)
    status, text, _ = await browser.get(back)
    assert status == 403
    assert "took too long" in text


REFUSALS: tuple[tuple[dict[str, str], str], ...] = (
    ({"error": "access_denied"}, "you cancelled"),
    ({"error": "server_error"}, "does not answer now"),
    ({"error": "login_required"}, "refused: login_required."),
    ({"error": "<script>alert(1)</script>"}, "refused: -."),
    ({}, "begin again"),
    ({"code": "x" * 5000}, "begin again"),
    ({"code": "code-0", "iss": "https://evil.example"}, "another provider"),
)


async def test_a_refusal_of_the_provider_is_told(site: Site, provider: FakeProvider) -> None:
    for query, sentence in REFUSALS:
        site.clock.move(FRESH_SECONDS)
        async with new_browser(site) as browser:
            [state] = parse_qs(urlsplit(await leave(browser)).query)["state"]
            asked = {"state": state, "iss": provider.issuer, **query}
            status, text, _ = await browser.get(f"/login/oidc/callback?{urlencode(asked)}")
        assert (status, sentence in text) == (403, True), (query, text)
        assert "<script>alert" not in text
    assert provider.asked["/token"] == 0


async def test_an_answer_without_its_maker_is_not_taken_from_who_names_himself(
    site: Site, browser: Browser, provider: FakeProvider
) -> None:
    """RFC 9207 section 2.4: against a mix-up of providers."""
    back = urlsplit(await leave(browser))
    query = {name: values[0] for name, values in parse_qs(back.query).items() if name != "iss"}
    status, text, _ = await browser.get(f"{back.path}?code={query['code']}&state={query['state']}")
    assert status == 403
    assert "another provider" in text


async def test_keys_that_changed_are_read_anew_but_not_for_everybody(
    site: Site, browser: Browser, provider: FakeProvider
) -> None:
    assert (await sign_in(browser))[0] == 303
    provider.kid = "second"
    site.clock.move(AGAIN_SECONDS + 1)
    async with new_browser(site) as other:
        assert (await sign_in(other))[0] == 303
    assert provider.asked["/keys"] == 2
    provider.sign = "own key"
    for _ in range(3):
        async with new_browser(site) as stranger:
            assert (await sign_in(stranger))[0] == 403
    assert provider.asked["/keys"] == 2
    assert provider.asked["/.well-known/openid-configuration"] == 1


async def test_what_was_read_is_read_again_after_an_hour(provider: FakeProvider) -> None:
    clock = FakeClock()
    asking = Provider(settings_for(provider), clock)
    try:
        for _ in range(2):
            await asking.keys()
        assert (provider.asked["/keys"], provider.asked["/.well-known/openid-configuration"]) == (1, 1)
        clock.move(FRESH_SECONDS + 1)
        await asking.keys()
        assert (provider.asked["/keys"], provider.asked["/.well-known/openid-configuration"]) == (2, 2)
    finally:
        await asking.close()


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
async def test_a_provider_that_never_answers_is_waited_for_a_while(provider: FakeProvider, path: str) -> None:
    provider.answers[path] = "never"
    asking = Provider(settings_for(provider), FakeClock(), seconds=0.05)
    try:
        with pytest.raises(ProviderAway):
            await asking.redeem("code", "verifier", "http://127.0.0.1/") if path == "/token" else await asking.keys()
    finally:
        await asking.close()


async def test_a_client_with_its_secret_in_the_body_is_understood(
    site: Site, browser: Browser, provider: FakeProvider
) -> None:
    provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await sign_in(browser))[0] == 303


async def test_a_claim_of_the_userinfo_endpoint_counts_if_it_is_of_the_same_person(
    store: Store, provider: FakeProvider
) -> None:
    provider.claims, provider.about = {}, {"preferred_username": "Anna"}
    async with office(store, provider, claim="preferred_username") as site:
        async with new_browser(site) as browser:
            assert (await sign_in(browser))[0] == 303
        provider.about["sub"] = "subject-2"
        async with new_browser(site) as browser:
            status, text, _ = await sign_in(browser)
            assert status == 403
            assert "about two people" in text


async def test_a_locked_person_and_one_of_two_are_told_so(site: Site, browser: Browser) -> None:
    await site.store.write(lambda c: c.execute(update(Manager).where(Manager.login == "boss").values(email=MAIL)))
    status, text, _ = await sign_in(browser)
    assert (status, "Several people here are known by anna@example.com" in text) == (403, True)
    await site.store.write(lambda c: c.execute(update(Manager).where(Manager.login == "boss").values(email=None)))
    await site.accounts.disable("anna")
    status, text, _ = await sign_in(browser)
    assert (status, "This account is locked" in text) == (403, True)


async def test_nobody_is_added_unless_that_is_configured(store: Store, provider: FakeProvider) -> None:
    provider.claims = {"email": "oleg@example.com", "email_verified": True, "name": "Олег  Петров"}
    async with office(store, provider) as site, new_browser(site) as browser:
        assert (await sign_in(browser))[0] == 403
        assert len(await site.accounts.managers()) == 2


async def test_somebody_new_is_added_where_that_is_configured(store: Store, provider: FakeProvider) -> None:
    provider.claims = {"email": "oleg@example.com", "email_verified": True, "name": "Олег  Петров"}
    async with office(store, provider, create=True, role="auditor") as site, new_browser(site) as browser:
        assert (await sign_in(browser))[0] == 303
        assert await is_in(browser)
        _, text, _ = await browser.get("/profile")
        assert "There is no password" in text
        oleg = next(one for one in await site.accounts.managers() if one.login == "oleg@example.com")
        assert (oleg.name, oleg.role, oleg.email, oleg.has_password) == ("Олег Петров", "auditor", oleg.login, False)
        assert [action for action, _ in actions(site)[:2]] == ["session.opened", "user.added"]
        async with new_browser(site) as other:
            assert (await sign_in(other))[0] == 303
        assert len(await site.accounts.managers()) == 3


GROUPS: Any = {"sales": "manager", "heads": "chief", "it": "owner"}


ROLES_OF: tuple[tuple[Any, str], ...] = (
    (["sales"], "manager"), (["other", "heads", "sales"], "chief"), ("it", "owner"), ([7, "heads"], "chief"),
)  # fmt: skip


async def test_a_role_follows_the_groups_of_the_provider(store: Store, provider: FakeProvider) -> None:
    async with office(store, provider, roles=GROUPS, roles_claim="realm_access.roles") as site:
        for given, role in ROLES_OF:
            provider.claims["realm_access"] = {"roles": given}
            async with new_browser(site) as browser:
                assert (await sign_in(browser))[0] == 303
            anna = next(one for one in await site.accounts.managers() if one.login == "anna")
            assert anna.role == role
        changes = [row["detail"]["role"] for row in site.store.peek(lambda c: newest(c, 20)) if "role" in row["detail"]]
        assert changes == ["chief", "owner", "chief"]


async def test_without_a_group_that_counts_nobody_comes_in(store: Store, provider: FakeProvider) -> None:
    async with office(store, provider, roles=GROUPS) as site, new_browser(site) as browser:
        for given in ([], ["other"], None, {"sales": 1}):
            provider.claims["groups"] = given
            status, text, _ = await sign_in(browser)
            assert (status, "None of your groups" in text) == (403, True), given


async def test_the_last_owner_and_who_stands_in_the_file_keep_their_roles(store: Store, provider: FakeProvider) -> None:
    provider.claims = {"email": "boss", "email_verified": True, "groups": ["sales"]}
    async with office(store, provider, roles=GROUPS) as site:
        async with new_browser(site) as browser:
            assert (await sign_in(browser))[0] == 303
        now = site.clock.now()
        await site.store.write(lambda c: c.execute(update(Manager).values(configured_at=now)))
        provider.claims = {"email": MAIL, "email_verified": True, "groups": ["it"]}
        async with new_browser(site) as browser:
            assert (await sign_in(browser))[0] == 303
        rows = site.store.peek(lambda c: c.execute(select(Manager.login, Manager.role)).all())
        roles = {row.login: row.role for row in rows}
        assert roles == {"boss": "owner", "anna": "manager"}


async def test_passwords_can_be_switched_off_and_a_link_of_the_console_lets_in(
    store: Store, provider: FakeProvider
) -> None:
    async with office(store, provider, only=True) as site, new_browser(site) as browser:
        await site.accounts.set_password("boss", PASSWORD)
        _, text, _ = await browser.get("/login")
        assert 'name="password"' not in text
        csrf = await browser.csrf("/login")
        status, text, _ = await browser.post("/login", {"csrf": csrf, "login": "boss", "password": PASSWORD})
        assert status == 403
        assert not await is_in(browser)
        link = await site.accounts.setup_link("boss", LIFETIME)
        fields = {"csrf": await browser.csrf(link), "password": PASSWORD, "again": PASSWORD}
        assert (await browser.post(link, fields))[0] == 303
        assert await is_in(browser)


async def test_who_has_a_second_factor_here_is_asked_for_it_too(site: Site, browser: Browser) -> None:
    anna = next(one.id for one in await site.accounts.managers() if one.login == "anna")
    row = {"manager_id": anna, "secret": "JBSWY3DPEHPK3PXP", "created_at": site.clock.now()}
    await site.store.write(lambda c: c.execute(insert(Totp), {**row, "confirmed_at": site.clock.now()}))
    assert await sign_in(browser) == (303, "", "/login/code")
    assert not await is_in(browser)


async def test_one_address_that_fails_often_has_to_wait(site: Site, browser: Browser, provider: FakeProvider) -> None:
    provider.sign = "other key"
    statuses = [(await sign_in(browser))[0] for _ in range(FREE_FAILURES + 1)]
    assert statuses == [403] * FREE_FAILURES + [429]
    assert provider.asked["/token"] == FREE_FAILURES


async def test_without_https_nobody_leaves_for_the_provider(site: Site, browser: Browser) -> None:
    status, text, _ = await browser.get("/login/oidc", Host="leads.example.com")
    assert status == 403
    assert "needs https" in text


async def test_a_site_without_a_provider_knows_no_such_page(store: Store) -> None:
    async with running_site(store) as site, new_browser(site) as browser:
        assert (await browser.get("/login/oidc"))[0] == 404
        assert (await browser.get("/login/oidc/callback?code=x&state=y"))[0] == 404
        assert "/login/oidc" not in (await browser.get("/login"))[1]


async def test_a_wrong_issuer_is_told_as_such(provider: FakeProvider) -> None:
    asking = Provider(msgspec.structs.replace(settings_for(provider), issuer=provider.issuer + "/"), FakeClock())
    try:
        with pytest.raises(BadAnswer, match="calls itself something else"):
            await asking.metadata()
    finally:
        await asking.close()
