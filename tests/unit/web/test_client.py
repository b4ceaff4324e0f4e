"""Only our own proxies are believed about who the client is."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.web.client import forwarded_client, is_within, parse_address

PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),  # a stranger may write what he likes
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the first was sent by the client itself
        ("10.0.0.5", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "unknown", "10.0.0.5"),
        ("10.0.0.5", "203.0.113.9, garbage", "10.0.0.5"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.5", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_address_that_no_own_proxy_has(peer: str, header: str, client: str) -> None:
    assert forwarded_client(peer, header, PROXIES) == client


@pytest.mark.parametrize("text", [None, "", "garbage", "1.2.3", "10.0.0.5:80"])
def test_what_is_no_address_is_within_nothing(text: str | None) -> None:
    assert parse_address(text) is None
    assert not is_within(text, PROXIES)


def test_zones_and_brackets_are_taken_off() -> None:
    assert str(parse_address("fe80::1%eth0")) == "fe80::1"
    assert str(parse_address("[2001:db8::1]")) == "2001:db8::1"
