"""The ``[[pbx]]`` table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.telephony.settings import PbxSettings

GOOD: dict[str, Any] = {"name": "office", "host": "pbx.example.com", "username": "leadgate", "secret": "hunter2"}


def settings(**changes: Any) -> PbxSettings:
    return msgspec.convert({**GOOD, **changes}, PbxSettings)


def test_four_keys_are_enough() -> None:
    pbx = settings()
    assert (pbx.tcp_port, pbx.tls, pbx.trunks, pbx.not_yet()) == (5038, False, (), [])


@pytest.mark.parametrize(("changes", "port"), [({}, 5038), ({"tls": True}, 5039), ({"tls": True, "port": 5999}, 5999)])
def test_the_port_follows_tls_unless_it_is_given(changes: dict[str, Any], port: int) -> None:
    assert settings(**changes).tcp_port == port


def test_the_secret_is_in_no_text_of_the_settings() -> None:
    pbx = settings(agi_secret="swordfish")
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
    ],
)
def test_a_value_that_can_not_work_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=sentence) as refusal:
        settings(**changes)
    assert "Action: Command" not in str(refusal.value)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="trunk_context"):
        settings(trunk_context=["x"])


@pytest.mark.parametrize("key", ["cdr", "cel", "agi_listen", "agi_secret"])
def test_a_key_that_does_nothing_yet_is_said_to_do_nothing(key: str) -> None:
    (sentence,) = settings(**{key: "something"}).not_yet()
    assert f"[[pbx]] office: {key} has no effect" in sentence
    assert "something" not in sentence
