"""Who may be inside the listener, and which recipients are ours."""

from __future__ import annotations

import pytest

from gateway.mail.smtp.door import Door, network_of
from gateway.mail.smtp.handler import storable
from gateway.mail.smtp.recipients import Recipients


def test_connections_are_counted_in_all_and_for_each_address() -> None:
    door = Door(connections=3, per_address=2, octets=10)
    assert door.enter("10.0.0.1") is None
    assert door.enter("10.0.0.1") is None
    assert door.enter("10.0.0.1") == "too many connections from your address"
    assert door.enter("10.0.0.2") is None
    assert door.enter("10.0.0.3") == "too many connections"
    door.leave("10.0.0.1")
    assert door.enter("10.0.0.3") is None
    assert door.connections_inside == 3


def test_all_addresses_of_a_customers_ipv6_network_count_as_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("no:address") == "no:address"


def test_memory_is_taken_and_given_back() -> None:
    door = Door(connections=1, per_address=1, octets=10)
    assert door.take(10)
    assert not door.take(1)
    door.give_back(4)
    assert door.take(4)


@pytest.mark.parametrize(
    ("patterns", "address", "expected"),
    [
        ((), "anybody@anywhere.example", True),
        ((), "voicemail", True),
        (("info@shop.example",), "Info@Shop.Example", True),
        (("info@shop.example",), "sales@shop.example", False),
        (("info@shop.example",), "info@shop.example.evil.example", False),
        (("*@shop.example",), "anything@SHOP.example", True),
        (("*@shop.example",), "anything@sub.shop.example", False),
        (("*@shop.example",), '"a b"@shop.example', False),
        (("*@shop.example",), "no address", False),
        (("*@магазин.рф",), "info@xn--80aairftm.xn--p1ai", True),
        (("info@a.example", "*@b.example"), "x@b.example", True),
        (("info@a.example", "*@b.example"), "x@a.example", False),
    ],
)
def test_recipients(patterns: tuple[str, ...], address: str, expected: bool) -> None:
    assert Recipients(patterns).accepts(address) is expected


def test_wrong_pattern_is_named() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Recipients(["nonsense"])


def test_text_for_the_store_has_neither_surrogates_nor_nul() -> None:
    assert storable("a\udcff\0b") == "a\ufffd\ufffdb"
    storable("\udcd0\udc98").encode("utf-8")
    assert storable("\udcd0\udc98") == "И"
