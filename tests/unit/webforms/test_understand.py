"""Who, what and from where: from a submission to a Draft."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.types import Direction, Kind, Phase
from gateway.webforms.settings import FormSettings
from gateway.webforms.understand import understand
from tests.unit.webforms.reading import FORM, JSON, NOW, URLENCODED, draft, emails, phones, submission, urlencoded


def test_a_plain_form_is_understood_whole() -> None:
    drafted = draft(
        urlencoded(("Имя", "Иван"), ("Телефон", "8 (926) 123-45-67"), ("Компания", "ООО Насос"),
                   ("Сообщение", "Сколько?"), ("Город", "Тула"), ("utm_source", "yandex"), ("page", "https://shop.example/?utm_term=pump")),
        address="203.0.113.5", user_agent="Mozilla/5.0", browser=True,
    )  # fmt: skip
    assert (drafted.direction, drafted.phase, drafted.kind) == (Direction.INBOUND, Phase.ENDED, Kind.MESSAGE)
    assert drafted.occurred_at == NOW
    assert (drafted.name, drafted.company, drafted.line) == ("Иван", "ООО Насос", "site")
    assert phones(drafted) == ["+79261234567"]
    assert drafted.text == "Сколько?\n\nГород: Тула"
    assert list(drafted.fields) == ["Имя", "Телефон", "Компания", "Сообщение", "Город"]
    assert drafted.source.name == "Main site"
    assert drafted.source.utm == {"source": "yandex", "term": "pump"}
    assert drafted.details == {"preset": "html", "ip": "203.0.113.5", "user_agent": "Mozilla/5.0"}
    assert drafted.problems == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8 (812) 765-43-21", ["+78127654321"]),
        ("+7 926 123-45-67", ["+79261234567"]),
        ("9261234567", ["+79261234567"]),
        ("89161234567 доб. 12", ["+79161234567"]),
        ("+7 926 123-45-67, +7 916 123-45-67", ["+79261234567", "+79161234567"]),
        ("89261234567 или 89161234567", ["+79261234567", "+79161234567"]),
        ("+998 90 123 45 67", ["+998901234567"]),
        ("123-45-67", []),
        ("call me", []),
        ("9" * 5_000, []),
    ],
)
def test_phones_as_people_type_them(value: str, expected: list[str]) -> None:
    drafted = draft(urlencoded(("Телефон", value)))
    assert phones(drafted) == expected
    assert drafted.fields["Телефон"] == value
    assert ("Телефон: " in drafted.text) is (not expected)  # what is no number stays readable


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Ivan@Example.com", ["ivan@example.com"]), ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
     ("ivan@", []), ("иван@почта.рф", ["иван@xn--80a1acny.xn--p1ai"])],
)  # fmt: skip
def test_addresses_as_people_type_them(value: str, expected: list[str]) -> None:
    assert emails(draft(urlencoded(("email", value)))) == expected


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([("Имя", "Иван"), ("Фамилия", "Петров"), ("Отчество", "Ильич")], "Иван Ильич Петров"),
        ([("first_name", "Ivan"), ("last_name", "Petrov")], "Ivan Petrov"),
        ([("name", "Ivan Petrov"), ("first_name", "Ivan"), ("last_name", "Petrov")], "Ivan Petrov"),
        ([("first_name", "Ivanova"), ("last_name", "Ivan")], "Ivanova Ivan"),
        ([("ФИО", "Петров Иван")], "Петров Иван"),
        ([("city", "Tula")], None),
    ],
)
def test_names_are_put_together(pairs: list[tuple[str, str]], name: str | None) -> None:
    assert draft(urlencoded(*pairs)).name == name


def test_a_contact_field_takes_a_phone_or_an_address() -> None:
    assert phones(draft(urlencoded(("Контакт", "8 926 123-45-67")))) == ["+79261234567"]
    assert emails(draft(urlencoded(("Контакт", "ivan@example.com")))) == ["ivan@example.com"]


def test_unlabelled_answers_written_like_a_number_or_address_are_found() -> None:
    drafted = draft(urlencoded(("q1", "+7 (926) 123-45-67"), ("q2", "ivan@example.com"), ("q3", "blue")))
    assert (phones(drafted), emails(drafted)) == (["+79261234567"], ["ivan@example.com"])
    assert drafted.text == "q3: blue"


def test_order_numbers_and_tax_ids_are_no_phones() -> None:
    drafted = draft(urlencoded(("ИНН", "7707083893"), ("Заказ", "89261234567"), ("order", "79261234567")))
    assert drafted.handles == ()


def test_the_same_handle_twice_is_one() -> None:
    assert len(draft(urlencoded(("phone", "89261234567"), ("tel", "+7 926 123-45-67"))).handles) == 1


def test_a_repeated_label_keeps_all_its_answers() -> None:
    drafted = draft(b"room=1&room=2&room=3")
    assert drafted.fields == {"room": "1", "room (2)": "2", "room (3)": "3"}
    assert drafted.text == "room: 1\nroom: 2\nroom: 3"


def test_a_second_subject_stays_in_the_text() -> None:
    drafted = draft(urlencoded(("subject", "Pump"), ("тема", "Urgent")))
    assert (drafted.subject, drafted.text) == ("Pump", "тема: Urgent")


def test_a_consent_that_is_an_answer_stays_in_the_text() -> None:
    ticked = draft(urlencoded(("agree", "on")))
    assert (ticked.text, ticked.details["consent"]) == ("", {"agree": "on"})
    assert draft(urlencoded(("agree", "only by mail"))).text == "agree: only by mail"


def test_source_goes_by_fields_then_cookies_then_the_page() -> None:
    drafted = draft(
        urlencoded(
            ("utm_source", "field"),
            ("COOKIES", "TILDAUTM=utm_source%3Dcookie%7C%7C%7Cutm_medium%3Dcookie"),
            ("page_url", "https://x.example/?utm_source=page&utm_medium=page&utm_term=page&fbclid=1"),
            ("referer", "https://ya.example/"),
        ),
        referer="https://other.example/",
    )
    assert drafted.source.utm == {"source": "field", "medium": "cookie", "term": "page"}
    assert drafted.source.click_ids == {"fbclid": "1"}
    assert drafted.source.referer == "https://ya.example/"


def test_the_page_is_the_referer_of_a_browser_and_the_address_carries_tags_too() -> None:
    drafted = draft(b"phone=1", referer="https://x.example/p?yclid=5", query=(("utm_source", "link"), ("utm_term", "")))
    assert drafted.source.page == "https://x.example/p?yclid=5"
    assert drafted.source.utm == {"source": "link"}
    assert drafted.source.click_ids == {"yclid": "5"}


@pytest.mark.parametrize("page", ["http://[", "not an address", "http://x/?" + "a=1&" * 5_000, "?utm_source=%FF"])
def test_strange_pages_do_no_harm(page: str) -> None:
    assert draft(urlencoded(("page", page))).source.page


def test_a_hooks_own_address_is_not_taken_for_the_visitors() -> None:
    drafted = draft(b"phone=1", address="198.51.100.1", user_agent="WordPress/6.5")
    assert "ip" not in drafted.details
    assert "user_agent" not in drafted.details


def test_an_empty_submission_is_a_test() -> None:
    for raw in (b"", b"&&", b"a=&b=", b"{}"):
        drafted = draft(raw)
        assert drafted.kind is Kind.TEST, raw
        assert "The submission was empty." in drafted.problems


def test_answers_in_the_address_are_taken_when_the_body_is_empty() -> None:
    drafted = draft(b"", query=(("phone", "89261234567"), ("utm_source", "x")))
    assert (drafted.kind, phones(drafted)) == (Kind.MESSAGE, ["+79261234567"])
    assert drafted.source.utm == {"source": "x"}


def test_a_foreign_origin_is_said_and_the_submission_kept() -> None:
    form = FormSettings(key="site", origins=("https://shop.example",))
    assert draft(b"phone=1", form=form, origin="https://shop.example").problems == ()
    assert "https://evil.example" in draft(b"phone=1", form=form, origin="https://evil.example").problems[0]


def test_quarantine_makes_it_spam_and_a_test_stays_a_test() -> None:
    for raw, kind in ((b"phone=1", Kind.SPAM), (b"test=test", Kind.TEST)):
        drafted = understand(submission(raw), FORM, region="RU", received_at=NOW, quarantine=True).draft
        assert (drafted.kind, drafted.details["quarantine"]) == (kind, True)


def test_what_can_not_be_told_apart_is_text() -> None:
    drafted = draft("Перезвоните мне 8 926 123-45-67", "text/plain")
    assert drafted.text == "Перезвоните мне 8 926 123-45-67"
    assert drafted.kind is Kind.MESSAGE


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([URLENCODED, JSON, "multipart/form-data; boundary=B", ""]))
def test_any_bytes_give_a_draft_that_can_be_stored(raw: bytes, content_type: str) -> None:
    drafted = draft(raw, content_type)
    repr((drafted.text, dict(drafted.fields), drafted.source, drafted.name)).encode("utf-8")
    assert "\0" not in drafted.text


answers = st.dictionaries(
    st.sampled_from(["Имя", "phone", "email", "Город", "comment", "utm_source", "fields[x][value]", "Контакт"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
    min_size=1,
)


@settings(max_examples=200, deadline=None)
@given(answers)
def test_nothing_that_was_filled_in_is_lost(pairs: dict[str, str]) -> None:
    drafted = draft(urlencoded(*pairs.items()))
    shown = [*drafted.fields.values(), *drafted.source.utm.values()]
    for value in pairs.values():
        assert not value.strip() or value.strip() in shown
    readable = (
        drafted.text,
        drafted.name or "",
        *(handle.value for handle in drafted.handles),
        *drafted.source.utm.values(),
    )
    assert any(readable) or not any(value.strip() for value in pairs.values())
