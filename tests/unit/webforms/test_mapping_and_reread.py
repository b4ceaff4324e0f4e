"""The owner's own mapping, and reading a stored submission again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.types import Draft, Kind
from gateway.webforms.answers import next_page
from gateway.webforms.reread import reread
from gateway.webforms.settings import FormSettings
from gateway.webforms.state import FormState
from tests.unit.webforms.reading import JSON, NOW, draft, emails, phones, read, submission, urlencoded

TREE = {
    "order": {
        "no": 17,
        "who": {"n": "Иван Петров", "nums": ["+7 926 123-45-67"], "mails": [{"m": "ivan@example.com"}]},
    },
    "qa": [{"question": "Город?", "answer": "Москва"}, {"question": "Что нужно?", "answer": "Насос"}],
    "track": {"from": "yandex", "click": "77"},
    "note": "как можно скорее",
}  # fmt: skip
MAPPED = FormSettings(
    key="site",
    mapping={
        "id": "order.no", "name": "order.who.n", "phone": "order.who.nums", "email": "order.who.mails.0.m",
        "message": "qa.1.answer", "utm_source": "track.from", "yclid": "track.click", "Пожелание": "note",
        "subject": "nowhere.at.all",
    },
)  # fmt: skip


def test_what_is_mapped_is_taken_from_where_it_stands_and_the_rest_is_read_as_always() -> None:
    understood = read(json.dumps(TREE), JSON, MAPPED)
    drafted = understood.draft
    assert understood.sender_id == "17"
    assert (drafted.name, phones(drafted), emails(drafted)) == ("Иван Петров", ["+79261234567"], ["ivan@example.com"])
    assert drafted.text == "Насос\n\nПожелание: как можно скорее\nГород?: Москва"
    assert (drafted.source.utm, drafted.source.click_ids) == ({"source": "yandex"}, {"yclid": "77"})
    assert drafted.details["preset"] == "mapping"
    assert drafted.problems == ()


def test_a_mapping_fits_forms_too() -> None:
    form = FormSettings(key="site", mapping={"phone": "f_12", "name": "user.n", "city": "f_13"})
    drafted = draft(urlencoded(("f_12", "89261234567"), ("user[n]", "Иван"), ("other", "x")), form=form)
    assert (drafted.name, phones(drafted), drafted.text) == ("Иван", ["+79261234567"], "other: x")


def test_a_mapping_that_finds_nothing_says_so_and_loses_nothing() -> None:
    drafted = draft(json.dumps({"phone": "89261234567"}), JSON, FormSettings(key="site", mapping={"name": "a.b"}))
    assert phones(drafted) == ["+79261234567"]
    assert "Nothing stood where the form's mapping looks: a.b." in drafted.problems


trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc012"), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(trees, st.lists(st.sampled_from("abc0129²"), min_size=1, max_size=4))
def test_no_path_through_any_tree_fails(tree: object, path: list[str]) -> None:
    form = FormSettings(key="site", mapping={"phone": ".".join(path), "id": "a"})
    assert isinstance(draft(json.dumps(tree), JSON, form), Draft)


def again(form: FormSettings, before: Draft, raw: bytes, *, not_spam: bool = False) -> Draft:
    meta = {
        "content_type": JSON,
        "query": [["utm_medium", "cpc"], "odd"],
        "browser": True,
        "origin": "https://a.example",
    }
    return reread(form, raw, meta, before.details, region="RU", received_at=NOW, not_spam=not_spam)


RAW = json.dumps(TREE).encode()


def test_reading_again_follows_the_present_mapping_and_gives_the_same_each_time() -> None:
    plain = FormSettings(key="site")
    first = draft(RAW, JSON, plain)
    assert first.name is None
    second = again(MAPPED, first, RAW)
    assert (second.name, phones(second)) == ("Иван Петров", ["+79261234567"])
    assert second.source.utm == {"source": "yandex", "medium": "cpc"}
    assert again(MAPPED, second, RAW) == second


def test_what_the_guards_said_stands_until_a_person_says_otherwise_and_then_for_good() -> None:
    form = FormSettings(key="site", min_seconds=3)
    spam = read(RAW, JSON, form).draft
    spam = Draft(
        **{**{name: getattr(spam, name) for name in Draft.__dataclass_fields__}, "details": {"spam": "Too quick."}}
    )
    still = again(form, spam, RAW)
    assert (still.kind, still.details["spam"]) == (Kind.SPAM, "Too quick.")
    freed = again(form, still, RAW, not_spam=True)
    assert (freed.kind, "spam" in freed.details) == (Kind.MESSAGE, False)
    assert again(form, freed, RAW) == freed
    trapped = b'{"phone": "89261234567", "_gotcha": "x"}'
    assert again(form, draft(trapped, JSON), trapped).kind is Kind.SPAM
    assert again(form, draft(trapped, JSON), trapped, not_spam=True).kind is Kind.MESSAGE


def test_a_form_that_falls_silent_is_an_alarm_that_knows_of_earlier_runs() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    state = FormState(FormSettings(key="site", silent_days=2))
    assert state.remember({"last": (at - timedelta(days=1)).isoformat()}, at)
    assert state.health(at).ok
    later = at + timedelta(days=1, hours=1)
    assert (state.health(later).state, state.health(later).ok) == ("silent", False)
    assert "2 days" in str(state.health(later).detail)
    state.came(Kind.TEST, later, noted=False)
    state.came(Kind.SPAM, later, noted=False)
    assert state.health(later).state == "silent", "a robot is no sign of life"
    assert state.cursor(Kind.MESSAGE, later) is not None
    state.came(Kind.MESSAGE, later, noted=True)
    assert state.health(later).ok
    assert "test ping" in str(state.health(later).detail)
    assert state.cursor(Kind.MESSAGE, later + timedelta(minutes=59)) is None
    assert state.cursor(Kind.MESSAGE, later + timedelta(hours=1)) is not None


def test_without_the_alarm_nothing_is_stored_with_a_submission() -> None:
    assert FormState(FormSettings(key="site")).cursor(Kind.MESSAGE, NOW) is None


def wish(wanted: str, origin: str | None = "https://shop.example", **changed: object) -> str | None:
    form = FormSettings(key="site", origins=("https://other.example",), **changed)  # type: ignore[arg-type]
    return next_page(form, submission(b"", origin=origin, browser=True), wanted)


def test_a_form_may_name_its_next_page_on_its_own_sites_only() -> None:
    assert wish("/thanks") == "https://shop.example/thanks"
    assert wish("https://shop.example/thanks?x=1") == "https://shop.example/thanks?x=1"
    assert wish("https://other.example/ok") == "https://other.example/ok"
    for evil in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "https://shop.example@evil.example/",
                 "\\\\evil.example", "https://shop.example/\r\nx: y", "http://[", ""):  # fmt: skip
        assert wish(evil) is None, evil
    assert wish("/thanks", origin=None) is None
    assert wish("/thanks", redirect="https://set.example/") == "https://set.example/"
