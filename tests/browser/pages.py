"""Every page there is: which addresses a visitor of the town opens to see all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.browser.town import BORIS, Town

NO_PAGES = ("/api/", "/static/", "/f/", "/health", "/metrics", "/contacts/table.", "/reports/{report}/table.",
            "/reports/{report}/rows.")  # fmt: skip
"""Beginnings of addresses that give something else."""
SIGNED_OUT = ("/api", "/login", "/login/code", "/setup/{token}")
"""Pages of those who are not signed in yet: ``outside`` gives their addresses."""
INSIDE = ("/leads/{id}/letters/{interaction}", "/ringing")
"""What only stands inside of other pages: the letter in its frame, the pop-up."""
SIGNED_IN: Mapping[str, tuple[str, ...]] = {
    "/": ("/", "/?view=over", "/?q=nobody-of-this-name"),
    "/callbacks/{id}": ("/callbacks/{callback}",),
    "/calls": ("/calls",),
    "/contacts": ("/contacts", "/contacts?lead=open&channel=form"),
    "/contacts/segments": ("/contacts/segments",),
    "/contacts/{id}": ("/contacts/{maria}",),
    "/documents": ("/documents",),
    "/documents/new": ("/documents/new?template=invoice&language=ru&contact={contact}",),
    "/documents/{id}": ("/documents/{document}",),
    "/leads": ("/leads", "/leads?status=won"),
    "/leads/{id}": ("/leads/{lead}", "/leads/{lead}?answer={letter}"),
    "/leads/{id}/document": ("/leads/{lead}/document?template=offer&language=ru",),
    "/leads/{id}/merge": ("/leads/{lead}/merge",),
    "/pipeline": ("/pipeline",),
    "/profile": ("/profile",),
    "/reports": ("/reports",),
    "/reports/{report}": tuple(f"/reports/{name}" for name in ("days", "heat", "channels", "managers", "funnel")),
    "/reports/{report}/rows": ("/reports/channels/rows?row=call&column=all",),
    "/settings": ("/settings",),
    "/settings/access": ("/settings/access",),
    "/settings/crm": ("/settings/crm",),
    "/settings/crm/deliveries/{id}": ("/settings/crm/deliveries/{delivery}",),
    "/settings/forms/{key}": ("/settings/forms/site",),
    "/settings/guide": ("/settings/guide",),
    "/settings/hours": ("/settings/hours",),
    "/settings/letters": ("/settings/letters",),
    "/settings/letters/{id}": ("/settings/letters/{outgoing}",),
    "/settings/log": ("/settings/log",),
    "/settings/people": ("/settings/people",),
    "/settings/people/{id}": ("/settings/people/{person}",),
    "/settings/sources": ("/settings/sources",),
    "/settings/submissions/{id}": ("/settings/submissions/{submission}",),
    "/spend": ("/spend",),
    "/tasks": ("/tasks",),
}
"""A route -> what to open; words in braces are those that ``work.morning`` returns."""
ELSEWHERE = ("/no/such/page",)
"""The page that says so."""
USED_LINK = "/setup/used-already"


def routes(town: Town) -> set[str]:
    """The routes that give a page, from the router itself."""
    router = town.gateway.web.listeners[-1].application.router
    found = {route.resource.canonical for route in router.routes() if route.resource and route.method == "GET"}
    return {path for path in found if not path.startswith(NO_PAGES)} - set(SIGNED_OUT) - set(INSIDE)


async def outside(town: Town) -> list[str]:
    """What is seen before one signs in, and the form's own page, which visitors of the site see."""
    link = await town.accounts.setup_link(BORIS, timedelta(hours=1))
    return ["/login", "/api", link, USED_LINK, "/f/site"]


def addresses(ids: Mapping[str, str]) -> list[str]:
    """Everything that is opened."""
    return [address.format_map(ids) for pages in SIGNED_IN.values() for address in pages] + list(ELSEWHERE)
