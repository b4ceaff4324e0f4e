"""What labels mean, in Russian and English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.webforms.labels import Meaning, click_id_name, meaning_of, utm_name

CASES = {
    Meaning.NAME: ["name", "Name", "your-name", "Имя", "Ваше имя *", "ФИО", "Как вас зовут?", "Как к вам обращаться",
                   "fio", "full_name", "fullName", "user_name", "form-your-name-1".replace("form-", ""), "Name_2"],
    Meaning.FIRST_NAME: ["first_name", "First Name", "firstName", "fname", "given-name"],
    Meaning.LAST_NAME: ["last_name", "Last name", "lastname", "Фамилия", "surname", "family_name"],
    Meaning.MIDDLE_NAME: ["Отчество", "middle_name", "patronymic"],
    Meaning.PHONE: ["phone", "Phone", "tel", "tel-123", "Телефон", "Ваш телефон:", "Номер телефона", "Номер", "mobile",
                    "phone_number", "phoneNumber", "Моб. телефон", "WhatsApp", "user.phone", "Phone_2"],
    Meaning.EMAIL: ["email", "E-mail", "e_mail", "Email Address", "Почта", "Электронная почта", "Ваш e-mail *", "mail",
                    "Адрес электронной почты", "userEmail"],
    Meaning.COMPANY: ["company", "Компания", "company_name", "companyName", "Название организации", "Organization"],
    Meaning.MESSAGE: ["message", "Сообщение", "Комментарий к заказу", "comment", "Ваш вопрос", "your-message",
                      "Textarea"],
    Meaning.SUBJECT: ["subject", "your-subject", "Тема"],
    Meaning.CONTACT: ["Контакт", "contact", "Контактные данные"],
    Meaning.CONSENT: ["agree", "acceptance-42", "Согласие на обработку персональных данных", "privacy_policy",
                      "Я согласен с политикой конфиденциальности и даю согласие на рассылку писем по e-mail", "gdpr"],
    Meaning.UTM: ["utm_source", "UTM_Campaign", "extra.utm.source", "utm_yandex_term", "fields.utm_content"],
    Meaning.CLICK_ID: ["gclid", "yclid", "fbclid", "_ym_uid", "ym_uid", "ga", "_ga", "GCLID", "hidden.yclid"],
    Meaning.PAGE: ["page", "page_url", "source_url", "Страница", "extra.href"],
    Meaning.REFERER: ["referer", "Referrer", "http_referer"],
    Meaning.COOKIES: ["COOKIES", "extra.cookies"],
    Meaning.SOURCEBUSTER: ["sbjs_current", "sbjs_first"],
    Meaning.SERVICE: ["_gotcha", "g-recaptcha-response", "csrf_token", "_charset_"],
    Meaning.IP: ["ip", "remote_ip"],
    Meaning.USER_AGENT: ["user_agent"],
    Meaning.OTHER: ["", "Город", "city", "form.name", "form_name", "product_name", "Количество", "42", "quiz.name",
                    "Почтовый индекс", "Модель телефона", "Имя файла", "Название", "mailing", "address", "budget",
                    "***",
                    "В каком городе находится ваша компания и сколько в ней человек"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("label", "meaning"), [(label, meaning) for meaning, labels in CASES.items() for label in labels]
)
def test_label_means(label: str, meaning: Meaning) -> None:
    assert meaning_of(label) is meaning


def test_every_meaning_has_a_case() -> None:
    assert set(CASES) == set(Meaning)


@pytest.mark.parametrize(
    ("label", "name"),
    [("utm_source", "source"), ("UTM_Source", "source"), ("extra.utm.term", "term"), ("utm_id", "id"), ("utm", None),
     ("my_utm_source", "source"), ("utm_", None), ("source", None)],
)  # fmt: skip
def test_utm_names(label: str, name: str | None) -> None:
    assert utm_name(label) == name


def test_click_ids_have_one_name_each() -> None:
    assert click_id_name("_ym_uid") == click_id_name("extra.ym_uid") == "ym_uid"
    assert click_id_name("phone") is None


def test_what_was_sent_along_is_told_from_what_was_filled_in() -> None:
    assert Meaning.OTHER.filled_in
    assert Meaning.CONSENT.filled_in
    assert not Meaning.UTM.filled_in
    assert not Meaning.SERVICE.filled_in


@given(st.text(max_size=60))
def test_any_label_has_a_meaning(label: str) -> None:
    assert meaning_of(label) in Meaning
