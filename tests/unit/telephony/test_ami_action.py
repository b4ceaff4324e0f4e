"""Nothing that could start a second header leaves on an AMI connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telephony.ami.action import MAX_LINE, encode_action
from gateway.telephony.safe import UnsafeValue

CONTROL = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u2028", "\u2029"]


def test_an_action_is_written_as_asterisk_reads_it() -> None:
    data = encode_action("Originate", {"Channel": "PJSIP/101", "Variable": ["a=1", "имя=Иван"]}, action_id="x-1")
    assert (
        data
        == (
            "Action: Originate\r\nActionID: x-1\r\nChannel: PJSIP/101\r\nVariable: a=1\r\nVariable: имя=Иван\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize("character", CONTROL, ids=ascii)
@pytest.mark.parametrize("place", ["{}x", "x{}", "x{}Action: Command"])
def test_a_control_character_is_refused_wherever_it_stands(character: str, place: str) -> None:
    text = place.format(character)
    values: list[dict[str, str | list[str]]] = [{text: "x"}, {"Key": text}, {"Key": ["ok", text]}]
    for headers in values:
        with pytest.raises(UnsafeValue):
            encode_action("Ping", headers)
    with pytest.raises(UnsafeValue):
        encode_action(text)
    with pytest.raises(UnsafeValue):
        encode_action("Ping", action_id=text)


@given(
    st.text(), st.dictionaries(st.text(max_size=30), st.text(max_size=100) | st.lists(st.text(max_size=30)), max_size=5)
)
def test_whatever_is_put_in_one_action_comes_out_with_only_the_headers_asked_for(
    action: str, headers: dict[str, str | list[str]]
) -> None:
    try:
        data = encode_action(action, headers, action_id="1")
    except UnsafeValue:
        return
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1
    names = [line.split(b":")[0].decode() for line in data.removesuffix(b"\r\n\r\n").split(b"\r\n")]
    asked = [name for name, value in headers.items() for _ in ([value] if isinstance(value, str) else value)]
    assert names == ["Action", "ActionID", *asked]
    assert data.splitlines() == [*data.removesuffix(b"\r\n").split(b"\r\n")[:-1], b""]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a: b\r\nX", "Имя", "1st", " Key", "Key "])
def test_a_header_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnsafeValue, match="no name"):
        encode_action("Ping", {name: "x"})


@pytest.mark.parametrize("name", ["Action", "action", "ActionID", "ACTIONID"])
def test_the_headers_of_the_client_itself_can_not_be_set_from_outside(name: str) -> None:
    with pytest.raises(UnsafeValue, match="set by the client"):
        encode_action("Ping", {name: "Command"})


def test_a_line_may_be_as_long_as_asterisk_reads_and_no_longer() -> None:
    room = MAX_LINE - len("Key: \r\n")
    assert len(encode_action("Ping", {"Key": "x" * room}).split(b"\r\n")[1]) == MAX_LINE - 2
    with pytest.raises(UnsafeValue, match="1024"):
        encode_action("Ping", {"Key": "x" * (room + 1)})
    with pytest.raises(UnsafeValue, match="1024"):  # bytes count, not letters
        encode_action("Ping", {"Key": "я" * (room // 2 + 1)})


def test_more_lines_than_asterisk_reads_are_refused() -> None:
    assert encode_action("Ping", {"Variable": ["x"] * 127}).count(b"\r\n") == 129
    with pytest.raises(UnsafeValue, match="129 lines"):
        encode_action("Ping", {"Variable": ["x"] * 128})


def test_half_a_letter_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="not Unicode"):
        encode_action("Ping", {"Key": "\udc80"})


def test_the_refusal_does_not_show_the_value() -> None:
    with pytest.raises(UnsafeValue) as refusal:
        encode_action("Login", {"Secret": "hunter2\r\n"})
    assert "hunter2" not in str(refusal.value)
    assert "Secret" in str(refusal.value)
