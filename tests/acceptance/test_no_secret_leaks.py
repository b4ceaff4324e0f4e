"""Canaries: secrets that stand out are configured, traffic and errors of all kinds run, and nobody gets to see one.

Looked through: the log at its most talkative, /health, /metrics, error pages, the pages of the settings, the API, what
the commands print and export, a backup, and the database with its spool, where no secret of the configuration belongs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import aiohttp
import pytest

from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer
from tests.acceptance.load import FORM_TABLE
from tests.faults.clients import send_form, send_letter
from tests.support.ports import LOOPBACK, free_port
from tests.support.process import Api, Installation

CANARY = "canary7f3a"
"""In every secret."""
SECRETS = {
    "pbx": f"{CANARY}-pbx-secret",
    "mailbox": f"{CANARY}-mailbox-password",
    "sender": f"{CANARY}-sender-password",
    "crm": f"{CANARY}-crm-password-in-an-address",
    "webhook": "whsec_Y2FuYXJ5N2YzYWNhbmFyeTdmM2FjYW5hcnk3ZjNh",
    "agi": f"{CANARY}agiword",
    "form": f"{CANARY}-form-secret-of-enough-length",
}
LEADS = 5
COMMANDS = [
    ("doctor",), ("check",), ("outbox", "list"), ("run",), ("export", "leads"), ("export", "contacts"),
    ("audit", "list"), ("erase", "--phone", "+79261234567", "--tell"), ("user", "list"), ("token", "list"),
]  # fmt: skip
PAGES = (
    "/settings", "/settings/sources", "/settings/crm", "/settings/letters", "/settings/access", "/settings/log",
    "/settings/forms/secret", "/settings/people", "/settings/guide", "/leads",
)  # fmt: skip


def _config(pbx: int, closed: int) -> str:
    return (
        '[log]\nlevel = "debug"\n'
        + FORM_TABLE
        + f'[[form]]\nkey = "secret"\nsecret = "{SECRETS["form"]}"\n'
        + f'[[pbx]]\nname = "good"\nhost = "{LOOPBACK}"\nport = {pbx}\n'
        + f'username = "leadgate"\nsecret = "{SECRETS["pbx"]}"\n'
        + f'[[pbx]]\nname = "bad"\nhost = "{LOOPBACK}"\nport = {pbx}\nusername = "wrong"\nsecret = "{SECRETS["pbx"]}"\n'
        + f'agi_listen = "{LOOPBACK}:{free_port()}"\nagi_secret = "{SECRETS["agi"]}"\n'
        + f'[[mailbox]]\nname = "sales"\nhost = "{LOOPBACK}"\nport = {closed}\ntls = "none"\n'
        + f'username = "sales@example.com"\npassword = "{SECRETS["mailbox"]}"\n'
        + f'[[sender]]\nname = "office"\naddress = "sales@example.com"\nhost = "{LOOPBACK}"\n'
        + f'port = {closed}\ntls = "none"\nusername = "sales@example.com"\npassword = "{SECRETS["sender"]}"\n'
        + '[[crm]]\nname = "hook"\nadapter = "webhook"\nallow_private = true\n'
        + f'url = "http://{LOOPBACK}:{closed}/{SECRETS["crm"]}"\nsecret = "{SECRETS["webhook"]}"\n'
    )


@pytest.fixture
async def pbx() -> AsyncIterator[PbxServer]:
    """A PBX that knows one of the two accounts."""
    server = PbxServer(username="leadgate", secret=SECRETS["pbx"], clock=SystemClock())
    await server.start()
    yield server
    await server.stop()


async def _provoke(installation: Installation, token: str) -> list[str]:
    """Good and bad requests on both listeners; all that was answered."""
    public, private = f"http://{LOOPBACK}:{installation.public}", f"http://{LOOPBACK}:{installation.private}"
    said = []
    async with aiohttp.ClientSession() as session:
        for method, url, more in (
            ("GET", f"{public}/health", {}),
            ("GET", f"{private}/health", {}),
            ("GET", f"{private}/metrics", {"headers": {"Authorization": f"Bearer {token}"}}),
            ("GET", f"{private}/api/v1/leads", {"headers": {"Authorization": f"Bearer {token}"}}),
            ("GET", f"{private}/api/v1/leads", {"headers": {"Authorization": f"Bearer {token}x"}}),
            ("GET", f"{private}/api/v1/leads?limit=nonsense", {"headers": {"Authorization": f"Bearer {token}"}}),
            ("GET", f"{private}/nowhere", {}),
            ("GET", f"{private}/login", {}),
            ("POST", f"{private}/login", {"data": {"login": "admin", "password": f"{CANARY}-typed"}}),
            ("POST", f"{public}/f/secret", {"data": {"phone": "+79261234567"}}),
            ("POST", f"{public}/f/nowhere", {"data": {"phone": "+79261234567"}}),
            ("POST", f"{public}/f/site", {"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}),
        ):
            async with session.request(method, url, **more) as answer:
                said.append(f"{method} {url} {answer.status} {dict(answer.headers)} {await answer.text()}")
    return said


async def test_no_secret_of_the_configuration_is_ever_told(tmp_path: Path, pbx: PbxServer) -> None:
    installation = Installation.make(tmp_path / "gateway", more=_config(pbx.port, free_port()))
    token = installation.new_token()
    process = installation.start()
    try:
        await process.ready()
        for number in range(LEADS):
            assert await send_form(installation, f"form-{number}") == 200
            assert await send_letter(installation, f"mail-{number}") == 250
        said = await _provoke(installation, token)
        health = await Api(installation, token).health()
        while health["outbox"]["count"] + health["outbox"]["held"] < LEADS:
            await asyncio.sleep(0.2)
            health = await Api(installation, token).health()
        said += await _pages_of_the_owner(installation)
        copy = tmp_path / "copy.tar"
        commands = [*COMMANDS, ("backup", str(copy))]
        done: list[CompletedProcess[str]] = []
        for first in range(0, len(commands), 3):  # not all at once: each has 60 seconds
            some = commands[first : first + 3]
            done += await asyncio.gather(*(asyncio.to_thread(installation.run, *words) for words in some))
        said += [f"{one.args} {one.stdout} {one.stderr}" for one in done]
        process.terminate()
        await process.ended(15)
    finally:
        process.kill()
    said.append(installation.log.read_text(encoding="utf-8"))
    files = [copy, *(path for path in installation.data.rglob("*") if path.is_file())]
    said += [path.read_bytes().decode("latin-1") for path in files]
    assert "ami:bad" in said[1], "the wrong account was tried"
    found = [_around(text, secret) for secret in (CANARY, SECRETS["webhook"], token) for text in said if secret in text]
    assert found == []


async def _pages_of_the_owner(installation: Installation) -> list[str]:
    """The pages that tell how the gateway is set up, as the one person sees them who sees all of them."""
    made = await asyncio.to_thread(installation.run, "user", "add", "boss", "--role", "owner", "--json")
    link = json.loads(made.stdout)["link"]
    base = f"http://{LOOPBACK}:{installation.private}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(link) as answer:
            csrf = (await answer.text()).split('name="csrf" value="')[1].split('"')[0]
        async with session.post(
            link,
            data={
                "csrf": csrf,
                "password": "correct horse battery",
                "username": "correct horse battery",
                "again": "correct horse battery",
            },
        ) as answer:
            assert answer.status == 200
        pages = []
        for path in PAGES:
            async with session.get(base + path, headers={"Accept": "text/html"}) as answer:
                assert answer.status == 200, path
                pages.append(f"{path} {await answer.text()}")
    return pages


def _around(text: str, secret: str) -> str:
    place = text.find(secret)
    return text[max(0, place - 200) : place + 200]


def test_the_net_catches_a_canary() -> None:
    """Each secret has in it what is looked for."""
    assert all(CANARY in secret or secret == SECRETS["webhook"] for secret in SECRETS.values())
