"""Who may come in where. The matrix is made from the router, so no new route can be forgotten."""

from __future__ import annotations

import re

import aiohttp
import pytest
from aiohttp import web

from gateway.storage.store import Store
from gateway.web.headers import CONTENT_SECURITY_POLICY
from gateway.web.settings import WebSettings
from tests.integration.web.site import Browser, Site, new_browser, running_site

PUBLIC = {"/health", "/metrics", "/api", "/api/openapi.json", "/static/{name}", "/f/{key}"}
"""Without sign-in, on purpose. Whoever adds one must add it here too."""
FOR_STRANGERS = {"/login", "/login/code", "/setup/{token}", "/language"}
"""Pages for those who have not signed in."""


async def take_form(request: web.Request) -> web.Response:
    """Stands for the form routes of another room."""
    return web.json_response({"key": request.match_info["key"], "from": request.remote})


FORMS = [web.post("/f/{key}", take_form)]


def routes(site: Site) -> list[tuple[str, str]]:
    """Method and pattern of every route."""
    application = site.server.listeners[-1].application
    return sorted(
        (route.method, route.resource.canonical) for route in application.router.routes() if route.resource is not None
    )


def private_routes(site: Site) -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes(site) if path not in PUBLIC | FOR_STRANGERS]


def filled(path: str) -> str:
    return re.sub(r"\{[^{}]*\}", "1", path)


async def test_every_private_route_refuses_programs_without_a_token(site: Site, browser: Browser) -> None:
    private = private_routes(site)
    assert len(private) > 20
    for method, path in private:
        async with browser.session.request(method, site.url(filled(path)), allow_redirects=False) as answer:
            assert answer.status == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_every_private_route_sends_browsers_to_the_login(site: Site, browser: Browser) -> None:
    for method, path in private_routes(site):
        url, accept = site.url(filled(path)), {"Accept": "text/html"}
        async with browser.session.request(method, url, headers=accept, allow_redirects=False) as answer:
            expected = 401 if path.startswith("/api/") else 303
            assert answer.status == expected, (method, path)
            if expected == 303:
                assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer", "Basic YTpi", "", "bearer \t", "Bearer " + "x" * 4000]
)
async def test_a_wrong_token_is_refused(site: Site, browser: Browser, authorization: str) -> None:
    headers = {"Authorization": authorization}
    async with browser.session.get(site.url("/api/v1/leads"), headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "unauthorized"


async def test_a_wrong_token_is_not_helped_by_a_session(site: Site, signed_in: Browser) -> None:
    headers = {"Authorization": "Bearer wrong"}
    async with signed_in.session.get(site.url("/api/v1/leads"), headers=headers) as answer:
        assert answer.status == 401


async def test_every_get_route_lets_a_token_in(site: Site, browser: Browser) -> None:
    token = await site.token()
    for method, path in private_routes(site):
        if method != "GET" or path in {"/api/v1/events", "/profile"}:  # a stream; what programs have none of
            continue
        async with browser.session.get(site.url(filled(path)), headers=token) as answer:
            assert answer.status in {200, 404}, path


async def test_a_revoked_token_is_refused_at_once(site: Site, browser: Browser) -> None:
    token = await site.token("crm")
    await site.accounts.revoke_token("crm")
    async with browser.session.get(site.url("/api/v1/leads"), headers=token) as answer:
        assert answer.status == 401


async def test_the_last_use_of_a_token_is_noted_once_a_minute(site: Site, browser: Browser) -> None:
    token = await site.token()
    for _ in range(3):
        async with browser.session.get(site.url("/api/v1/leads"), headers=token):
            pass
    [first] = await site.accounts.tokens()
    assert first.last_used_at == site.clock.now()
    site.clock.move(61)
    async with browser.session.get(site.url("/api/v1/leads"), headers=token):
        pass
    [second] = await site.accounts.tokens()
    assert second.last_used_at == site.clock.now()


async def test_only_the_pinned_routes_are_open(store: Store) -> None:
    async with running_site(store, form_routes=FORMS) as site:
        guarded = set()
        async with aiohttp.ClientSession() as session:
            for method, path in routes(site):
                async with session.request(method, site.url(filled(path)), allow_redirects=False) as answer:
                    if answer.status == 401:
                        guarded.add(path)
        assert {path for _, path in routes(site)} - guarded == PUBLIC | FOR_STRANGERS


async def test_the_public_listener_has_only_forms_and_health(store: Store) -> None:
    async with running_site(store, form_routes=FORMS) as site, aiohttp.ClientSession() as session:
        public = site.server.listeners[0].application
        assert {r.canonical for r in public.router.resources()} == {"/f/{key}", "/health"}
        async with session.get(f"{site.server.public_address}/login", headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
        async with session.post(f"{site.server.public_address}/f/site") as answer:
            assert (await answer.json())["key"] == "site"


async def test_forms_on_the_shared_listener_need_no_csrf_token(store: Store) -> None:
    async with running_site(store, form_routes=FORMS) as site, new_browser(site) as browser:
        status, text, _ = await browser.post("/f/site", {"phone": "1"}, Origin="https://shop.example.com")
        assert (status, '"site"' in text) == (200, True)


async def test_only_a_trusted_proxy_may_name_the_client(store: Store) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for proxies, client in (((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")):
        settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", trusted_proxies=proxies)
        async with running_site(store, settings, FORMS) as site, aiohttp.ClientSession() as session:
            async with session.post(site.url("/f/site"), headers=headers) as answer:
                assert (await answer.json())["from"] == client
                assert ("Strict-Transport-Security" in answer.headers) is bool(proxies)
            async with session.get(site.url("/login"), headers=headers) as answer:
                cookie = answer.headers["Set-Cookie"]
                assert cookie.startswith("__Host-leadgate-form=" if proxies else "leadgate-form=")
                assert ("Secure" in cookie) is bool(proxies)


HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
INLINE = re.compile(
    r"""<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:|https?://(?!127\.0\.0\.1)""", re.I
)


async def test_every_page_has_the_headers_and_nothing_inline_or_from_outside(site: Site, signed_in: Browser) -> None:
    paths = [path for method, path in private_routes(site) if method == "GET" and not path.startswith("/api/")]
    assert len(paths) > 8
    for path in [*paths, "/login", "/setup/{token}", "/no-such-page"]:
        status, text, answer = await signed_in.get(filled(path))
        assert status in {200, 303, 404}, path
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (path, name)
        assert INLINE.search(text) is None, (path, INLINE.search(text))
