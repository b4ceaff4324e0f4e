"""What a line of the log shows, and what it never shows."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import log

SECRET = "s3cr3t/with+signs"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def record(message: object, *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("gateway.mail", logging.INFO, __file__, 1, message, args, extra.pop("exc_info", None))
    vars(made).update(extra)
    return made


def human(*args: Any, secrets: tuple[str, ...] = (), **extra: Any) -> str:
    return log.HumanFormatter(log.Redactor(secrets)).format(record(*args, **extra))


def as_json(*args: Any, secrets: tuple[str, ...] = (), **extra: Any) -> dict[str, Any]:
    line = log.JsonFormatter(log.Redactor(secrets)).format(record(*args, **extra))
    assert "\n" not in line
    return dict(json.loads(line))


def raised(error: BaseException) -> tuple[type[BaseException], BaseException, None]:
    return type(error), error, None


def test_a_line_for_people_has_time_level_room_sentence_and_fields() -> None:
    line = human("Stored %s.", "a letter", action="stored", source="smtp in", count=3)
    assert re.fullmatch(r'\d\d:\d\d:\d\d INFO    mail: Stored a letter\.  action=stored source="smtp in" count=3', line)


def test_a_line_for_programs_is_one_object_with_the_fields_beside_the_message() -> None:
    entry = as_json("Stored %s.", "письмо", action="stored", count=3, ratio=0.5, ok=True, nothing=None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "info",
        "logger": "gateway.mail",
        "message": "Stored письмо.",
        "action": "stored",
        "count": 3,
        "ratio": 0.5,
        "ok": True,
        "nothing": None,
    }


def test_an_extra_field_never_overwrites_what_every_line_has() -> None:
    entry = as_json("The message.", level="forged", logger="forged", time="forged")
    assert (entry["message"], entry["level"], entry["logger"]) == ("The message.", "info", "gateway.mail")


SECRETS = [
    f"login with {SECRET} failed",
    f"GET /x?auth={SECRET.replace('/', '%2F').replace('+', '%2B')}",
    "Authorization: Bearer abcdef.ghijkl",
    'headers {"authorization": "Digest username=x, response=abcdef"}',
    "sent bearer abcdefghijkl to it",
    "Basic dXNlcjpwYXNz=",
    "Cookie: session=abcdefgh; other=abcdefgh",
    "Set-Cookie: session=abcdefgh",
    "Secret: amp111",
    "password=hunter2&x=1",
    "{'password': 'hun ter2', 'x': 1}",
    '{"api_key": "hunter2"}',
    "https://x.example/cb?access_token=hunter2&state=1",
    "postgresql://leadgate:hunter2@db/leads",
    "agi://10.0.0.1:4573/hunter2/route",
    "https://b24.example/rest/1/hunter2hunter2/crm.lead.add",
    "http://127.0.0.1:8080/setup/hunter2hunter2hunter2",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("way", ["message", "argument", "field", "mapping", "exception"])
def test_a_secret_is_shown_in_no_part_of_a_line(text: str, way: str) -> None:
    parts: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "message": ((text,), {}),
        "argument": (("it said %s", text), {}),
        "field": (("it said",), {"answer": text}),
        "mapping": (("it said",), {"answer": {"headers": [text]}}),
        "exception": (("it failed",), {"exc_info": raised(ValueError(text))}),
    }
    args, extra = parts[way]
    for line in (human(*args, secrets=(SECRET,), **extra), json.dumps(as_json(*args, secrets=(SECRET,), **extra))):
        assert "***" in line
        for word in (SECRET, "s3cr3t", "abcdef", "amp111", "hunter2", "hun ter2", "dXNlcjpwYXNz"):
            assert word not in line


def test_a_field_whose_name_says_that_it_is_secret_is_not_shown() -> None:
    entry = as_json("x", password="short", api_token=b"bytes", nested={"secret": "deep", "host": "h"})
    assert entry["password"] == entry["api_token"] == "***"
    assert "deep" not in entry["nested"]
    assert "h" in entry["nested"]


def test_words_that_only_sound_secret_stay() -> None:
    text = "The password of anna was changed; tokens: none revoked. https://example.com/form?utm_source=token"
    assert human(text).endswith("mail: " + text)


def test_a_secret_across_the_bound_of_a_field_is_not_shown_in_part() -> None:
    text = "x" * (log.MAX_FIELD - 5) + SECRET
    assert "s3cr" not in as_json("x", secrets=(SECRET,), answer=text)["answer"]


INJECTIONS = ["\n", "\r\n", "\x1b[2J", "\x00", "\x85", "\u2028", "\u202e", "\x9b31m", "\ud800", "\u200b"]


@pytest.mark.parametrize("sign", INJECTIONS, ids=ascii)
def test_nobody_outside_writes_a_line_or_moves_the_cursor(sign: str) -> None:
    forged = f"a{sign}12:00:00 ERROR forged: line"
    shown = human("caller %s", forged, name_given=forged)
    assert len(shown.splitlines()) == 1
    assert sign not in shown
    shown.encode("utf-8")
    line = log.JsonFormatter(log.Redactor()).format(record("caller %s", forged, name_given=forged))
    assert len(line.splitlines()) == 1
    assert sign not in line
    assert json.loads(line)["message"] == f"caller {forged}"


def test_the_text_of_an_exception_can_not_pass_for_a_line_of_the_log() -> None:
    lines = human("it failed", exc_info=raised(ValueError("x\n12:00:00 ERROR forged: line"))).splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  | ") for line in lines[1:])


def test_a_line_is_bounded_whatever_is_logged() -> None:
    many: dict[str, Any] = {f"n{number}": "x" for number in range(1000)}
    entry = as_json("m" * 10**6, field="f" * 10**6, **many)
    assert len(entry["message"]) < log.MAX_MESSAGE + 50
    assert len(entry["field"]) < log.MAX_FIELD + 50
    assert len(entry) <= log.MAX_FIELDS + 5
    error = as_json("it failed", exc_info=raised(ValueError("e" * 10**6)))["error"]
    assert len(error) < log.MAX_TRACEBACK + 100


NOISES = ["password" * 8000, "://" * 20_000, "a:" * 30_000, "bearer " * 9000, "\n" * 65_000, "authorization" * 5000]


@pytest.mark.parametrize("noise", NOISES, ids=[noise[:8] for noise in NOISES])
def test_a_hostile_text_costs_little_time(noise: str) -> None:
    begin = time.process_time()
    human(noise, answer=noise)
    assert time.process_time() - begin < 1


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_a_record_that_can_not_be_formatted_is_not_lost() -> None:
    assert "%d calls (its arguments do not fit: TypeError)" in human("%d calls", "many")
    assert "its arguments do not fit: RuntimeError" in human("from %s", Hostile())
    assert as_json("x", who=Hostile())["who"] == "<Hostile that can't be shown: RuntimeError>"


@settings(max_examples=100, deadline=None)
@given(st.text(), st.dictionaries(st.sampled_from(["a", "password"]), st.one_of(st.text(), st.integers(), st.binary())))
def test_any_text_gives_one_valid_line(text: str, extra: dict[str, Any]) -> None:
    line = log.JsonFormatter(log.Redactor()).format(record("%s", text, **extra))
    assert len(line.splitlines()) == 1
    json.loads(line.encode("utf-8"))
    assert len(human("%s", text, **extra).splitlines()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("style", "stream", "is_json"),
    [
        ("auto", Terminal(), False),
        ("auto", io.StringIO(), True),
        ("json", Terminal(), True),
        ("human", io.StringIO(), False),
    ],
    ids=["terminal", "pipe", "json on a terminal", "human in a pipe"],
)
def test_the_format_suits_who_reads(root: logging.Logger, style: str, stream: io.StringIO, is_json: bool) -> None:
    log.configure(style=style, stream=stream)
    logging.getLogger("gateway.test").info("Hello.")
    assert stream.getvalue().startswith("{") == is_json
    assert "Hello." in stream.getvalue()


def test_configuring_twice_writes_each_line_once_and_the_level_counts(root: logging.Logger) -> None:
    stream = io.StringIO()
    log.configure(style="human", stream=io.StringIO())
    log.configure(level="warning", style="human", stream=stream)
    logging.getLogger("gateway.test").info("quiet")
    logging.getLogger("gateway.test").warning("loud")
    assert "quiet" not in stream.getvalue()
    assert stream.getvalue().count("loud") == 1


def test_libraries_that_tell_every_step_are_quiet_unless_debugging(root: logging.Logger) -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    logging.getLogger("mail.log").info("every step")
    assert stream.getvalue() == ""
    log.configure(level="debug", stream=stream)
    logging.getLogger("mail.log").info("every step")
    assert "every step" in stream.getvalue()
    log.configure(stream=stream)


def test_a_closed_stream_stops_nothing_and_prints_nothing(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    stream.close()
    logging.getLogger("gateway.test").warning("password=hunter2")
    assert capsys.readouterr().err == ""


def test_a_real_traceback_names_the_error_and_its_place() -> None:
    try:
        int("x")
    except ValueError:
        entry = as_json("it failed", exc_info=sys.exc_info())
    assert "test_log.py" in entry["error"]
    assert entry["error"].endswith("ValueError: invalid literal for int() with base 10: 'x'")
