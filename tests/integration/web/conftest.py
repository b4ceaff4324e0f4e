"""A running site, a browser and a program for the tests of the web room."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.storage.store import Store
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.support.seed import add_office


@pytest_asyncio.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """A server without data."""
    async with running_site(store) as running:
        yield running


@pytest_asyncio.fixture
async def office(site: Site) -> Site:
    """The same with a small office's morning in it."""
    await site.store.write(add_office)
    return site


@pytest_asyncio.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    """A browser that has not signed in."""
    async with new_browser(site) as new:
        yield new


@pytest_asyncio.fixture
async def signed_in(site: Site, browser: Browser) -> Browser:
    """A browser that has."""
    await site.add_user("boss")
    status, _, _ = await browser.sign_in("boss")
    assert status == 303
    return browser
