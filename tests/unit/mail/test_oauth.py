"""Tokens and their settings, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from gateway.config.secrets import secret_values
from gateway.mail.oauth.authorize import Authorization
from gateway.mail.oauth.providers import PROVIDERS
from gateway.mail.oauth.tokens import AccessTokens, TokenDead, TokenError, TokenFiles, tokens_of
from gateway.mail.settings import MailboxSettings
from tests.support.clock import FakeClock


def mailbox(**changes: object) -> MailboxSettings:
    values: dict[str, object] = {
        "name": "sales", "host": "imap.example.com", "username": "sales@example.com", "auth": "oauth2",
        "provider": "microsoft", "client_id": "app", "refresh_token": "first",
    }  # fmt: skip
    return MailboxSettings(**(values | changes))  # type: ignore[arg-type]


class Provider:
    """Answers in their order; the last is repeated."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[Mapping[str, str]] = []

    def __call__(self, _url: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        self.asked.append(fields)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, body if isinstance(body, bytes) else msgspec.json.encode(body)


def made(provider: Provider, folder: Path, clock: FakeClock | None = None, **changes: object) -> AccessTokens:
    return AccessTokens(mailbox(**changes), TokenFiles(folder), clock or FakeClock(), provider)


def test_access_token_is_kept_until_shortly_before_its_end(tmp_path: Path) -> None:
    clock = FakeClock()
    provider = Provider((200, {"access_token": "a", "expires_in": 3600}), (200, {"access_token": "b"}))
    tokens = made(provider, tmp_path, clock)
    assert tokens.current() == ("a", True)
    clock.move(3299)
    assert tokens.current() == ("a", False)
    clock.move(2)
    assert tokens.current() == ("b", True)


def test_short_life_is_used_by_half(tmp_path: Path) -> None:
    clock = FakeClock()
    tokens = made(Provider((200, {"access_token": "a", "expires_in": 60})), tmp_path, clock)
    tokens.current()
    clock.move(29)
    assert tokens.current() == ("a", False)
    clock.move(2)
    assert tokens.current() == ("a", True)


def test_forgotten_token_is_made_anew(tmp_path: Path) -> None:
    tokens = made(Provider((200, {"access_token": "a"}), (200, {"access_token": "b"})), tmp_path)
    tokens.current()
    tokens.forget()
    assert tokens.current() == ("b", True)


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client", "interaction_required"])
def test_what_a_person_must_end_is_told_from_what_passes(tmp_path: Path, error: str) -> None:
    with pytest.raises(TokenDead, match="leadgate mailbox authorize sales"):
        made(Provider((400, {"error": error})), tmp_path).current()


@pytest.mark.parametrize(
    "answer",
    [(500, b"<html>"), (200, b"[]"), (200, {"access_token": 5}), (429, {"error": "slow_down"}), (200, b"\xff")],
)
def test_answer_that_makes_no_sense_passes(tmp_path: Path, answer: tuple[int, object]) -> None:
    with pytest.raises(TokenError) as caught:
        made(Provider(answer), tmp_path).current()
    assert not isinstance(caught.value, TokenDead)


def test_without_any_refresh_token_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenDead, match="no refresh token yet"):
        made(Provider((200, {})), tmp_path, refresh_token="").current()


def test_token_of_the_configuration_that_was_changed_wins_over_the_stored_one(tmp_path: Path) -> None:
    files = TokenFiles(tmp_path)
    files.save("sales", "first", "rotated")
    assert files.load("sales", "first") == "rotated"
    assert files.load("sales", "") == "rotated"
    assert files.load("sales", "second") == "second"
    (tmp_path / "sales.json").write_text("{broken", encoding="ascii")
    assert files.load("sales", "first") == "first"


def test_new_refresh_token_that_can_not_be_kept_is_an_error_and_not_lost_in_silence(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file where the folder should be", encoding="ascii")
    provider = Provider((200, {"access_token": "a", "refresh_token": "next"}))
    with pytest.raises(TokenError, match="can't be kept"):
        made(provider, tmp_path / "tokens").current()


def test_question_carries_what_the_provider_wants(tmp_path: Path) -> None:
    settings = mailbox(provider="google")
    tokens = tokens_of(settings, tmp_path, FakeClock())
    assert tokens is not None
    url = urlsplit(Authorization(settings=settings, tokens=tokens, redirect="http://localhost:5").url)
    asked = parse_qs(url.query)
    assert url.geturl().startswith(PROVIDERS["google"].authorize_url)
    assert asked["scope"] == ["https://mail.google.com/"]
    assert (asked["access_type"], asked["prompt"]) == (["offline"], ["consent"])
    assert asked["code_challenge_method"] == ["S256"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://localhost:5/?code=1&state=other", "not the address"),
        ("nonsense", "not the address"),
        ("http://localhost:5/?error=access_denied&state={state}", "not allowed \\(access_denied\\)"),
    ],
)
def test_address_of_another_question_or_a_refusal_is_told(tmp_path: Path, address: str, said: str) -> None:
    settings = mailbox()
    tokens = made(Provider((200, {})), tmp_path)
    attempt = Authorization(settings=settings, tokens=tokens, redirect="http://localhost:5")
    state = parse_qs(urlsplit(attempt.url).query)["state"][0]
    with pytest.raises(TokenError, match=said):
        attempt.finish(address.format(state=state))


def test_tenants_own_address_is_used_for_both(tmp_path: Path) -> None:
    base = "https://login.microsoftonline.com/contoso/oauth2/v2.0"
    settings = mailbox(token_url=f"{base}/token")
    tokens = made(Provider((200, {})), tmp_path)
    url = Authorization(settings=settings, tokens=tokens, redirect="http://localhost:5").url
    assert url.startswith(f"{base}/authorize?")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"auth": "magic"}, 'auth = "magic" is unknown'),
        ({"provider": "yahoo"}, 'provider = "yahoo" is unknown'),
        ({"provider": ""}, "needs provider"),
        ({"client_id": ""}, "needs client_id"),
        ({"token_url": "http://example.com/token"}, "must begin with https://"),
        ({"auth": "password"}, "do nothing without auth"),
        ({"after": "delete"}, 'after = "delete" is unknown'),
        ({"after": "move:"}, 'after = "move:" is unknown'),
        ({"after": "flag:two words"}, "a flag is of letters"),
        ({"after": "move:INBOX"}, "a folder that they are read from"),
        ({"silent_hours": -1}, "write 0 for never"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", "\\(")):
        mailbox(**changes)


def test_secrets_are_secret() -> None:
    settings = mailbox(client_secret="hush")
    assert set(secret_values(settings)) >= {"hush", "first"}
    assert "hush" not in repr(settings)
    assert "first" not in repr(settings)
    assert "first" not in repr(AccessTokens(settings, TokenFiles(Path()), FakeClock()))
