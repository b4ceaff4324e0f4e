"""What the site builders really post (bodies synthetic, shaped as their documentation and users show)."""

from __future__ import annotations

import json

import pytest

from gateway.core.types import Kind
from gateway.webforms.presets import PRESET_NAMES, PRESETS, preset_named
from gateway.webforms.settings import FormSettings
from tests.unit.webforms.reading import JSON, draft, emails, multipart, phones, read, urlencoded

COOKIES = (
    "_ym_uid=1700000000123456789; _ga=GA1.2.1234567890.1700000000; session=secret; TILDAUTM="
    "utm_source%3Dyandex%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7Cutm_campaign%3D%D0%BD%D0%B0%D1%81%D0%BE%D1%81%D1%8B%7C%7C%7C"
)
TILDA = [
    ("Name", "Иван"), ("Phone", "+7 (926) 123-45-67"), ("Email", "ivan@example.com"), ("Checkbox", "yes"),
    ("Город", "Москва"), ("tranid", "1111111:6161583731"), ("formid", "form42"), ("formname", "Заявка"),
    ("COOKIES", COOKIES),
]  # fmt: skip
ELEMENTOR = [
    ("form[id]", "a1b2c3"), ("form[name]", "Contact form"),
    ("fields[name][id]", "name"), ("fields[name][type]", "text"), ("fields[name][title]", "Ваше имя"),
    ("fields[name][value]", "Иван"), ("fields[name][raw_value]", "Иван"), ("fields[name][required]", "1"),
    ("fields[f7][id]", "f7"), ("fields[f7][type]", "tel"), ("fields[f7][title]", "Как позвонить"),
    ("fields[f7][value]", "8 926 123-45-67"), ("fields[f7][raw_value]", "8 926 123-45-67"),
    ("fields[f8][type]", "textarea"), ("fields[f8][title]", ""), ("fields[f8][value]", "Сколько стоит?"),
    ("fields[f9][type]", "acceptance"), ("fields[f9][title]", "Политика"), ("fields[f9][value]", "on"),
    ("fields[utm_source][type]", "hidden"), ("fields[utm_source][title]", "Источник"),
    ("fields[utm_source][value]", "google"),
    ("meta[date][title]", "Date"), ("meta[date][value]", "22.11.2026"),
    ("meta[page_url][title]", "Page URL"), ("meta[page_url][value]", "https://shop.example/pump?utm_medium=cpc&gclid=Cj0"),
    ("meta[user_agent][value]", "Mozilla/5.0"), ("meta[remote_ip][value]", "203.0.113.5"), ("meta[credit][value]", "x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [(urlencoded(*TILDA), "application/x-www-form-urlencoded"), (json.dumps(dict(TILDA)).encode(), JSON)],
    ids=["hook", "marketplace"],
)
def test_tilda(raw: bytes, content_type: str) -> None:
    understood = read(raw, content_type)
    drafted = understood.draft
    assert understood.sender_id == "1111111:6161583731"
    assert (drafted.name, phones(drafted), emails(drafted)) == ("Иван", ["+79261234567"], ["ivan@example.com"])
    assert list(drafted.fields) == ["Name", "Phone", "Email", "Checkbox", "Город"]
    assert drafted.text == "Город: Москва"
    assert drafted.source.utm == {"source": "yandex", "medium": "cpc", "campaign": "насосы"}
    assert drafted.source.click_ids == {"ym_uid": "1700000000123456789", "ga": "1234567890.1700000000"}
    assert drafted.details["preset"] == "tilda"
    assert drafted.details["form_name"] == "Заявка"
    assert drafted.details["consent"] == {"Checkbox": "yes"}
    assert "secret" not in repr(drafted)


def test_tilda_ping_is_a_test_and_nothing_else_is() -> None:
    assert draft(b"test=test").kind is Kind.TEST
    assert draft(b"test=test&phone=89261234567").kind is Kind.MESSAGE
    assert draft(b"test=1").kind is Kind.MESSAGE


@pytest.mark.parametrize("as_json", [False, True])
def test_elementor_with_advanced_data(as_json: bool) -> None:
    if as_json:
        tree: dict[str, dict[str, object]] = {}
        for name, value in ELEMENTOR:
            place: dict[str, object] = tree  # type: ignore[assignment]
            *inner, last = name.replace("]", "").split("[")
            for part in inner:
                place = place.setdefault(part, {})  # type: ignore[assignment]
            place[last] = value
        drafted = draft(json.dumps(tree), JSON)
    else:
        drafted = draft(urlencoded(*ELEMENTOR))
    assert (drafted.name, phones(drafted)) == ("Иван", ["+79261234567"])
    assert drafted.fields == {
        "Ваше имя": "Иван", "Как позвонить": "8 926 123-45-67", "f8": "Сколько стоит?", "Политика": "on",
    }  # fmt: skip
    assert drafted.text == "Сколько стоит?"
    assert drafted.source.page == "https://shop.example/pump?utm_medium=cpc&gclid=Cj0"
    assert drafted.source.utm == {"source": "google", "medium": "cpc"}
    assert drafted.source.click_ids == {"gclid": "Cj0"}
    assert drafted.details == {
        "preset": "elementor", "form_id": "a1b2c3", "form_name": "Contact form", "ip": "203.0.113.5",
        "user_agent": "Mozilla/5.0", "consent": {"Политика": "on"},
    }  # fmt: skip


def test_elementor_simple_shape() -> None:
    drafted = draft(
        urlencoded(
            ("Name", "Ivan"), ("Email", "ivan@example.com"), ("No Label f3", "Hello"), ("Date", "November 22, 2026"),
            ("Time", "9:00 am"), ("Page URL", "https://shop.example/"), ("User Agent", "Mozilla/5.0"),
            ("Remote IP", "203.0.113.5"), ("Powered by", "Elementor"), ("form_id", "a1"), ("form_name", "Contact form"),
        )
    )  # fmt: skip
    assert (drafted.name, emails(drafted)) == ("Ivan", ["ivan@example.com"])
    assert drafted.fields == {"Name": "Ivan", "Email": "ivan@example.com", "No Label f3": "Hello"}
    assert drafted.source.page == "https://shop.example/"
    assert (drafted.details["preset"], drafted.details["ip"]) == ("elementor", "203.0.113.5")


@pytest.mark.parametrize("as_json", [False, True])
def test_contact_form_7(as_json: bool) -> None:
    pairs = [
        ("_wpcf7", "12"), ("_wpcf7_version", "5.9"), ("_wpcf7_unit_tag", "wpcf7-f12-p5-o1"), ("your-name", "Ivan"),
        ("your-email", "ivan@example.com"), ("your-subject", "Pump"), ("your-message", "How much?"),
        ("tel-123", "+7 926 123 45 67"), ("menu-5", "Moscow"), ("acceptance-9", "1"),
        ("sbjs_current", "typ=utm|||src=yandex|||mdm=cpc|||cmp=pumps|||cnt=(none)|||trm=(none)"),
    ]  # fmt: skip
    drafted = draft(json.dumps(dict(pairs)), JSON) if as_json else draft(urlencoded(*pairs))
    assert (drafted.name, drafted.subject) == ("Ivan", "Pump")
    assert (phones(drafted), emails(drafted)) == (["+79261234567"], ["ivan@example.com"])
    assert drafted.text == "How much?\n\nmenu-5: Moscow"
    assert not [label for label in drafted.fields if label.startswith(("_wpcf7", "sbjs"))]
    assert drafted.source.utm == {"source": "yandex", "medium": "cpc", "campaign": "pumps"}
    assert drafted.details["preset"] == "contact_form_7"


def test_plain_html_form_with_control_fields() -> None:
    drafted = draft(
        urlencoded(("form-name", "order"), ("_subject", "Order"), ("_replyto", "ivan@example.com"),
                   ("_next", "/thanks"), ("user[first_name]", "Ivan"), ("user[last_name]", "Petrov"),
                   ("colours[]", "red"), ("colours[]", "blue"))
    )  # fmt: skip
    assert (drafted.name, drafted.subject, emails(drafted)) == ("Ivan Petrov", "Order", ["ivan@example.com"])
    assert drafted.fields["colours"] == "red, blue"
    assert drafted.details == {"preset": "html", "form_name": "order"}


def test_multipart_form_with_a_photo() -> None:
    raw, content_type = multipart(("Телефон", b"8 926 123-45-67"), ("photo", b"\x89PNG", "крыша.png"))
    drafted = draft(raw, content_type)
    assert phones(drafted) == ["+79261234567"]
    assert [(file.name, file.size) for file in drafted.attachments] == [("крыша.png", 4)]


def test_generic_json_of_any_nesting() -> None:
    drafted = draft(
        json.dumps(
            {
                "contacts": {"name": "Иван", "phone": "+79261234567", "email": "ivan@example.com"},
                "answers": [{"q": "Сколько комнат?", "a": "3"}, {"q": "Бюджет", "a": ["до 100", "торг"]}],
                "product": {"id": "q1", "name": "Ремонт"},
                "extra": {"utm": {"source": "vk"}, "href": "https://quiz.example/?yclid=77", "cookies": "_ym_uid=5"},
            }
        ),
        JSON,
    )
    assert (drafted.name, phones(drafted)) == ("Иван", ["+79261234567"])
    assert drafted.text == "Сколько комнат?: 3\nБюджет: до 100, торг\nproduct.id: q1\nproduct.name: Ремонт"
    assert drafted.source.utm == {"source": "vk"}
    assert drafted.source.click_ids == {"ym_uid": "5", "yclid": "77"}
    assert drafted.details["preset"] == "json"


def test_the_last_preset_takes_anything_and_names_are_unique() -> None:
    assert len(set(PRESET_NAMES)) == len(PRESETS)
    assert preset_named("html") is PRESETS[-1]
    assert preset_named("nonsense") is None
    assert draft(b"").details["preset"] == "html"


def test_a_configured_preset_wins_where_it_fits_and_else_says_so() -> None:
    form = FormSettings(key="site", preset="tilda")
    assert draft(urlencoded(*TILDA), form=form).details["preset"] == "tilda"
    other = draft(b"name=Ivan", form=form)
    assert other.name == "Ivan"
    assert other.problems == ("The form's preset is tilda, but this has not its shape: read as html.",)
    plain = FormSettings(key="site", preset="html")
    assert draft(urlencoded(*TILDA), form=plain).details["preset"] == "html"
