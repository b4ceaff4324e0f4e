"""The words of AGI: what is read, what is written, and that nothing slips a second command in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telephony.agi.protocol import (
    AgiQuestion,
    NotAgi,
    knows_secret,
    question_of,
    read_header,
    set_variables,
    status_of,
)
from gateway.telephony.agi.settings import LOOPBACK, may_ask, networks_of, parse_listen, parse_network
from gateway.telephony.safe import UnsafeValue

ASTERISK_16 = b"""agi_network: yes
agi_network_script: abc/route
agi_request: agi://127.0.0.1:40205/abc/route
agi_channel: Local/s@leadgate-ask-00000000;2
agi_language: en
agi_type: Local
agi_uniqueid: 1795328767.3
agi_version: 16.28.0~dfsg-0+deb11u4
agi_callerid: 79260000730
agi_calleridname: unknown
agi_callingpres: 0
agi_dnid: unknown
agi_rdnis: unknown
agi_context: leadgate-ask
agi_extension: s
agi_priority: 1
agi_arg_1: 74951800731
agi_arg_2: 79260000730
"""
"""As a real Asterisk sends it."""


def header(*more: bytes, without: bytes = b"#") -> dict[str, str]:
    lines = [line + b"\n" for line in ASTERISK_16.splitlines() if not line.startswith(without)]
    return read_header([*lines, *more])


def test_the_question_of_a_real_asterisk() -> None:
    assert question_of(header()) == AgiQuestion(
        caller="79260000730",
        dialled="74951800731",
        channel="Local/s@leadgate-ask-00000000;2",
        uniqueid="1795328767.3",
    )


def test_without_arguments_the_channel_says_it() -> None:
    told = question_of(header(b"agi_extension: 74950000101\n", b"agi_callerid: 101\n", without=b"agi_arg"))
    assert (told.caller, told.dialled) == ("101", "74950000101")
    told = question_of(header(b"agi_dnid: 74950000102\n", without=b"agi_arg"))
    assert told.dialled == "74950000102"


@pytest.mark.parametrize("withheld", [b"unknown", b"anonymous", b"", b"Anonymous"])
def test_a_withheld_number_is_none(withheld: bytes) -> None:
    told = question_of(header(b"agi_callerid: " + withheld + b"\n", without=b"agi_arg_2"))
    assert told.caller is None
    assert question_of(header(without=b"agi_arg_1")).dialled is None


@pytest.mark.parametrize(
    ("script", "knows"),
    [
        ("abc/route", True),
        ("/abc/route", True),
        ("abc/route?x=1", True),
        ("abc/route/", True),
        ("abd/route", False),
        ("abc", False),
        ("abc/other", False),
        ("route", False),
        ("", False),
        ("тайна/route", False),
    ],
)
def test_the_secret_stands_in_the_path(script: str, knows: bool) -> None:
    assert knows_secret({"agi_network_script": script}, "abc") is knows


@pytest.mark.parametrize(
    "lines",
    [[b"GET / HTTP/1.1\r\n"], [b"agi_network: yes\n"], [b"agi_network_script\n"], [b"\xff\xfe\n"], []],
)
def test_what_is_no_agi_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(NotAgi):
        read_header(lines)


def test_quotes_and_backslashes_are_escaped() -> None:
    assert set_variables({"LEADGATE_NAME": 'ООО "Ромашка" \\ 1'}) == [
        'SET VARIABLE LEADGATE_NAME "ООО \\"Ромашка\\" \\\\ 1"\n'.encode()
    ]


@pytest.mark.parametrize("value", ["a\nEXEC System rm", "a\rb", "a\x00b", "a\x85b", "a\u2028b", "\ud800"])
def test_a_value_that_could_be_a_second_command_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValue):
        set_variables({"LEADGATE_NAME": value})


@pytest.mark.parametrize("name", ["", "lower", "A B", "A\nB", "CALLERID(num)", "SHELL(x)"])
def test_a_name_that_is_no_variable_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no variable"):
        set_variables({name: "x"})


def test_a_line_that_asterisk_would_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="takes"):
        set_variables({"LEADGATE_NAME": "x" * 1100})


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_one_variable_is_one_line_whatever_its_value(value: str) -> None:
    try:
        [line] = set_variables({"LEADGATE_NAME": value})
    except (UnsafeValue, ValueError):
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b'"\n')
    inside = line.decode().removeprefix('SET VARIABLE LEADGATE_NAME "').removesuffix('"\n')
    assert inside.replace("\\\\", "").replace('\\"', "").count('"') == 0


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"200 result=1\n", 200),
        (b"200 result=1 (speech)\n", 200),
        (b"510 Invalid or unknown command\n", 510),
        (b"511 Command Not Permitted on a dead channel\n", 511),
        (b"520-Invalid command syntax.  Proper usage follows:\n", None),
        (b"520 End of proper usage.\n", 520),
        (b"HANGUP\n", None),
        (b"100 Trying...\n", 100),
        (b"\n", None),
        (b"2000 x\n", None),
    ],
)
def test_answers_of_asterisk(line: bytes, status: int | None) -> None:
    assert status_of(line) == status


def test_addresses() -> None:
    assert parse_listen("[::1]:4573") == ("::1", 4573)
    assert parse_listen(":4573") == ("", 4573)
    office = [*LOOPBACK, parse_network("10.0.0.0/24")]
    told = {text: may_ask(text, office) for text in ("127.0.0.1", "::1", "10.0.0.9", "::ffff:10.0.0.9", "10.0.1.1", "")}
    assert list(told.values()) == [True, True, True, True, False, False]
    assert parse_network("127.0.0.1") in networks_of("127.0.0.1")
    assert networks_of("no-such-host.invalid") == []
