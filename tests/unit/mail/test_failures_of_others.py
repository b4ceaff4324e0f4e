"""What users of other systems lost or complained about, as letters: each named by its report. Pure; the
mailboxes' are in tests/integration/mail/test_failures_of_others.py, those of the loops with the acknowledgements.
"""

from __future__ import annotations

import pytest

from gateway.core.types import Direction
from gateway.mail.draft import Ours, make_draft
from gateway.mail.identity import letter_digest
from tests.unit.mail.letters import NOW, cut_off, file_part, inspect, letter_bytes, multipart, read

RUSSIAN = "Добрый день! Сколько стоит доставка окон в Казань? Нужно 12 штук, оплата по счёту."


def test_freescout_5591_one_message_id_for_two_letters_makes_two() -> None:
    first = letter_bytes("Where is my parcel?", message_id="<1@dhl>", date="Mon, 02 Nov 2026 10:00:00 +0000")
    second = letter_bytes("Your parcel has arrived", message_id="<1@dhl>", date="Mon, 02 Nov 2026 10:00:00 +0000")
    assert letter_digest(first, NOW) != letter_digest(second, NOW)


@pytest.mark.parametrize("message_id", ["", "<>", "   ", "@", "<no end"])
def test_freescout_4740_letter_without_a_usable_message_id_is_a_letter(message_id: str) -> None:
    record = inspect(letter_bytes("Hello", message_id=message_id))
    assert record["kind"] == "message"
    assert record["text"] == "Hello"


def test_espocrm_1516_ids_with_and_without_brackets_are_one() -> None:
    letters = [read(letter_bytes("x", message_id=written)) for written in ("<1@example.org>", "1@example.org")]
    assert {letter.message_id for letter in letters} == {"1@example.org"}
    answer = read(letter_bytes("x", in_reply_to="1@example.org", references="<0@x> 1@example.org"))
    assert (answer.in_reply_to, list(answer.references)) == ("1@example.org", ["0@x", "1@example.org"])


@pytest.mark.parametrize("sender", ["", "undisclosed", "=?x?y?z?=", "<>", "a b c <@>"])
def test_osticket_3504_letter_without_a_sender_is_still_a_lead(sender: str) -> None:
    raw = letter_bytes("Please call +7 926 123-45-67", **{"from": sender})
    draft = make_draft(inspect(raw), {}, NOW, Ours.of([], []), "RU")
    assert draft.direction is Direction.INBOUND
    assert [handle.value for handle in draft.handles] == ["+79261234567"]


@pytest.mark.parametrize(
    ("charset", "label"),
    [
        ("koi8-r", None), ("cp1251", None), ("cp866", None), ("cp1251", "us-ascii"), ("cp1251", "utf-8"),
        ("koi8-r", "windows-1251"), ("utf-8", "iso-8859-1"), ("utf-8", None), ("cp1251", "nosuch"),
    ],
)  # fmt: skip
def test_django_helpdesk_9_and_glpi_7876_russian_is_readable_whatever_its_label(
    charset: str, label: str | None
) -> None:
    assert inspect(letter_bytes(RUSSIAN, charset=charset, label=label))["text"] == RUSSIAN


@pytest.mark.parametrize("label", [None, "us-ascii", "iso-2022-jp"])
def test_zammad_6144_iso_2022_jp_is_readable_without_its_name(label: str | None) -> None:
    text = "見積もりをお願いします"
    assert inspect(letter_bytes(text, charset="iso-2022-jp", label=label))["text"] == text


def test_chinese_of_gb18030_is_readable() -> None:
    text = "请报价：十二扇窗户，送货到喀山。㐂"
    assert inspect(letter_bytes(text, charset="gb18030"))["text"] == text


@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "utf-8"])
def test_mail_parser_raw_eight_bit_subject_is_not_lost(charset: str) -> None:
    head = "From: a@b.ru\r\nSubject: Заявка на окна с сайта\r\n\r\n".encode(charset)
    assert inspect(head + b"x")["subject"] == "Заявка на окна с сайта"


def test_mail_parser_letter_that_was_cut_off_in_a_multipart_keeps_what_came() -> None:
    record = inspect(cut_off(multipart("Content-Type: text/plain\n\nHow much?", file_part('filename="a.pdf"'))))
    assert record["text"] == "How much?"
    assert record["customer"]["email"] == "ivan@mail.ru"


def test_helpdesk_2532_bytes_of_no_charset_cost_nothing_but_themselves() -> None:
    raw = b"From: \xff\xfe <ivan@mail.ru>\r\nSubject: =?utf-8?b?0J/RgNC4?= \x81\r\n\r\ncall \xc3\x28 me \xff"
    record = inspect(raw)
    assert record["customer"]["email"] == "ivan@mail.ru"
    assert record["text"].startswith("call ")


def test_freescout_2813_and_5028_forward_by_a_stranger_is_about_the_stranger() -> None:
    raw = letter_bytes(
        "See below\n\n-------- Forwarded Message --------\nSubject: Offer\nFrom: Spammer <spam@else.example>\n"
        "To: ivan@mail.ru\n\nBuy now",
        subject="Fwd: Offer",
    )
    draft = make_draft(inspect(raw), {}, NOW, Ours.of(["sales@firm.ru"], []), "RU")
    assert [handle.value for handle in draft.handles] == ["ivan@mail.ru"]


def test_talon_129_contact_data_in_a_signature_that_is_cut_is_found_and_the_whole_is_kept() -> None:
    text = "Пришлите счёт.\n\n-- \nИван Петров\nООО Ромашка\nтел. 8 926 123-45-67"
    record = inspect(letter_bytes(text))
    assert record["new_text"] == "Пришлите счёт."
    assert record["text"] == text
    assert record["customer"]["phones"] == ["+79261234567"]


def test_osticket_5548_letter_that_is_only_quotation_is_not_empty() -> None:
    draft = make_draft(inspect(letter_bytes("> Когда доставка?\n> Иван")), {}, NOW, Ours.of([], []), "RU")
    assert "Когда доставка?" in draft.text


def test_handesk_295_form_letter_from_the_site_itself_is_about_who_filled_it_in() -> None:
    raw = letter_bytes(
        "Имя: Ольга\nТелефон: 8 926 123-45-67\nСообщение: Перезвоните", **{"from": "noreply@firm.ru"},
        reply_to="olga@ya.ru",
    )  # fmt: skip
    draft = make_draft(inspect(raw), {}, NOW, Ours.of([], ["firm.ru"]), "RU")
    assert draft.direction is Direction.INBOUND
    assert [handle.value for handle in draft.handles] == ["olga@ya.ru", "+79261234567"]


def test_order_numbers_and_tax_numbers_are_no_phones() -> None:
    text = "Заказ 89261234567890, ИНН 7707083893, счёт 40702810900000012345, КПП 770701001"
    assert inspect(letter_bytes(text))["customer"]["phones"] == []


def test_glpi_3611_logo_of_a_signature_is_kept_and_does_not_hide_the_text() -> None:
    html = 'Content-Type: text/html; charset=utf-8\n\n<p>Пришлите счёт</p><img src="cid:logo">'
    logo = "Content-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline\n\nPNG"
    record = inspect(multipart(html, logo, subtype="related"))
    assert record["text"] == "Пришлите счёт"
    assert [file["content_type"] for file in record["attachments"]] == ["image/png"]
