"""The ``[[pbx]]`` table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.telephony.settings import LogSource, PbxSettings

GOOD: dict[str, Any] = {"name": "office", "host": "pbx.example.com", "username": "leadgate", "secret": "hunter2"}


def settings(**changes: Any) -> PbxSettings:
    return msgspec.convert({**GOOD, **changes}, PbxSettings)


def test_four_keys_are_enough() -> None:
    pbx = settings()
    assert (pbx.tcp_port, pbx.tls, pbx.trunks) == (5038, False, ())


@pytest.mark.parametrize(("changes", "port"), [({}, 5038), ({"tls": True}, 5039), ({"tls": True, "port": 5999}, 5999)])
def test_the_port_follows_tls_unless_it_is_given(changes: dict[str, Any], port: int) -> None:
    assert settings(**changes).tcp_port == port


def test_the_secret_is_in_no_text_of_the_settings() -> None:
    pbx = settings(agi_listen=":4573", agi_secret="swordfish")
    for text in (repr(pbx), str(pbx), f"{pbx}", repr([pbx]), repr({"pbx": (pbx,)})):
        assert "hunter2" not in text
        assert "swordfish" not in text
        assert "office" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "name"),
        ({"name": "two words"}, "name 'two words'"),
        ({"name": "a:b"}, "name"),
        ({"host": " "}, "host"),
        ({"host": "pbx\r\n"}, "host"),
        ({"port": 0}, "port 0"),
        ({"port": 65536}, "port 65536"),
        ({"username": ""}, "username"),
        ({"secret": "x\r\nAction: Command"}, "secret"),
        ({"secret": "x" * 1001}, "secret"),
        ({"ca_file": "ca.pem"}, "ca_file is only used with tls"),
        ({"route": "agi"}, "route 'agi' is not known"),
        ({"route": "redirect"}, "route_context: name the context"),
        ({"route": "redirect", "route_context": "a,b"}, "route_context: name the context"),
        ({"route_context": "from-internal"}, "route is missing"),
        (
            {"route": "redirect", "route_context": "office", "agi_listen": ":4573", "agi_secret": "swordfish"},
            "route and agi_listen exclude each other",
        ),
    ],
)
def test_a_value_that_can_not_work_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=sentence) as refusal:
        settings(**changes)
    assert "Action: Command" not in str(refusal.value)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="trunk_context"):
        settings(trunk_context=["x"])


AGI = {"agi_listen": "127.0.0.1:4573", "agi_secret": "a-random-word"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agi_listen": "127.0.0.1:4573"}, "agi_secret is missing"),
        ({"agi_secret": "a-random-word"}, "agi_listen is missing"),
        ({"agi_allow": ["10.0.0.5"]}, "agi_listen is missing"),
        (AGI | {"agi_listen": "127.0.0.1"}, "Write it like 127.0.0.1:4573"),
        (AGI | {"agi_listen": "::1:4573"}, "Write it like"),
        (AGI | {"agi_listen": "127.0.0.1:99999"}, "Write it like"),
        (AGI | {"agi_secret": "short"}, "8 to 200 letters"),
        (AGI | {"agi_secret": "two words or more"}, "8 to 200 letters"),
        (AGI | {"agi_allow": ["pbx"]}, "'pbx' is no address or network"),
    ],
)
def test_where_the_dialplan_asks_is_checked(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=sentence):
        settings(**changes)


def test_the_dialplan_may_ask_from_other_addresses() -> None:
    pbx = settings(**AGI, agi_allow=["10.0.0.5", "10.1.0.0/24", "2001:db8::/32"])
    assert pbx.agi_allow == ("10.0.0.5", "10.1.0.0/24", "2001:db8::/32")
    assert "a-random-word" not in repr(pbx)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/var/log/Master.csv", LogSource(file="/var/log/Master.csv")),
        ("postgresql://u@h/d", LogSource(url="postgresql://u@h/d")),
        ({"file": "x.csv", "columns": ["start", "src"]}, LogSource(file="x.csv", columns=("start", "src"))),
        (
            {"url": "sqlite:///x", "columns": {"start": "began"}},
            LogSource(url="sqlite:///x", columns={"start": "began"}),
        ),
    ],
)
@pytest.mark.parametrize("key", ["cdr", "cel"])
def test_a_log_is_a_path_a_url_or_a_table(key: str, value: Any, expected: LogSource) -> None:
    pbx = settings(**{key: value})
    assert LogSource.of(getattr(pbx, key)) == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({}, "set either file"),
        ({"file": "a", "url": "sqlite://"}, "set either file"),
        ({"url": "localhost"}, "SQLAlchemy URL"),
        ({"file": "a", "table": "cdr"}, "a file has no table"),
        ({"url": "sqlite://", "columns": ["start"]}, "columns of a database"),
        ({"file": "a", "timezone": "Moscow"}, "timezone 'Moscow'"),
        ({"file": "a", "encoding": "koi9"}, "encoding 'koi9'"),
        ({"file": "a", "colums": []}, "colums"),
        ("", "give a file or a URL"),
    ],
)
def test_a_log_that_can_not_work_is_refused_with_a_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=sentence):
        settings(cdr=value)


def test_the_password_of_a_database_is_in_no_text_of_the_settings() -> None:
    pbx = settings(cdr={"url": "postgresql://reader:swordfish@h/d"})
    assert "swordfish" not in f"{pbx!r} {pbx.cdr!r} {pbx.cdr}"
