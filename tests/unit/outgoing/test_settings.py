"""Settings that can't work are named with the way out, and secrets stay out of sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings
from gateway.core.errors import ConfigError
from gateway.outgoing.settings import AcknowledgementSettings, NoticesSettings, SenderSettings, default_sender

GOOD: dict[str, Any] = {"name": "sales", "host": "smtp.example.com", "address": "sales@example.com"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "a b"}, "use letters"),
        ({"host": " "}, "host is empty"),
        ({"host": "x\r\ny"}, "host holds line breaks"),
        ({"address": "sales"}, "is no mail address"),
        ({"port": 70000}, "is no port"),
        ({"tls": "none"}, "in the clear to smtp.example.com"),
        ({"username": "anna"}, "belong together"),
        ({"mailbox": "sales", "username": "anna", "password": "x"}, "remove them here"),
        ({"password": "x\n", "username": "anna"}, "password holds line breaks"),
    ],
)
def test_a_sender_that_can_not_work_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SenderSettings(**(GOOD | changed))


@pytest.mark.parametrize(("tls", "port"), [("implicit", 465), ("starttls", 587)])
def test_the_usual_port_is_taken(tls: Any, port: int) -> None:
    assert SenderSettings(**GOOD, tls=tls).effective_port == port
    assert SenderSettings(**GOOD, tls=tls, port=2525).effective_port == 2525


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"webhook_url": "ftp://example.com"}, "no address of the web"),
        ({"webhook_url": "http://example.com/hook"}, "plain http"),
        ({"webhook_body": "{text}"}, "is no JSON"),
        ({"webhook_body": '{"text": "x"}'}, "has no {text}"),
        ({"base_url": "leads.example.com"}, "base_url is no address"),
    ],
)
def test_notices_that_can_not_work_are_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NoticesSettings(**changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hours": 0.5}, "too short"),
        ({"per_hour": 0}, "greater than zero"),
        ({"text": "Hello {nmae}"}, "{nmae}"),
        ({"text": "Hello {name.__class__}"}, "not {name.__class__}"),
        ({"subject": "lone {"}, "lone brace"),
    ],
)
def test_acknowledgements_that_can_not_work_are_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AcknowledgementSettings(**changed)


def test_the_default_sender_is_the_marked_one_else_the_first() -> None:
    first, second = SenderSettings(**GOOD), SenderSettings(**(GOOD | {"name": "b", "default": True}))
    assert default_sender((first, second)) is second
    assert default_sender((first,)) is first
    assert default_sender(()) is None


def test_no_table_shows_its_secret() -> None:
    sender = SenderSettings(**GOOD, username="anna", password="hunter2")
    notices = NoticesSettings(webhook_url="https://api.telegram.org/bot123:AAhunter2/sendMessage")
    for shown in (repr(sender), str(sender), repr(notices), str(notices)):
        assert "hunter2" not in shown


SENDER = '[[sender]]\nname = "{}"\nhost = "smtp.example.com"\naddress = "a@example.com"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SENDER.format("a") * 2, "sender.1.name: 'a' is the name of another"),
        (SENDER.format("a") + 'mailbox = "sales"\n', "no [[mailbox]] 'sales'"),
        ('[notices]\nsender = "a"\n', "There is no [[sender]] at all"),
        (SENDER.format("sales") + '[notices]\nsender = "sale"\n', "Did you mean sales?"),
        (SENDER.format("sales") + '[[acknowledgement]]\nsender = "other"\n', "There are: sales."),
        ("[[acknowledgement]]\n", "no [[sender]] is configured"),
        (SENDER.format("a") + "default = true\n" + SENDER.format("b") + "default = true\n", "Mark one only"),
        ('[lmtp]\nlisten = "127.0.0.1:2525"\n', "is also the address of smtp.listen"),
    ],
)
def test_names_that_point_nowhere_are_found_before_anything_starts(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Settings.load(file, {})
    assert words in str(caught.value)


def test_the_address_of_the_messenger_is_a_secret_that_may_stand_in_a_file(tmp_path: Path) -> None:
    url = "https://api.telegram.org/bot12345:AAhunter2hunter2/sendMessage"
    (tmp_path / "hook").write_text(url + "\n", encoding="utf-8")
    file = tmp_path / "leadgate.toml"
    file.write_text(f'[notices]\nwebhook_url_file = "{tmp_path}/hook"\n', encoding="utf-8")
    settings = Settings.load(file, {})
    assert settings.notices.webhook_url == url
    assert any(secret in url and len(secret) > 10 for secret in settings.secrets())
