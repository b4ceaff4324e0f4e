"""Forms that come by mail, the person in them, and phones in running text."""

from __future__ import annotations

import pytest

from gateway.core.types import Json
from gateway.mail.understand.form import find_form
from gateway.mail.understand.phones import find_phones
from tests.unit.mail.letters import inspect, letter_bytes

SITE = {"from": "Сайт <noreply@firm.ru>", "to": "sales@firm.ru", "subject": "Заявка с сайта"}


@pytest.mark.parametrize(
    "text",
    [
        "Имя: Ольга\nТелефон: 8 (903) 111-22-33\nE-mail: olga@ya.ru\nСообщение: Нужны окна",
        (
            "Заявка с сайта firm.ru\n\nИмя:\tОльга\nТелефон:\t8 (903) "
            "111-22-33\nE-mail:\tolga@ya.ru\nСообщение:\tНужны окна"
        ),
        "*Имя:* Ольга\n*Телефон:* 8 (903) 111-22-33\n*E-mail:* olga@ya.ru\n*Сообщение:* Нужны окна\n",
        "Имя - Ольга\nТелефон - 8 (903) 111-22-33\nE-mail - olga@ya.ru\nСообщение - Нужны окна",
        "Имя\nОльга\nТелефон\n8 (903) 111-22-33\nE-mail\nolga@ya.ru\nСообщение\nНужны окна",
        "| Имя | Ольга |\n| Телефон | 8 (903) 111-22-33 |\n| E-mail | olga@ya.ru |\n| Сообщение | Нужны окна |",
        "Имя=Ольга\nТелефон=8 (903) 111-22-33\nE-mail=olga@ya.ru\nСообщение=Нужны окна",
    ],
    ids=["colons", "tabs", "bold", "dashes", "stacked", "pipes", "equals"],
)
def test_a_form_is_read_in_every_common_shape(text: str) -> None:
    record = inspect(letter_bytes(text, **SITE))
    fields = {"Имя": "Ольга", "Телефон": "8 (903) 111-22-33", "E-mail": "olga@ya.ru", "Сообщение": "Нужны окна"}
    assert {name: record["form_fields"].get(name) for name in fields} == fields
    assert record["customer"] == {"name": "Ольга", "email": "olga@ya.ru", "phones": ["+79031112233"]}


def test_a_form_in_an_html_table_is_read() -> None:
    rows = "".join(
        f"<tr><td><b>{name}</b></td><td>{value}</td></tr>"
        for name, value in {"Name": "Olga", "Phone": "+79031112233", "Message": "Hi"}.items()
    )
    record = inspect(
        letter_bytes(f"<h2>New request</h2><table>{rows}</table>", content_type="text/html; charset=utf-8", **SITE)
    )
    assert record["form_fields"] == {"Name": "Olga", "Phone": "+79031112233", "Message": "Hi"}
    assert record["customer"]["phones"] == ["+79031112233"]


BUILDERS = {
    "Tilda": (
        "Request details:\nName: Olga\nPhone: +7 (903) 111-22-33\n\nAdditional information:\nForm Name: Cart\n-----\n",
        {"Name": "Olga", "Phone": "+7 (903) 111-22-33", "Form Name": "Cart"},
    ),
    "Bitrix": (
        (
            "Вам было отправлено сообщение через форму обратной связи\n\nАвтор: Olga\nТелефон автора: 89031112233\n\n"
            "Текст сообщения:\nНужны окна\nи двери\n\nСообщение сгенерировано автоматически.\n"
        ),
        {"Автор": "Olga", "Телефон автора": "89031112233", "Текст сообщения": "Нужны окна\nи двери"},
    ),
    "chat": (
        "Имя посетителя: Olga\nНомер телефона: 79031112233\nСообщение: Нужны окна\n",
        {"Имя посетителя": "Olga", "Номер телефона": "79031112233", "Сообщение": "Нужны окна"},
    ),
}


@pytest.mark.parametrize(("text", "fields"), BUILDERS.values(), ids=BUILDERS)
def test_the_letters_of_site_builders_are_forms(text: str, fields: dict[str, str]) -> None:
    record = inspect(letter_bytes(text, **SITE))
    assert record["form_fields"] == fields
    assert record["customer"] == {"name": "Olga", "email": None, "phones": ["+79031112233"]}


def test_an_address_that_nobody_answers_is_nobodys_handle() -> None:
    record = inspect(letter_bytes("Звонил 8 926 123-45-67", **{"from": "АТС <no-reply@pbx.ru>"}))
    assert record["customer"] == {"name": "АТС", "email": None, "phones": ["+79261234567"]}


def test_a_message_of_several_lines_is_one_value() -> None:
    form = find_form("Name: Olga\nPhone: 1\nMessage: one\n\ntwo\nthree\n\n--\nThis e-mail was sent from a contact form")
    assert form is not None
    assert form.fields["Message"] == "one\n\ntwo\nthree"


def test_the_contact_form_of_wordpress_is_a_form_and_no_forward() -> None:
    text = (
        "From: Ольга <olga@ya.ru>\nSubject: Вопрос\n\nMessage Body:\nНужны "
        "окна\n\n-- \nThis e-mail was sent from a contact form"
    )
    record = inspect(letter_bytes(text, **{**SITE, "from": "wordpress@firm.ru"}, reply_to="olga@ya.ru"))
    assert record["form_fields"]["Message Body"] == "Нужны окна"
    assert record["customer"]["email"] == "olga@ya.ru"
    assert record["customer"]["name"] == "Ольга"


def test_empty_fields_stay_in_the_form() -> None:
    form = find_form("Имя: Ольга\nТелефон: 8 903 111-22-33\nКомментарий:\n")
    assert form is not None
    assert form.fields == {"Имя": "Ольга", "Телефон": "8 903 111-22-33", "Комментарий": ""}


@pytest.mark.parametrize(
    "text",
    [
        "Добрый день!\n\nНужны окна. Мой телефон: 8 903 111-22-33\nСпасибо.",
        "Здравствуйте.\nВопрос: есть ли доставка?",
        "Сообщаем, что\nмы переехали.\nНовый офис рядом.\n\nMobile: +7 903 111-22-33\nEmail: a@b.ru\nАдрес: Москва",
        "Join the meeting\nfrom anywhere\nor from afar\nas you like\nJoin by phone: 030 901820\nQuestion: see below",
        "https://firm.ru/page\nСмотрите тут: цена не та",
        "",
        "Нужны окна.\n\nС уважением,\nИван\nтел.: 8 903 111-22-33\ne-mail: i@x.ru",
    ],
)
def test_a_letter_that_people_write_is_no_form(text: str) -> None:
    assert inspect(letter_bytes(text))["form_fields"] is None


@pytest.mark.parametrize(
    ("headers", "email"),
    [
        ({"from": "noreply@firm.ru", "reply_to": "olga@ya.ru"}, "olga@ya.ru"),
        ({"from": "wordpress@site.ru", "reply_to": "olga@ya.ru"}, "olga@ya.ru"),
        ({"from": "office@firm.ru", "reply_to": "olga@ya.ru"}, "olga@ya.ru"),
        ({"from": "ivan@mail.ru", "reply_to": "ivan@work.ru"}, "ivan@mail.ru"),
        ({"from": "ivan@mail.ru", "to": "boss@mail.ru", "reply_to": "ivan@work.ru"}, "ivan@mail.ru"),
        ({"from": "Ivan <ivan@mail.ru>"}, "ivan@mail.ru"),
        ({"from": "", "sender": "ivan@mail.ru"}, "ivan@mail.ru"),
        ({"from": "", "reply_to": "ivan@mail.ru"}, "ivan@mail.ru"),
    ],
)
def test_reply_to_is_the_customer_where_the_site_writes_for_others(headers: dict[str, str], email: str) -> None:
    assert inspect(letter_bytes("Нужны окна", **headers))["customer"]["email"] == email


def test_the_site_itself_is_never_the_customer_of_its_form() -> None:
    record = inspect(letter_bytes("Имя: Ольга\nТелефон: 8 903 111-22-33", **SITE))
    assert record["customer"] == {"name": "Ольга", "email": None, "phones": ["+79031112233"]}


def test_first_and_last_name_are_one_name() -> None:
    record: dict[str, Json] = inspect(
        letter_bytes("First name: Olga\nLast name: Orlova\nPhone: +7 903 111-22-33", **SITE)
    )
    assert record["customer"]["name"] == "Olga Orlova"


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("тел. 8 926 123 45 67", ["+79261234567"]),
        ("Мой номер +7 (926) 123-45-67, звоните", ["+79261234567"]),
        ("89261234567", ["+79261234567"]),
        ("9261234567 это я", ["+79261234567"]),
        ("8-800-555-35-35", ["+78005553535"]),
        ("Моб.: +7-926-123-45-67, факс 8(495)7654321", ["+79261234567", "+74957654321"]),
        ("+7 (495) 123-45-67 доб. 12", ["+74951234567"]),
        ("+49 30 901820", ["+4930901820"]),
        ("заказ от 12.05, мой телефон 89261234567", ["+79261234567"]),
        ("+79261234567 и ещё раз 8 926 123-45-67", ["+79261234567"]),
        ("Заказ 89261234567", []),
        ("заказ № 89261234567", []),
        ("№ 8926123-45-67", []),
        ("order no. 79261234567", []),
        ("ИНН 7707083893", []),
        ("ИНН: 9261234567", []),
        ("ИНН 500100732259, КПП 926123456", []),
        ("ОГРН 1027700132195", []),
        ("Счёт 40702810900000012345", []),
        ("БИК 044525225", []),
        ("сумма 1 500 000", []),
        ("12.05.2026 10:00", []),
        ("https://x.ru/?id=79261234567", []),
        ("трек-номер 80085512345678", []),
        ("4276 1234 5678 9012", []),
        ("нет телефона", []),
        ("", []),
    ],
)
def test_phones_are_found_and_other_numbers_are_not(text: str, phones: list[str]) -> None:
    assert find_phones(text, "RU") == phones


def test_the_region_reads_national_numbers() -> None:
    assert find_phones("phone 030 901820", "DE") == ["+4930901820"]
    assert find_phones("тел. 8 701 123 45 67", "KZ") == ["+77011234567"]


def test_phones_come_from_words_and_signature_and_never_from_the_history() -> None:
    text = (
        "Звоните 8 926 123-45-67\n\nС уважением,\nИван\nтел. 8 495 123-45-67\n\nпн, 5 окт. "
        "2026 г. в 10:00, Анна <a@firm.ru>:\n> наш тел. 8 800 555-35-35"
    )
    assert inspect(letter_bytes(text))["customer"]["phones"] == ["+79261234567", "+74951234567"]
