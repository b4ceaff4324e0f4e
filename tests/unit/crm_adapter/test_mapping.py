"""Templates of mapped fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapter.mapping import FieldMapping, Template
from crm_adapter.options import BadOption

DATA: dict[str, Any] = {
    "subject": "Заявка",
    "source": {"utm": {"source": "yandex", "campaign": ""}, "page": None},
    "fields": {"Ваш город": "Тверь"},
    "contact": {"phones": ["+79261234567", "+74951234567"]},
    "after_hours": True,
    "price": 5.5,
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("{subject}", "Заявка"),
        ("{source.utm.source} / {source.utm.campaign}", "yandex / "),
        ("{source.utm.campaign}", None),
        ("{source.utm.campaign|none}", "none"),
        ("{source.page|-}: {nobody}", "-: "),
        ("{source.page} {nobody}", None),
        ("{fields.Ваш город}", "Тверь"),
        ("{contact.phones}", ["+79261234567", "+74951234567"]),
        ("{contact.phones.1}", "+74951234567"),
        ("{contact.phones.7}", None),
        ("Phones: {contact.phones}", "Phones: +79261234567, +74951234567"),
        ("{price}", 5.5),
        ("{after_hours}", True),
        ("late: {after_hours}", "late: yes"),
        ("{{{subject}}}", "{Заявка}"),
        ("{source.utm}!", None),
        ("", None),
    ],
)
def test_a_template_gives_what_it_says(template: str, value: Any) -> None:
    assert Template(template).render(DATA) == value


@pytest.mark.parametrize("template", ["{", "a}", "{a", "{a.{b}}", "{}", "{a..b}", "{ . }"])
def test_a_broken_template_is_refused_with_a_sentence(template: str) -> None:
    with pytest.raises(ValueError, match=r"write|brace|empty"):
        Template(template)


def test_fields_without_a_value_are_left_out() -> None:
    mapping = FieldMapping({"lead": {"A": "{subject}", "B": "{nobody}"}})
    assert mapping.render("lead", DATA) == {"A": "Заявка"}
    assert mapping.render("contact", DATA) == {}
    assert mapping.names("lead") == ("A", "B")


@pytest.mark.parametrize(
    ("tables", "key"),
    [({"leads": {}}, "fields.leads"), ({"lead": "x"}, "fields.lead"), ({"lead": {"A": 5}}, "fields.lead.A"),
     ({"lead": {"A": "{"}}, "fields.lead.A")],
)  # fmt: skip
def test_a_wrong_mapping_names_the_key(tables: dict[str, Any], key: str) -> None:
    with pytest.raises(BadOption) as caught:
        FieldMapping(tables)
    assert caught.value.key == key


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}|ab. ", max_size=12), st.dictionaries(st.sampled_from("ab"), st.text(max_size=3)))
def test_any_text_is_a_template_or_a_sentence(text: str, data: dict[str, Any]) -> None:
    try:
        template = Template(text)
    except ValueError:
        return
    template.render(data)
