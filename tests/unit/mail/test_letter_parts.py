"""The text and the attachments are those a mail program would show, however broken the form."""

from __future__ import annotations

import base64
import binascii

import pytest

from gateway.mail.parse import Limits, read_attachment, read_letter
from gateway.mail.parse.names import safe_name
from gateway.mail.parse.parameters import parse_parametrised
from tests.unit.mail.letters import NOW, cut_off, file_part, letter_bytes, multipart, read

PLAIN = "Content-Type: text/plain; charset=utf-8\n\nЗдравствуйте"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Здравствуйте</p><p>HTML</p>"


def names(raw: bytes) -> list[str]:
    return [file.name for file in read(raw).attachments]


def test_the_plain_form_of_two_is_the_text() -> None:
    assert read(multipart(PLAIN, HTML, subtype="alternative")).text == "Здравствуйте"


def test_html_is_the_text_where_the_plain_form_is_empty() -> None:
    letter = read(multipart("Content-Type: text/plain\n\n \n", HTML, subtype="alternative"))
    assert letter.text == "Здравствуйте\n\nHTML"
    assert letter.html is not None


def test_texts_of_a_mixed_letter_follow_each_other() -> None:
    assert (
        read(multipart(PLAIN, file_part("filename=a.pdf"), "Content-Type: text/plain\n\nP.S.")).text
        == "Здравствуйте\nP.S."
    )


def test_html_beside_plain_text_is_shown_only_when_it_says_more() -> None:
    same = "Content-Type: text/html; charset=utf-8\n\n<b>Здравствуйте</b>"
    other = "Content-Type: text/html; charset=utf-8\n\n<b>Позвоните на склад</b>"
    assert read(multipart(PLAIN, same)).text == "Здравствуйте"
    assert read(multipart(PLAIN, other)).text == "Здравствуйте\nПозвоните на склад"


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("filename=price.pdf", "price.pdf"),
        ('filename="price list.pdf"', "price list.pdf"),
        ("filename=price list.pdf", "price list.pdf"),
        ('filename="=?utf-8?b?0L/RgNCw0LnRgS5wZGY=?="', "прайс.pdf"),
        ("filename*=utf-8''%D0%BF%D1%80%D0%B0%D0%B9%D1%81.pdf", "прайс.pdf"),
        ("filename*=koi8-r''%D0%D2%C1%CA%D3.pdf", "прайс.pdf"),
        ("filename*0*=utf-8''%D0%BF%D1; filename*1*=%80%D0%B0%D0%B9; filename*2=\"c.pdf\"", "прайc.pdf"),
        ("filename=\"old.pdf\"; filename*=utf-8''new.pdf", "new.pdf"),
        ('filename="прайс.pdf"', "прайс.pdf"),
        ('filename="a\\"b.pdf"', 'a"b.pdf'),
        ('filename="../../../etc/passwd"', "passwd"),
        ('filename="C:\\\\tmp\\\\a.pdf"', "a.pdf"),
        ('filename="safe\u202efdp.exe"', "safefdp.exe"),
        ('filename=""', "attachment-1.pdf"),
        ('filename=".."', "attachment-1.pdf"),
    ],
)
def test_names_of_attachments_are_decoded_and_safe(parameter: str, expected: str) -> None:
    assert names(multipart(PLAIN, file_part(parameter))) == [expected]


def test_a_changed_name_is_a_problem() -> None:
    letter = read(multipart(PLAIN, file_part('filename="../evil.pdf"')))
    assert "The name of an attachment was not safe; it was changed." in letter.problems


def test_a_long_name_keeps_its_extension() -> None:
    assert len(safe_name("я" * 500 + ".xlsx")) == 200
    assert safe_name("я" * 500 + ".xlsx").endswith(".xlsx")


def test_a_name_in_raw_windows_1251_is_repaired() -> None:
    part = (
        file_part('filename="NAME"').replace("\n", "\r\n").encode().replace(b"NAME", "Смета дома.pdf".encode("cp1251"))
    )
    assert names(multipart(PLAIN, part)) == ["Смета дома.pdf"]


def test_size_and_type_of_an_attachment_are_those_of_its_bytes() -> None:
    raw = multipart(PLAIN, file_part("filename=a.bin", b"\0\1" * 1000, "application/x-thing"))
    (file,) = read(raw).attachments
    assert (file.content_type, file.size) == ("application/x-thing", 2000)
    found = read_attachment(raw, 1)
    assert found is not None
    assert found[1] == b"\0\1" * 1000
    assert read_attachment(raw, 2) is None
    assert read_attachment(raw, 0) is None


def test_an_inline_image_is_an_attachment_and_no_text() -> None:
    image = "Content-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline\n\nPNG"
    html = "Content-Type: text/html\n\nHi <img src=cid:logo>"
    letter = read(multipart(html, image, subtype="related"))
    assert letter.text == "Hi"
    assert [file.name for file in letter.attachments] == ["attachment-1.png"]


def test_a_letter_in_a_letter_is_an_attachment_and_its_text_is_not_ours() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: Клиент <c@d.ru>\nSubject: inner\n\nsecret words"
    letter = read(multipart(PLAIN, inner))
    assert letter.text == "Здравствуйте"
    assert [file.content_type for file in letter.attachments] == ["message/rfc822"]
    assert letter.enclosed is not None
    assert letter.enclosed.text("subject") == "inner"


def test_a_letter_that_is_only_a_letter_in_a_letter_shows_what_is_inside() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: c@d.ru\nSubject: inner\n\nCall me"
    assert read(multipart(inner)).text == "Call me"


def test_an_invitation_and_a_winmail_dat_are_attachments() -> None:
    calendar = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"
    tnef = 'Content-Type: application/ms-tnef; name="winmail.dat"\n\nx'
    assert names(multipart(PLAIN, calendar, tnef)) == ["attachment-1.ics", "winmail.dat"]


def test_uuencoded_files_inside_a_text_are_attachments() -> None:
    lines = b"".join(binascii.b2a_uu(b"hello world" * 4) for _ in range(3))
    raw = letter_bytes(b"See file\r\n\r\nbegin 644 report.txt\n" + lines + b"`\nend\n")
    letter = read(raw)
    assert letter.text.strip() == "See file"
    assert [(file.name, file.size) for file in letter.attachments] == [("report.txt", 132)]
    found = read_attachment(raw, 1)
    assert found is not None
    assert found[1] == b"hello world" * 12


def test_a_multipart_cut_off_keeps_what_came() -> None:
    letter = read(cut_off(multipart(PLAIN, file_part("filename=a.pdf"))))
    assert letter.text == "Здравствуйте"
    assert len(letter.attachments) == 1
    assert "The end of a multipart is missing; the letter may be cut off." in letter.problems


def test_a_multipart_without_its_first_boundary_is_text() -> None:
    letter = read(letter_bytes("just words", content_type="multipart/mixed; boundary=B"))
    assert letter.text == "just words"
    assert "A multipart had no parts; its content was read as text." in letter.problems


def test_a_missing_boundary_parameter_is_guessed() -> None:
    raw = letter_bytes("--xyz\nContent-Type: text/plain\n\nhello\n--xyz--\n", content_type="multipart/mixed")
    letter = read(raw)
    assert letter.text == "hello"
    assert any("guessed" in problem for problem in letter.problems)


def test_a_child_with_its_parents_boundary_loses_nothing() -> None:
    inner = 'Content-Type: multipart/alternative; boundary="B"\n\n--B\nContent-Type: text/plain\n\nwords'
    assert read(multipart(inner)).text == "words"


def test_a_boundary_that_begins_like_another_is_another() -> None:
    inner = 'Content-Type: multipart/alternative; boundary="B-2"\n\n--B-2\nContent-Type: text/plain\n\nwords\n--B-2--'
    assert read(multipart(inner, "Content-Type: text/plain\n\nmore")).text == "words\nmore"


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", base64.b64encode("Привет".encode()).decode(), "Привет"),
        ("base64", base64.b64encode("Привет".encode()).decode()[:-1] + "\n--junk", "Приве"),
        ("BASE64", "0J/RgNC40LLQtdGC0", "Привет"),
        ("quoted-printable", "=D0=9F=D1=80=D0=B8=D0=B2=D0=B5=D1=82=\n!", "Привет!"),
        ("quoted-printable", "100=ZZ% =", "100=ZZ% "),
        ("7-bit", "Привет", "Привет"),
        ("x-unknown", "Привет", "Привет"),
    ],
)
def test_transfer_encodings_are_undone_leniently(encoding: str, body: str, expected: str) -> None:
    letter = read(letter_bytes(body, content_transfer_encoding=encoding))
    assert letter.text.startswith(expected[:5])


def test_nul_bytes_are_left_out_and_named() -> None:
    letter = read(letter_bytes(b"one\0two"))
    assert letter.text == "onetwo"
    assert "The text had NUL characters; they were left out." in letter.problems


def test_flowed_text_is_joined_again() -> None:
    raw = letter_bytes(
        "One long \nline.\n> quoted \n> too\n-- \nsig", content_type="text/plain; charset=utf-8; format=flowed"
    )
    assert read(raw).text == "One long line.\n> quoted too\n-- \nsig"


def test_depth_and_number_of_parts_are_bounded_and_named() -> None:
    limits = Limits(depth=3, parts=5)
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(10)).encode()
    many = multipart(*["Content-Type: text/plain\n\nx"] * 20)
    assert (
        "The letter was nested deeper than 3 levels; the rest was not read." in read_letter(deep, NOW, limits).problems
    )
    letter = read_letter(many, NOW, limits)
    assert letter.text == "x\nx\nx\nx"
    assert "The letter had more than 5 parts; the rest was not read." in letter.problems


def test_a_text_beyond_the_limit_is_cut_and_named() -> None:
    letter = read_letter(letter_bytes("word " * 1000), NOW, Limits(text_chars=100))
    assert len(letter.text) == 100
    assert any("was cut" in problem for problem in letter.problems)


def test_a_single_text_with_a_file_name_is_still_the_text() -> None:
    assert read(letter_bytes("words", content_disposition='attachment; filename="a.txt"')).text == "words"


@pytest.mark.parametrize("value", ["", ";", ";;;=", "text/plain; charset", 'a; b="', "a; b=c; b=d; *=x; *0=y"])
def test_nonsense_parameters_are_left_out(value: str) -> None:
    assert parse_parametrised(value).value in ("", "text/plain", "a")
