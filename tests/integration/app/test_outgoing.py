"""Messengers are reached through the guard, and senders sign in as their mailboxes do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.app.outgoing import GuardedPoster, SigningIn
from gateway.config import Settings
from gateway.core.clock import SystemClock
from gateway.outgoing.settings import NoticesSettings
from gateway.outgoing.submission import Credentials, Later, Refused, SenderAtFault


class Messenger:
    """A bot's server that answers as told."""

    def __init__(self) -> None:
        self.status, self.headers = 200, dict[str, str]()
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.Response(status=self.status, headers=self.headers)


@pytest_asyncio.fixture
async def messenger() -> AsyncIterator[tuple[Messenger, str]]:
    bot = Messenger()
    app = web.Application()
    app.router.add_post("/bot12345:hunter2/sendMessage", bot.handle)
    server = TestServer(app)
    await server.start_server()
    yield bot, str(server.make_url("/bot12345:hunter2/sendMessage"))
    await server.close()


async def test_a_message_is_posted_as_json(messenger: tuple[Messenger, str]) -> None:
    bot, url = messenger
    poster = GuardedPoster(NoticesSettings(webhook_url=url, allow_private=True))
    await poster.post(url, b'{"text": "x"}')
    await poster.close()
    assert bot.bodies == [b'{"text": "x"}']


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (400, {}, Refused),
        (401, {}, SenderAtFault),
        (302, {"Location": "http://127.0.0.1/"}, Later),
        (500, {}, Later),
        (429, {"Retry-After": "7"}, Later),
    ],
)
async def test_what_the_messenger_answers_counts_and_its_address_is_never_told(
    messenger: tuple[Messenger, str], status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    bot, url = messenger
    bot.status, bot.headers = status, headers
    poster = GuardedPoster(NoticesSettings(webhook_url=url, allow_private=True))
    with pytest.raises(error) as caught:
        await poster.post(url, b"{}")
    await poster.close()
    assert "hunter2" not in str(caught.value)
    if isinstance(caught.value, Later):
        assert caught.value.retry_after == (7.0 if status == 429 else None)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest",
        "https://0x7f.1/",
    ],
)
async def test_addresses_of_the_own_network_are_not_reached_unless_allowed(url: str) -> None:
    poster = GuardedPoster(NoticesSettings(webhook_url=url))
    with pytest.raises((SenderAtFault, Later)) as caught:
        await poster.post(url, b"{}")
    await poster.close()
    assert "no public address" in str(caught.value) or "not known" in str(caught.value)


CONFIG = """
[[mailbox]]
name = "sales"
host = "imap.example.com"
username = "sales@example.com"
password = "mailbox-password"
[[mailbox]]
name = "google"
host = "imap.example.com"
username = "g@example.com"
auth = "oauth2"
provider = "google"
client_id = "id"
refresh_token = "refresh"
token_url = "{token_url}"
[[sender]]
name = "own"
host = "smtp.example.com"
address = "own@example.com"
username = "own"
password = "own-password"
[[sender]]
name = "as-mailbox"
host = "smtp.example.com"
address = "sales@example.com"
mailbox = "sales"
[[sender]]
name = "as-google"
host = "smtp.example.com"
address = "g@example.com"
mailbox = "google"
[[sender]]
name = "open"
host = "smtp.example.com"
address = "open@example.com"
"""


@pytest_asyncio.fixture
async def token_server() -> AsyncIterator[tuple[dict[str, object], str]]:
    answer: dict[str, object] = {"access_token": "ya29.new", "expires_in": 3600}

    async def give(_request: web.Request) -> web.Response:
        return web.json_response(answer, status=400 if "error" in answer else 200)

    app = web.Application()
    app.router.add_post("/token", give)
    server = TestServer(app)
    await server.start_server()
    yield answer, str(server.make_url("/token"))
    await server.close()


async def test_a_sender_signs_in_with_its_own_password_or_as_its_mailbox(
    tmp_path: Path, token_server: tuple[dict[str, object], str]
) -> None:
    answer, url = token_server
    file = tmp_path / "leadgate.toml"
    file.write_text(CONFIG.format(token_url=url), encoding="utf-8")
    settings = Settings.load(file, {}).with_data(str(tmp_path))
    signing = SigningIn.of(settings, SystemClock())
    own, mailbox, google, nobody = settings.sender
    assert await signing.credentials(own) == Credentials(username="own", password="own-password")
    assert await signing.credentials(mailbox) == Credentials(username="sales@example.com", password="mailbox-password")
    assert await signing.credentials(google) == Credentials(username="g@example.com", token="ya29.new")
    assert await signing.credentials(nobody) is None
    answer.update(error="invalid_grant")
    dead = SigningIn.of(settings, SystemClock())
    with pytest.raises(SenderAtFault, match="leadgate mailbox authorize google"):
        await dead.credentials(google)
    await asyncio.sleep(0)
