"""The guard against reaching into the own network."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from crm_adapter.base import Misconfigured
from crm_adapter.guard import Guard, GuardedResolver, is_public


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
    ],
)
def test_addresses_that_lead_inside_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://crm.example.com/", "plain http"),
        ("https://127.0.0.1/", "no public address"),
        ("https://[::1]:8443/", "no public address"),
        ("https://[64:ff9b::7f00:1]/", "no public address"),
        ("ftp://crm.example.com/", "no URL"),
        ("file:///etc/passwd", "no URL"),
        ("crm.example.com", "no URL"),
        ("https://", "no URL"),
        ("https://crm.example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
        ("", "no URL"),
    ],
)
def test_urls_that_may_not_be_used_are_refused_with_the_way_out(url: str, word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        Guard().check_url(url)


@pytest.mark.parametrize(
    "url", ["http://crm.lan/hook", "https://CRM.lan:8443/", "http://10.0.0.5:8000/", "http://[fd00::5]/"]
)
def test_hosts_named_as_private_may_be_reached_by_plain_http(url: str) -> None:
    Guard(["Crm.lan.", "10.0.0.5", "[fd00::5]"]).check_url(url)


def test_naming_one_private_host_opens_no_other() -> None:
    with pytest.raises(Misconfigured):
        Guard(["10.0.0.5"]).check_url("http://10.0.0.6/")


class FixedResolver(AbstractResolver):
    """Answers with the given addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        self.closed = True


async def test_a_name_with_public_addresses_is_resolved_to_just_these() -> None:
    found = await GuardedResolver(Guard(), FixedResolver("8.8.8.8", "8.8.4.4")).resolve("crm.example.com", 443)
    assert [result["host"] for result in found] == ["8.8.8.8", "8.8.4.4"]


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("fe80::1%eth0",)])
async def test_a_name_that_also_leads_inside_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured, match=r"crm\.example\.com is at .*allow_private"):
        await GuardedResolver(Guard(), FixedResolver(*addresses)).resolve("crm.example.com", 443)


async def test_a_name_that_was_named_as_private_may_lead_inside() -> None:
    inner = FixedResolver("10.0.0.1")
    resolver = GuardedResolver(Guard(["crm.lan"]), inner)
    assert [result["host"] for result in await resolver.resolve("crm.lan", 80)] == ["10.0.0.1"]
    await resolver.close()
    assert inner.closed


async def test_what_resolves_to_no_address_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError, match="no address"):
        await GuardedResolver(Guard(), FixedResolver("not-an-address")).resolve("crm.example.com", 443)


@pytest.mark.parametrize("spelling", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "localhost"])
async def test_odd_spellings_of_loopback_are_caught_after_resolution(spelling: str) -> None:
    with pytest.raises(Misconfigured, match=r"127\.0\.0\.1|::1"):
        await GuardedResolver(Guard()).resolve(spelling, 443, socket.AF_UNSPEC)
