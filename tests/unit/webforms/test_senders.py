"""Every sender of the table: recognised by its shape alone, and the same person read out of each body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.types import Draft, Kind
from gateway.webforms.presets import PRESET_NAMES, PRESETS
from gateway.webforms.settings import FormSettings
from gateway.webforms.tree import at, rows, said
from tests.unit.webforms import senders
from tests.unit.webforms.reading import JSON, URLENCODED, draft, emails, multipart, phones, read, urlencoded

Sent = tuple[bytes, str]


def as_json(tree: Any) -> Sent:
    return json.dumps(tree).encode(), JSON


def as_urlencoded(pairs: list[tuple[str, str]]) -> Sent:
    return urlencoded(*pairs), URLENCODED


def as_brackets(tree: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A JSON value as PHP posts it."""
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return [pair for key, value in items for pair in as_brackets(value, f"{prefix}[{key}]" if prefix else str(key))]
    return [(prefix, "" if tree is None else str(tree))]


def jotform(request: dict[str, Any]) -> Sent:
    fields = [*senders.JOTFORM, ("rawRequest", json.dumps(request))]
    return multipart(*((name, value.encode()) for name, value in fields))


CASES: dict[str, tuple[str, Sent, str | None]] = {
    "typeform": ("typeform", as_json(senders.TYPEFORM), "a3a12ec67a1365927098a606107fac15"),
    "tally": ("tally", as_json(senders.TALLY), "resp-1"),
    "google_ads": ("google_ads", as_json(senders.GOOGLE_ADS), "TeSter-123"),
    "meta": ("meta", as_json(senders.META_FULL), "111"),
    "webflow v2": ("webflow", as_json(senders.WEBFLOW_V2), "6321"),
    "webflow v1": ("webflow", as_json(senders.WEBFLOW_V1), "6321"),
    "marquiz": ("marquiz", as_json(senders.MARQUIZ), None),
    "marquiz urlencoded": ("marquiz", as_urlencoded(as_brackets(senders.MARQUIZ)), None),
    "hubspot": ("hubspot", as_json(senders.HUBSPOT), "c-1"),
    "jotform": ("jotform", jotform(senders.JOTFORM_RAW), "5001"),
    "gravity_forms": ("gravity_forms", as_json(senders.GRAVITY), "5:17"),
    "gravity_forms urlencoded": ("gravity_forms", as_urlencoded(as_brackets(senders.GRAVITY)), "5:17"),
    "wpforms fields": ("wpforms", as_json(senders.WPFORMS_FIELDS), "5:17"),
    "wpforms chosen keys": ("wpforms", as_urlencoded(senders.WPFORMS_FLAT), "5:17"),
    "amocrm contact": ("amocrm", as_urlencoded(senders.AMOCRM_CONTACT), "contacts:update:601:1700000000"),
    "google_forms": ("google_forms", as_json(senders.GOOGLE_FORMS), "22.11.2026 12:00:00:7"),
    "standard_webhooks": ("standard_webhooks", as_json(senders.STANDARD), None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_person_and_the_senders_id_are_read(case: str) -> None:
    preset, sent, sender_id = CASES[case]
    understood = read(*sent)
    drafted = understood.draft
    assert drafted.details["preset"] == preset
    assert drafted.name == "Иван Петров"
    assert phones(drafted) == ["+79261234567"]
    assert emails(drafted) == ["ivan@example.com"]
    assert understood.sender_id == sender_id
    assert (drafted.kind, drafted.problems) == (Kind.MESSAGE, ())


WITH_UTM = ("typeform", "tally", "webflow v2", "webflow v1", "marquiz", "hubspot", "jotform", "gravity_forms",
            "wpforms chosen keys")  # fmt: skip


@pytest.mark.parametrize("case", WITH_UTM)
def test_the_source_is_read(case: str) -> None:
    assert draft(*CASES[case][1]).source.utm["source"] == "yandex"


MESSAGES = {
    "typeform": "Нужен насос\n\nГород: Москва\nУслуги: Монтаж, Ремонт\nСколько?: 0",
    "tally": "Нужен насос\n\nГород: Москва\nУслуги: Монтаж, Ремонт\nФото: roof.png https://storage.tally.example/roof.png",
    "google_ads": "City: Москва\nWhat do you need?: A pump",
    "meta": "какой_насос_нужен?: Погружной, Дренажный",
    "webflow v2": "Нужен насос",
    "marquiz": "Какой насос?: Погружной\nЧто ещё?: Монтаж, Ремонт\nТелефон производителя?: не знаю\ndiscount: 10%",
    "hubspot": "Нужен насос\n\ncity: Москва",
    "jotform": "Нужен насос\n\nservices: Монтаж, Ремонт",
    "gravity_forms": "4: Нужен насос\n5.1: Ленина, 5\n5.3: Москва\n5.5: 101000\n5.6: Россия",
    "wpforms fields": "Нужен насос",
    "google_forms": "Нужен насос\n\nГород: Москва",
    "standard_webhooks": "Нужен насос",
}


@pytest.mark.parametrize("case", MESSAGES)
def test_the_enquiry_reads_as_people_read(case: str) -> None:
    assert draft(*CASES[case][1]).text == MESSAGES[case]


def test_click_ids_pages_and_cookies_of_the_senders() -> None:
    assert draft(*CASES["typeform"][1]).source.click_ids == {"gclid": "Cj0"}
    ads = draft(*CASES["google_ads"][1]).source
    assert (ads.click_ids, ads.utm["campaign_id"]) == ({"gclid": "Cj0"}, "123000000000")
    quiz = draft(*CASES["marquiz"][1])
    assert quiz.source.click_ids == {"ym_uid": "17", "ga": "3.4", "yclid": "77"}
    assert (quiz.source.page, quiz.details["ip"]) == ("https://quiz.example/?yclid=77", "203.0.113.5")
    assert "secret" not in repr(quiz)
    assert draft(*CASES["meta"][1]).source.utm == {"ad_id": "300", "campaign_name": "Насосы"}


def test_google_ads_test_data_is_no_lead_and_its_key_is_not_shown() -> None:
    assert draft(*as_json({**senders.GOOGLE_ADS, "is_test": True})).kind is Kind.TEST
    assert draft(*as_json({**senders.GOOGLE_ADS, "is_test": False})).kind is Kind.MESSAGE
    assert "the-google-key" not in repr(draft(*CASES["google_ads"][1]))


def test_metas_webhook_is_kept_thin_with_what_is_known() -> None:
    understood = read(*as_json(senders.meta_thin("111")))
    assert understood.wanted is not None
    assert understood.sender_id == "111" == read(*as_json(senders.META_FULL)).sender_id
    assert understood.draft.kind is Kind.MESSAGE
    assert understood.draft.source.utm == {"ad_id": "300"}
    assert understood.draft.details["form_id"] == "200"
    assert "only the number" in understood.draft.problems[0]


def test_a_batch_is_taken_apart_into_bodies_that_are_read_alike() -> None:
    understood = read(*as_json(senders.meta_thin("111", "112", "113")))
    parts = [read(part, JSON) for part in understood.parts]
    assert [part.sender_id for part in parts] == ["111", "112", "113"]
    assert not any(part.parts for part in parts)
    amo = read(*as_urlencoded([*senders.AMOCRM_LEAD, *senders.AMOCRM_CONTACT]))
    names = [(part.draft.subject, part.draft.name) for part in (read(part, JSON) for part in amo.parts)]
    assert names == [("Насос", None), (None, "Иван Петров")]
    events = read(*as_json(senders.HUBSPOT_EVENTS))
    assert [read(part, JSON).sender_id for part in events.parts] == ["1", "2"]


@pytest.mark.parametrize(
    "tree", [senders.meta_thin("1", page="444444444444"), senders.meta_thin("1", form="444444444444")]
)
def test_metas_test_button_is_no_lead(tree: dict[str, Any]) -> None:
    assert draft(*as_json(tree)).kind is Kind.TEST


def test_metas_testing_tool_is_no_lead_once_its_answers_are_known() -> None:
    fields = [{"name": "full_name", "values": ["<test lead: dummy data for full_name>"]}]
    assert draft(*as_json({**senders.META_FULL, "field_data": fields})).kind is Kind.TEST


def test_bitrix24_events_keep_the_number_and_hide_the_tokens() -> None:
    understood = read(*as_urlencoded(senders.BITRIX24_EVENT))
    drafted = understood.draft
    assert (understood.sender_id, understood.wanted) == ("ONCRMLEADADD:77", "lead:77")
    assert drafted.details["preset"] == "bitrix24"
    assert drafted.fields["ID"] == "77"
    assert "open it in the CRM" in drafted.problems[0]
    assert "secret" not in repr(drafted)
    assert "apptoken" not in repr(drafted)
    later = [("event", "ONCRMLEADUPDATE"), *senders.BITRIX24_EVENT[1:]]
    assert read(*as_urlencoded(later)).sender_id == "ONCRMLEADUPDATE:77:1700000000"


def test_bitrix24_robots_put_their_answers_into_the_address() -> None:
    query = (("name", "Иван Петров"), ("phone", "+79261234567"), ("utm_source", "yandex"))
    drafted = draft(*as_urlencoded(senders.BITRIX24_ROBOT), query=query)
    assert (drafted.name, phones(drafted)) == ("Иван Петров", ["+79261234567"])
    assert drafted.source.utm == {"source": "yandex"}
    assert "LEAD_77" in drafted.text


def test_amocrm_deals_have_a_title_that_is_nobodys_name() -> None:
    understood = read(*as_urlencoded(senders.AMOCRM_LEAD))
    drafted = understood.draft
    assert (understood.sender_id, drafted.name, drafted.subject) == ("leads:add:501", None, "Насос")
    assert drafted.source.utm == {"source": "yandex"}
    assert drafted.fields["tags"] == "сайт"


def test_hubspots_subscriptions_are_thin() -> None:
    understood = read(*as_json(senders.HUBSPOT_EVENTS[1]))
    assert (understood.wanted, understood.sender_id) == ("43", "2")
    assert understood.draft.fields["city"] == "Москва"


def test_jotforms_broken_json_is_shown_as_it_came() -> None:
    fields = [*senders.JOTFORM, ("rawRequest", "{broken +79261234567")]
    drafted = draft(*multipart(*((name, value.encode()) for name, value in fields)))
    assert "could not be read" in drafted.problems[0]
    assert "+79261234567" in drafted.text


def test_a_preset_can_be_fixed_for_each_sender() -> None:
    for preset, sent, _ in CASES.values():
        assert draft(*sent, form=FormSettings(key="site", preset=preset)).details["preset"] == preset


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=5))
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PATHS = [
    ("form_response", "answers"), ("form_response", "definition", "fields"), ("data", "fields"), ("user_column_data",),
    ("entry",), ("field_data",), ("payload",), ("payload", "data"), ("contacts",), ("answers",), ("extra",), ("auth",),
    ("leads", "add"), ("namedValues",), ("properties",), ("fields",), ("form-submissions",), ("data",),
]  # fmt: skip
ROOTS: dict[str, Any] = {
    "eventType": "x", "triggerType": "form_submission", "lead_id": "1", "quiz": {}, "account": {}, "event": "X",
    "vid": 1, "entry_id": 1, "form_id": 2, "date_created": "x", "1": "x", "type": "x", "timestamp": "x",
}  # fmt: skip


def put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree[path[-1]] = value


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), trees), max_size=3), st.sets(st.sampled_from(sorted(ROOTS))))
def test_no_nesting_of_what_is_known_is_too_strange(odd: list[tuple[tuple[str, ...], Any]], roots: set[str]) -> None:
    tree: dict[str, Any] = {root: ROOTS[root] for root in roots}
    for path, value in odd:
        put(tree, path, value)
    for raw, content_type in (as_json(tree), as_urlencoded(as_brackets(tree))):
        drafted: Draft = draft(raw, content_type)
        repr((drafted.fields, drafted.text)).encode("utf-8")


def test_every_preset_but_the_last_two_refuses_what_is_not_its_own() -> None:
    for body in (b"name=Ivan&phone=89261234567", b'{"name": "Ivan", "phone": "89261234567"}'):
        assert draft(body, JSON if body[:1] == b"{" else URLENCODED).details["preset"] in ("json", "html")
    names = {preset.name for preset in PRESETS}
    assert {preset for preset, _, _ in CASES.values()} <= names


def test_looking_into_a_tree_never_fails() -> None:
    tree = {"a": [{"b": 1}, "x"], "c": None}
    assert at(tree, "a", "0", "b") == 1
    assert [at(tree, *path) for path in (("a", "9"), ("a", "x"), ("c", "d"), ("a", "²"))] == [None] * 4
    assert rows({"0": {"x": 1}, "1": 2}) == [{"x": 1}]
    assert said({"first": "Иван", "last": ["П", None, 2.0, True]}) == "Иван П, 2, true"


def test_every_preset_is_documented_for_the_sites_owner() -> None:
    text = (Path(__file__).parents[3] / "docs" / "forms.md").read_text(encoding="utf-8")
    general = {"json", "html"}
    assert {preset.name for preset in PRESETS if f"| `{preset.name}` |" in text} == set(PRESET_NAMES) - general


@pytest.mark.parametrize("charset", ["utf-8", "cp1251", "koi8-r", "utf-16"])
@pytest.mark.parametrize("pairs", [as_brackets(senders.MARQUIZ), senders.WPFORMS_FLAT, senders.AMOCRM_CONTACT])
def test_the_same_person_in_every_charset_that_is_declared(pairs: list[tuple[str, str]], charset: str) -> None:
    written = "utf-8" if charset == "utf-16" else charset  # nobody posts UTF-16, but some declare it
    drafted = draft(urlencoded(*pairs, charset=written), f"{URLENCODED}; charset={charset}")
    assert (drafted.name, phones(drafted)) == ("Иван Петров", ["+79261234567"])
