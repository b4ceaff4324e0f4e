"""Mailboxes that are signed in to with a token, against a token server and an IMAP server on real sockets."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from gateway.core.clock import SystemClock
from gateway.core.findings import Level
from gateway.mail.imap.doctor import examine_mailbox
from gateway.mail.oauth.tokens import AccessTokens, TokenError, TokenFiles
from gateway.mail.settings import MailboxSettings
from tests.integration.mail.mailboxes import QUICK, World, at_rest, health_of, letter, running, settings, until
from tests.integration.mail.scripted_imap import ScriptedImap, scripted
from tests.integration.mail.token_server import TokenServer, token_server
from tests.support.patience import PATIENCE

LETTERS = {uid: letter(uid).replace(b"\n", b"\r\n") for uid in (1, 2)}


@pytest.fixture
async def imap() -> AsyncIterator[ScriptedImap]:
    async with scripted(LETTERS) as server:
        server.capabilities = "IMAP4rev1 AUTH=XOAUTH2"
        yield server


@pytest.fixture
async def provider() -> AsyncIterator[TokenServer]:
    async with token_server() as server:
        server.refresh_tokens.add("refresh-0")
        yield server


def with_token(imap: ScriptedImap, provider: TokenServer, **changes: object) -> MailboxSettings:
    values: dict[str, object] = {
        "password": "", "auth": "oauth2", "client_id": "leadgate", "client_secret": "hush", "token_url": provider.url,
        "refresh_token": "refresh-0", "poll_seconds": 0.05,
    }  # fmt: skip
    return settings(imap.port, "sales@company.example", **(values | changes))


def tokens(mailbox: MailboxSettings, folder: Path) -> AccessTokens:
    return AccessTokens(mailbox, TokenFiles(folder), SystemClock())


async def test_mailbox_is_read_with_a_token_made_from_the_refresh_token(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    imap.tokens.add("access-1")
    mailbox, world = with_token(imap, provider), World()
    async with running(mailbox, world, tokens=tokens(mailbox, tmp_path)) as connector:
        await at_rest(connector, "polling")
        assert world.numbers == [1, 2]
    assert provider.asked == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "leadgate", "client_secret": "hush"}
    ]
    assert list(tmp_path.iterdir()) == []  # nothing was replaced, so nothing is kept


async def test_access_token_is_used_again_after_the_connection_broke(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    imap.tokens.add("access-1")
    mailbox, world = with_token(imap, provider), World()
    async with running(mailbox, world, tokens=tokens(mailbox, tmp_path)) as connector:
        await at_rest(connector, "polling")
        imap.answers["EXAMINE"] = lambda _tag: None
        await until(lambda: health_of(connector).state == "dropped")
        imap.answers.clear()
        await at_rest(connector, "polling")
    assert sum(command.startswith("AUTHENTICATE") for command in imap.commands) > 1
    assert len(provider.asked) == 1


async def test_token_that_ends_early_is_replaced_at_once(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    mailbox, world = with_token(imap, provider), World()
    kept = tokens(mailbox, tmp_path)
    await asyncio.to_thread(kept.current)  # access-1, which the mail server does not know any more
    imap.tokens.add("access-2")
    async with running(mailbox, world, tokens=kept) as connector:
        await at_rest(connector, "polling")
        assert world.numbers == [1, 2]


async def test_nobody_is_followed_to_another_token_server(provider: TokenServer, tmp_path: Path) -> None:
    async with token_server() as other:
        provider.moved_to = other.url
        mailbox = settings(1, "sales@company.example", password="", auth="oauth2", client_id="leadgate",
                           token_url=provider.url, refresh_token="refresh-0")  # fmt: skip
        with pytest.raises(TokenError):
            await asyncio.to_thread(tokens(mailbox, tmp_path).current)
        assert other.asked == []


async def test_refresh_token_that_is_replaced_is_kept_for_its_owner_only_and_survives_a_restart(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    provider.rotates = True
    imap.tokens |= {"access-1", "access-2"}
    mailbox = with_token(imap, provider)
    for _ in range(2):
        async with running(mailbox, World(), tokens=tokens(mailbox, tmp_path / "tokens")) as connector:
            await at_rest(connector, "polling")
    assert [asked["refresh_token"] for asked in provider.asked] == ["refresh-0", "refresh-1"]
    (file,) = (tmp_path / "tokens").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_dead_token_is_said_and_is_an_alarm_and_what_was_authorized_anew_is_used(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    """osTicket #6455: the token died and nobody was told for ten days."""
    mailbox, world = with_token(imap, provider), World()
    provider.refresh_tokens.clear()
    slept: list[float] = []
    async with running(mailbox, world, tokens=tokens(mailbox, tmp_path), slept=slept) as connector:
        await until(lambda: health_of(connector).state == "unauthorized")
        health = health_of(connector)
        assert not health.ok
        assert "takes the refresh token of sales no longer (invalid_grant)" in str(health.detail)
        assert "leadgate mailbox authorize sales" in str(health.detail)
        assert "refresh-0" not in str(health.detail)
        (alarm,) = connector.alarms()
        assert str(alarm.subject) == "The mailbox sales is not read"
        assert slept[0] > 100  # providers lock who knocks with a dead token
        provider.refresh_tokens.add("refresh-9")
        imap.tokens |= {f"access-{number}" for number in range(1, 1000)}
        TokenFiles(tmp_path).save("sales", "refresh-0", "refresh-9")
        await at_rest(connector, "polling")
        assert connector.alarms() == []
        assert world.numbers == [1, 2]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((503, {"error": "temporarily_unavailable"}), "503, temporarily_unavailable"),
        ((400, {"error": "<script>refresh-0</script>"}), "400, no reason that can be told"),
        ((200, {"token_type": "Bearer"}), "gave no access token"),
    ],
)
async def test_provider_in_trouble_is_tried_again_soon(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path, refusal: tuple[int, dict[str, str]], words: str
) -> None:
    imap.tokens |= {f"access-{number}" for number in range(1, 1000)}
    mailbox, world = with_token(imap, provider), World()
    provider.refusal = refusal
    async with running(mailbox, world, tokens=tokens(mailbox, tmp_path)) as connector:
        await until(lambda: health_of(connector).state == "unreachable")
        assert words in str(health_of(connector).detail)
        assert "refresh-0" not in str(health_of(connector).detail)
        provider.refusal = None
        await at_rest(connector, "polling")


async def test_mail_server_that_refuses_a_fresh_token_tells_its_reason(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    mailbox = with_token(imap, provider)
    async with running(mailbox, World(), tokens=tokens(mailbox, tmp_path)) as connector:
        await until(lambda: health_of(connector).state == "refused")
        detail = str(health_of(connector).detail)
    assert "with the token of its provider" in detail
    assert '"status":"401"' in detail
    assert "access-" not in detail


async def test_doctor_signs_in_with_the_token_and_says_when_it_is_dead(
    imap: ScriptedImap, provider: TokenServer, tmp_path: Path
) -> None:
    async def known(_keys: object) -> set[str]:
        return set()

    async def examine() -> list[Level]:
        mailbox = with_token(imap, provider)
        clock = SystemClock()
        kept = tokens(mailbox, tmp_path)
        findings = await examine_mailbox(mailbox, World().cursors, known, clock=clock, tokens=kept, timing=QUICK)
        return [finding.level for finding in findings]

    imap.tokens.add("access-1")
    assert await examine() == [Level.OK, Level.NOTE]
    provider.refresh_tokens.clear()
    assert await examine() == [Level.FAIL]


@pytest.mark.parametrize("pasted", [False, True], ids=["the browser is here", "the browser is elsewhere"])
async def test_person_authorizes_a_mailbox_in_a_browser(provider: TokenServer, tmp_path: Path, pasted: bool) -> None:
    config = tmp_path / "leadgate.toml"
    config.write_text(
        f'[gateway]\ndata = "{tmp_path}/data"\n[[mailbox]]\nname = "sales"\nhost = "imap.example.com"\n'
        f'username = "sales@example.com"\nauth = "oauth2"\nclient_id = "leadgate"\ntoken_url = "{provider.url}"\n'
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "mailbox", "authorize", "sales", "--config", str(config),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert process.stdout is not None
    url = urlsplit((await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip())
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.path == "/authorize"
    assert (asked["client_id"], asked["login_hint"]) == ("leadgate", "sales@example.com")
    provider.codes["the-code"] = asked["code_challenge"]
    back = f"{asked['redirect_uri']}/?code=the-code&state={asked['state']}"
    if pasted:
        _, said = await asyncio.wait_for(process.communicate(back.encode() + b"\n"), PATIENCE)
    else:
        async with aiohttp.ClientSession() as session, session.get(back.replace("localhost", "127.0.0.1")) as answer:
            assert "You may close this page" in await answer.text()
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, said
    assert b"can be read now" in said
    assert TokenFiles(tmp_path / "data/tokens").load("sales", "") == "refresh-1"
