"""The web room's settings: what is accepted, and the sentences for what is not."""

from __future__ import annotations

import msgspec
import pytest

from gateway.web.settings import ListenAddress, WebSettings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:8080", "::1", 8080),
        (":80", "", 80),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_to_listen_on_is_read(text: str, host: str, port: int) -> None:
    assert ListenAddress.parse(text) == ListenAddress(host, port)


@pytest.mark.parametrize("text", ["8080", "host", "host:", "host:http", "host:70000", "::1:8080", "host:-1", "a:٣"])
def test_a_wrong_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"address"):
        WebSettings(public=text)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("", "127.0.0.1:80"), ("0.0.0.0", "127.0.0.1:80"), ("::", "[::1]:80"), ("gate.example", "gate.example:80")],
)
def test_the_address_for_browsers_can_be_opened(host: str, shown: str) -> None:
    assert ListenAddress(host, 80).for_browsers == shown


def test_the_default_is_one_listener_for_everything() -> None:
    assert WebSettings().one_listener
    assert not WebSettings(public="127.0.0.1:8081").one_listener
    assert not WebSettings(public="127.0.0.1:0", private="127.0.0.1:0").one_listener


@pytest.mark.parametrize("name", ["header_seconds", "max_connections", "session_hours", "max_body_bytes"])
def test_a_limit_of_nothing_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        msgspec.convert({name: 0}, WebSettings)


def test_a_proxy_that_is_no_network_is_refused_by_its_text() -> None:
    with pytest.raises(ValueError, match=r"proxy\.local"):
        WebSettings(trusted_proxies=("10.0.0.0/8", "proxy.local"))


def test_numbers_are_masked_for_nobody_unless_it_is_said() -> None:
    assert WebSettings().mask_for == ()


def test_an_owner_can_t_be_masked() -> None:
    with pytest.raises(ValueError, match=r"mask_for: an owner always sees numbers whole"):
        WebSettings(mask_for=("auditor", "owner"))


def test_a_role_that_there_is_not_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'boss'"):
        msgspec.convert({"mask_for": ["boss"]}, WebSettings)


def test_a_second_factor_is_required_of_the_roles_that_are_named() -> None:
    assert WebSettings().second_factor_for == ()
    named = msgspec.convert({"second_factor_for": ["owner", "chief"]}, WebSettings)
    assert named.second_factor_for == ("owner", "chief")
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'everybody'"):
        msgspec.convert({"second_factor_for": ["everybody"]}, WebSettings)
