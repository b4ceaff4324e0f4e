"""What channel names, dial strings and caller ids say."""

from __future__ import annotations

import pytest

from gateway.telephony.tracker.names import (
    ChannelName,
    birth_order,
    dialled_number,
    epoch_of,
    local_target,
    parse_channel,
    public_number,
    spoken_name,
)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("PJSIP/101-0000004f", ChannelName("PJSIP", "101", 0, "")),
        ("SIP/voipgrid-siproute-docker-0000006a", ChannelName("SIP", "voipgrid-siproute-docker", 0, "")),
        ("IAX2/office2-1234", ChannelName("IAX2", "office2", 0, "")),
        ("DAHDI/i1/79261234567-2f", ChannelName("DAHDI", "i1/79261234567", 0, "")),
        (
            "Local/103@from-internal-00000005;1",
            ChannelName("Local", "103@from-internal", 1, "103@from-internal-00000005"),
        ),
        (
            "Local/103@from-internal-00000005;2",
            ChannelName("Local", "103@from-internal", 2, "103@from-internal-00000005"),
        ),
        ("PJSIP/101-0000004f<ZOMBIE>", ChannelName("PJSIP", "101", 0, "")),
        ("", ChannelName("", "", 0, "")),
    ],
)
def test_channel_names(name: str, parsed: ChannelName) -> None:
    assert parse_channel(name) == parsed


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("101", "101"),
        ("PJSIP/101", "101"),
        ("79161112233@trunk", "79161112233"),
        ("trunk/89161112233", "89161112233"),
        ("trunk/sip:79161112233@10.0.0.5", "79161112233"),
        ("Local/101@from-internal/n", "101"),
        ("user:12345@office/79161112233", "79161112233"),
        ("g1/89161112233", "89161112233"),
        ("ID730150@osvpi_route_phoneaccount", None),
        ("", None),
    ],
)
def test_dial_strings(dial_string: str, number: str | None) -> None:
    assert dialled_number(dial_string, "RU") == number


@pytest.mark.parametrize(
    ("number", "public"),
    [
        ("79261234567", "+79261234567"),
        ("8 (926) 123-45-67", "+79261234567"),
        ("101", "101"),
        ("*8", "*8"),
        ("anonymous", None),
        ("s", None),
        (None, None),
    ],
)
def test_public_numbers(number: str | None, public: str | None) -> None:
    assert public_number(number, "RU") == public


def test_names_as_sent() -> None:
    assert [spoken_name(name) for name in ("Иван Петров", "  ", "<unknown>", "")] == ["Иван Петров", None, None, None]


def test_ids_tell_the_second_and_the_order_of_birth() -> None:
    assert epoch_of("pbx1-1795308351.89") == 1795308351.0
    assert epoch_of("asterisk") is None
    assert sorted(["9.1", "1795308351.10", "1795308351.9"], key=birth_order) == ["9.1", "1795308351.9", "1795308351.10"]


def test_what_a_local_channel_is_to_reach() -> None:
    assert (local_target("103@from-internal"), local_target("ID7@x")) == ("103", None)
