"""[smtp]: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.mail.settings import SmtpSettings, is_loopback, split_address


def test_default_listens_on_loopback_only_and_takes_any_recipient() -> None:
    settings = SmtpSettings()
    assert settings.listen == "127.0.0.1:2525"
    assert settings.recipients == ()
    assert settings.enabled


def test_empty_listen_switches_the_listener_off() -> None:
    assert not SmtpSettings(listen="").enabled


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"listen": "0.0.0.0:25"}, "recipients must name"),
        ({"listen": ":25"}, "recipients must name"),
        ({"listen": "mail.example.com:25"}, "recipients must name"),
        ({"listen": "2525"}, "host:port"),
        ({"listen": "127.0.0.1:99999"}, "host:port"),
        ({"listen": "127.0.0.1:²"}, "host:port"),
        ({"listen": "::1:25"}, "brackets"),
        ({"recipients": ("info",)}, '"info" is neither'),
        ({"recipients": ("*@",)}, "is neither"),
        ({"recipients": ("*",)}, "is neither"),
        ({"max_size": 0}, "max_size = 0"),
        ({"per_ip": -1}, "per_ip = -1"),
        ({"idle_seconds": 0}, "idle_seconds"),
        ({"max_size": 100 << 20, "max_memory": 150 << 20}, "twice max_size"),
        ({"tls_key": "key.pem"}, "without tls_cert"),
    ],
)
def test_wrong_smtp_value_is_named(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("*", r"\*")):
        SmtpSettings(**changed)


def test_smtp_settings_come_from_a_toml_table() -> None:
    table = {"listen": "0.0.0.0:25", "recipients": ["info@example.com", "*@Пример.рф"]}
    settings = msgspec.convert(table, SmtpSettings)
    assert settings.recipients == ("info@example.com", "*@Пример.рф")
    with pytest.raises(msgspec.ValidationError, match="recipient"):
        msgspec.convert({"recipient": []}, SmtpSettings)


@pytest.mark.parametrize(
    ("listen", "parts"),
    [("127.0.0.1:25", ("127.0.0.1", 25)), ("[::1]:0", ("::1", 0)), (":2525", ("", 2525)), ("a.b:1", ("a.b", 1))],
)
def test_address_is_split(listen: str, parts: tuple[str, int]) -> None:
    assert split_address(listen) == parts


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("LocalHost", True), ("", False), ("0.0.0.0", False),
     ("10.0.0.1", False), ("example.com", False)],
)  # fmt: skip
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
