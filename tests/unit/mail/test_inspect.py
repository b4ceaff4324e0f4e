"""The record of the contract: its keys, its values, and that nothing at all makes it raise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.inspect import inspect_file, inspect_mail
from tests.unit.mail.letters import NOW, file_part, inspect, letter_bytes, multipart

CONTRACT = [
    "file",
    "message_id",
    "from",
    "reply_to",
    "to",
    "cc",
    "subject",
    "date",
    "text",
    "new_text",
    "attachments",
    "kind",
    "customer",
    "form_fields",
    "in_reply_to",
    "references",
    "problems",
]


def test_the_record_has_the_keys_of_the_contract_in_their_order() -> None:
    assert list(inspect(letter_bytes("x")))[: len(CONTRACT)] == CONTRACT


def test_a_whole_letter_is_told_as_the_contract_says() -> None:
    raw = multipart(
        "Content-Type: text/plain; charset=utf-8\n\nНужны окна, тел. 8 926 123-45-67\n\nС уважением,\nПётр",
        file_part("filename=plan.pdf", b"12345"),
        **{"from": "=?utf-8?b?0J/RkdGC0YA=?= <Petr@Mail.ru>"},
        cc="boss@firm.ru",
        reply_to="Пётр <petr@work.ru>",
        date="Mon, 5 Oct 2026 10:00:00 +0300",
        message_id="<1@mail.ru>",
        in_reply_to="<0@firm.ru>",
        references="<a@firm.ru> <0@firm.ru>",
    )
    record = inspect(raw)
    assert record == {
        "file": "letter.eml",
        "message_id": "1@mail.ru",
        "from": {"name": "Пётр", "email": "Petr@Mail.ru"},
        "reply_to": {"name": "Пётр", "email": "petr@work.ru"},
        "to": ["sales@firm.ru"],
        "cc": ["boss@firm.ru"],
        "subject": "Вопрос",
        "date": "2026-10-05T07:00:00+00:00",
        "text": "Нужны окна, тел. 8 926 123-45-67\n\nС уважением,\nПётр",
        "new_text": "Нужны окна, тел. 8 926 123-45-67",
        "attachments": [{"name": "plan.pdf", "content_type": "application/pdf", "size": 5}],
        "kind": "message",
        "customer": {"name": "Пётр", "email": "petr@mail.ru", "phones": ["+79261234567"]},
        "form_fields": None,
        "in_reply_to": "0@firm.ru",
        "references": ["a@firm.ru", "0@firm.ru"],
        "problems": [],
        "kind_reason": "Nothing says that a machine wrote it.",
        "forwarded": False,
        "no_auto_answer": None,
        "enclosed_message_id": None,
        "authentication": {},
    }


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_bytes(letter_bytes("hello"))
    record = inspect_file(file, region="RU", now=NOW)
    assert (record["file"], record["text"]) == (str(file), "hello")


def test_without_a_moment_the_clock_of_the_machine_judges_dates() -> None:
    record = inspect_mail(letter_bytes("x", date="Mon, 5 Oct 2099 10:00:00 +0300"), file="x", region="RU")
    assert record["date"] is None


def test_a_letter_that_our_own_code_fails_on_gives_what_its_headers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("gateway.mail.inspect.read_letter", fail)
    record = inspect(letter_bytes("text", message_id="<1@x>"))
    assert (record["subject"], record["message_id"], record["text"]) == ("Вопрос", "1@x", "")
    assert record["problems"] == ["The letter could not be parsed (RecursionError); only its headers were read."]


PIECES = st.sampled_from(
    [
        b"From: a@b.ru\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: text/html; charset=utf-16\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Subject: =?utf-7?q?+2AA-?=\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"\0",
        b"> From: x\r\n",
        b"To: y\r\n",
        b"=?koi8-r?b?//?=",
        b"<table><tr><td>\xff</td>",
        b"begin 644 a\n#AAAA\n`\nend\n",
        b"On 2026 a <a@b> wrote:\r\n",
        b"---------- Forwarded message ---------\r\n",
        "Имя: Иван\r\nТелефон: 8 926 123-45-67\r\n".encode("cp1251"),
        b"\xd0\xbf" * 20,
        b"name*0*=utf-8''%ff;",
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=30).map(b"".join)))
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_a_record_that_json_and_databases_take(raw: bytes) -> None:
    record = inspect_mail(raw, file="x", region="RU", now=NOW)
    assert list(record)[: len(CONTRACT)] == CONTRACT
    encoded = json.dumps(record, ensure_ascii=False).encode("utf-8")
    assert b"\\u0000" not in encoded


def test_a_letter_cut_at_every_byte_gives_a_record() -> None:
    raw = multipart(
        "Content-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU",
        file_part("filename*=utf-8''%D0%BF.pdf"),
        subject="=?utf-8?b?0J/RkdGC0YA=?=",
    )
    for end in range(len(raw)):
        assert inspect(raw[:end])["kind"] == "message"
