"""Options, secrets, signatures, the registry."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Verifier

from crm_adapter import registry
from crm_adapter.base import Checks, Context
from crm_adapter.memory import MemoryCrm
from crm_adapter.memory import build as build_memory
from crm_adapter.options import BadOption, Options
from crm_adapter.testing import make_event
from crm_adapter.webhook.settings import key_of, parse
from crm_adapter.webhook.signature import headers_for

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
URL = "https://crm.example.com/hook/secret-path"


def test_options_give_each_kind_of_value() -> None:
    options = Options({"a": " x ", "b": ["y", "z"], "c": "one", "d": 3, "e": "4.5", "f": '["p", "q"]'})
    assert options.text("a") == "x"
    assert options.texts("b") == ("y", "z")
    assert options.texts("c") == ("one",)
    assert options.number("d", 1, least=0, most=9) == 3
    assert options.number("e", 1, least=0, most=9) == 4.5
    assert options.texts("f") == ("p", "q")
    assert options.number("g", 7, least=0, most=9) == 7
    assert options.text("h", "default") == "default"
    options.finish()


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        ({}, "url", "is missing"),
        ({"url": ""}, "url", "text in quotes"),
        ({"url": 5}, "url", "text in quotes"),
        ({"url": URL}, "secret", "is missing"),
        ({"url": URL, "secret": []}, "secret", "list"),
        ({"url": URL, "secret": [5]}, "secret", "texts in quotes only"),
        ({"url": URL, "secret": SECRET.removeprefix("whsec_")}, "secret", "must begin with whsec_"),
        ({"url": URL, "secret": "whsec_AAAA"}, "secret", "holds 3 bytes, 24 to 64 are wanted"),
        ({"url": URL, "secret": "whsec_" + "A" * 200}, "secret", "holds 150 bytes"),
        ({"url": URL, "secret": "whsec_№№№№"}, "secret", "no base64"),
        ({"url": URL, "secret": SECRET, "timeout": 0}, "timeout", "from 1 to 60"),
        ({"url": URL, "secret": SECRET, "timeout": True}, "timeout", "from 1 to 60"),
        ({"url": URL, "secret": SECRET, "timeout": "long"}, "timeout", "from 1 to 60"),
        ({"url": URL, "secret": SECRET, "timeuot": 5}, "timeuot", "did you mean timeout"),
        ({"url": URL, "secret": SECRET, "xyz": 5}, "xyz", "known are: secret, timeout, url"),
        ({"url": "http://crm.example.com", "secret": SECRET}, "url", "plain http"),
        ({"url": "https://10.0.0.1/", "secret": SECRET}, "url", "allow_private"),
    ],
)
def test_a_wrong_option_is_named_with_the_way_out(values: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(BadOption, match=words) as caught:
        parse(values, Context(name="test"))
    assert caught.value.key == key
    assert str(caught.value).startswith(key)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("allowed", [True, frozenset({"10.0.0.1"})])
def test_a_private_address_named_on_purpose_is_taken(allowed: bool | frozenset[str]) -> None:
    settings = parse({"url": "http://10.0.0.1/", "secret": SECRET}, Context(name="test", allow_private=allowed))
    assert settings.url == "http://10.0.0.1/"


def test_allowing_the_own_host_does_not_make_nonsense_a_url() -> None:
    with pytest.raises(BadOption, match="no URL"):
        parse({"url": "http://[", "secret": SECRET}, Context(name="test", allow_private=True))


def test_neither_secret_nor_address_is_in_the_repr_of_the_settings() -> None:
    shown = repr(parse({"url": URL, "secret": SECRET}, Context(name="test")))
    assert "secret-path" not in shown
    assert SECRET not in shown
    assert repr(KEY)[2:-1] not in shown


@given(st.binary(min_size=24, max_size=64))
def test_every_key_of_24_to_64_bytes_is_read_with_and_without_padding(key: bytes) -> None:
    encoded = base64.b64encode(key).decode()
    assert key_of("whsec_" + encoded) == key
    assert key_of("whsec_" + encoded.rstrip("=")) == key


@given(st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "replace").encode()), st.uuids())
def test_signatures_are_those_of_the_standard_library_of_the_scheme(body: bytes, message_id: object) -> None:
    now = datetime.now(UTC)
    headers = headers_for(str(message_id), now, body, [b"x" * 24, KEY])
    Verifier(SECRET).verify(body, headers, json_parse=False)
    assert headers["webhook-id"] == str(message_id)


def test_the_signature_of_the_specification_is_reproduced() -> None:
    # the example of the Standard Webhooks libraries
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = headers_for("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_registered_adapter_can_be_found_and_built() -> None:
    assert registry.names() == sorted(registry.BUILT_IN)
    assert all(callable(registry.find(name)) for name in registry.BUILT_IN)
    assert registry.find("memory") is build_memory
    registry.find("webhook")({"url": URL, "secret": SECRET}, Context(name="test"))


def test_an_unknown_adapter_is_answered_with_the_nearest() -> None:
    with pytest.raises(registry.UnknownAdapter, match="did you mean webhook"):
        registry.find("webhok")
    with pytest.raises(registry.UnknownAdapter, match=r"there are: amocrm, bitrix24, .*memory, .*webhook"):
        registry.find("sap")


def test_an_adapter_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        EntryPoint(name, "crm_adapter.memory:build", registry.ENTRY_POINTS) for name in ("other", "webhook")
    )

    def given_points(*, group: str, name: str | None = None) -> Iterable[EntryPoint]:
        assert group == registry.ENTRY_POINTS
        return points if name is None else points.select(name=name)

    monkeypatch.setattr(registry, "entry_points", given_points)
    assert "other" in registry.names()
    assert registry.find("other") is build_memory
    assert registry.find("webhook") is not build_memory, "a name of ours can't be taken over"


async def test_the_twin_forgets_the_oldest_beyond_its_size() -> None:
    crm = build_memory({"keep": 2}, Context(name="test"))
    for number in range(1, 4):
        await crm.push(make_event(number))
    assert [event.data["id"] for event in crm.records] == ["2", "3"]
    assert isinstance(crm, MemoryCrm)
    assert isinstance(crm, Checks)
    assert "there are 2 now" in await crm.check()
