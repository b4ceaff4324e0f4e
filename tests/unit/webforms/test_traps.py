"""The known traps of form builders, each by its name. Trap 15 (a wrong key costs the real sender
nothing) and the road of 3, 9 and 10 to a lead are in the integration tests."""

from __future__ import annotations

import json

import pytest

from gateway.core.types import Kind
from gateway.webforms.once import Once
from gateway.webforms.settings import FormSettings
from tests.unit.webforms import senders
from tests.unit.webforms.reading import JSON, draft, multipart, phones, read, submission, urlencoded


def test_trap_1_elementors_form_name_is_not_the_visitors() -> None:
    drafted = draft(
        urlencoded(
            ("form[id]", "a1"), ("form[name]", "form contacto"), ("fields[name][id]", "name"),
            ("fields[name][title]", "Name"), ("fields[name][value]", "Ivan"),
        )
    )  # fmt: skip
    assert (drafted.name, drafted.details["form_name"]) == ("Ivan", "form contacto")


def test_trap_2_tildas_cookies_give_the_source_and_nothing_else_is_kept() -> None:
    cookies = "session=secret; TILDAUTM=utm_source%3Dvk%7C%7C%7C; _ga=GA1.2.3.4; _ym_uid=17"
    drafted = draft(urlencoded(("Phone", "89261234567"), ("tranid", "1:2"), ("COOKIES", cookies)))
    assert drafted.source.utm == {"source": "vk"}
    assert drafted.source.click_ids == {"ga": "3.4", "ym_uid": "17"}
    assert "secret" not in repr(drafted)


def test_trap_3_tildas_retry_after_a_slow_answer_has_the_same_key() -> None:
    raw = urlencoded(("Phone", "89261234567"), ("tranid", "1:2"))
    keys = {Once().key(submission(raw), read(raw).sender_id, at) for at in (0.0, 61.0, 86_400.0)}
    assert len(keys) == 1


def test_trap_4_a_test_ping_is_no_lead() -> None:
    assert draft(b"test=test").kind is Kind.TEST


def test_trap_5_jotforms_answers_are_json_inside_multipart() -> None:
    fields = [*senders.JOTFORM, ("rawRequest", json.dumps(senders.JOTFORM_RAW))]
    drafted = draft(*multipart(*((name, value.encode()) for name, value in fields)))
    assert (drafted.name, phones(drafted)) == ("Иван Петров", ["+79261234567"])


def test_trap_6_typeforms_questions_stand_in_its_definition() -> None:
    assert "Что нужно?" in draft(json.dumps(senders.TYPEFORM), JSON).fields


def test_trap_7_both_webflow_envelopes_are_one() -> None:
    one, two = (draft(json.dumps(tree), JSON) for tree in (senders.WEBFLOW_V1, senders.WEBFLOW_V2))
    assert one.fields == two.fields
    assert (one.name, one.details["form_name"]) == (two.name, two.details["form_name"])


def test_trap_8_googles_test_data_are_no_lead() -> None:
    assert draft(json.dumps({**senders.GOOGLE_ADS, "is_test": True}), JSON).kind is Kind.TEST


def test_trap_9_metas_thin_lead_is_kept_with_its_number() -> None:
    understood = read(json.dumps(senders.meta_thin("111")), JSON)
    assert (understood.wanted, understood.sender_id, understood.draft.kind) == ("111", "111", Kind.MESSAGE)


def test_trap_10_two_posts_of_one_person_have_one_handle_and_two_keys() -> None:
    one, two = urlencoded(("phone", "8 926 123-45-67")), urlencoded(("Телефон", "+79261234567"), ("q", "x"))
    assert draft(one).handles == draft(two).handles
    assert Once().key(submission(one), None, 0.0) != Once().key(submission(two), None, 0.0)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("8 (812) 765-43-21", ["+78127654321"]),
        ("89161234567 доб. 12", ["+79161234567"]),
        ("123-45-67", []),
        ("+7 926 123-45-67, +7 916 123-45-67", ["+79261234567", "+79161234567"]),
    ],
)
def test_trap_11_phones_as_people_type_them_and_what_is_none_stays_in_the_text(typed: str, expected: list[str]) -> None:
    drafted = draft(urlencoded(("Телефон", typed)))
    assert phones(drafted) == expected
    assert (typed in drafted.text) is (not expected)


def test_trap_12_our_own_hidden_field_is_told_to_password_managers() -> None:
    from gateway.webforms.pages import form_page

    page = form_page(FormSettings(key="site"), "en", "")
    assert 'name="_lg_website" tabindex="-1" autocomplete="off"' in page
    assert "display:none" not in page


@pytest.mark.parametrize("field", ["_gotcha", "_honey", "bot-field", "_lg_website", "fax_2"])
def test_trap_12_a_filled_hidden_field_is_spam_that_is_kept(field: str) -> None:
    form = FormSettings(key="site", honeypot="fax_2")
    drafted = draft(urlencoded(("name", "Ivan"), ("phone", "89261234567"), (field, "http://buy.example")), form=form)
    assert (drafted.kind, drafted.name, phones(drafted)) == (Kind.SPAM, "Ivan", ["+79261234567"])
    assert field in drafted.details["spam"]
    assert field not in drafted.fields
    assert draft(urlencoded(("name", "Ivan"), (field, "")), form=form).kind is Kind.MESSAGE
    assert draft(urlencoded((field, "x")), form=form).kind is Kind.SPAM


def test_trap_13_huge_fields_many_fields_and_deep_json_stay_readable() -> None:
    huge = draft(urlencoded(("phone", "89261234567"), ("photo", "A" * 5_000_000)))
    assert phones(huge) == ["+79261234567"]
    many = draft(urlencoded(("phone", "89261234567"), *((f"f{number}", "x") for number in range(500))))
    assert phones(many) == ["+79261234567"]
    assert "More than" in many.problems[0]
    deep = draft(b'{"phone": "89261234567", "d": ' + b"[" * 500 + b"1" + b"]" * 500 + b"}", JSON)
    assert phones(deep) == ["+79261234567"]
    assert draft(b"[" * 100_000, JSON).problems


def test_trap_14_emoji_right_to_left_nul_and_windows_1251() -> None:
    drafted = draft(urlencoded(("name", "Иван 🙂\0"), ("comment", "\u202eабв")))
    assert drafted.name == "Иван 🙂"
    assert draft(urlencoded(("имя", "Иван"), charset="cp1251")).name == "Иван"


def test_trap_13_files_are_capped_and_programs_are_named() -> None:
    names = ["акт.pdf", "счёт.pdf.EXE", *(f"{number}.png" for number in range(30))]
    drafted = draft(*multipart(("phone", b"89261234567"), *(("file", b"x", name) for name in names)))
    assert len(drafted.attachments) == 20
    assert [problem.split(" ")[0] for problem in drafted.problems] == ["счёт.pdf.EXE", "32"]
