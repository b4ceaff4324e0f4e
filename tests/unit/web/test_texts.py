"""Texts within templates: as Jinja's own newstyle gettext writes them, only quicker."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from gateway.core.languages import LANGUAGES, load_translations
from gateway.web.pages.texts import install

TEMPLATES = (
    '{{ _("Leads") }}',
    '{{ _("Leads") }}{{ _("Leads") }}',
    "{{ _(title) }}",
    '{{ gettext("No such text, 100 %%") }}',
    '{{ _("Hello %(name)s", name=name) }}',
    '{% for one in (1, 2, 5) %}{{ _("Leads") }} {{ one }}{% endfor %}',
    "{% for n in (1, 2, 5) %}{% trans num = n %}{{ num }} day{% pluralize %}{{ num }} days{% endtrans %} {% endfor %}",
    "{% trans num = 3, who = name %}{{ num }} of {{ who }}{% pluralize %}{{ num }} of all {{ who }}{% endtrans %}",
    "{% trans %}in {{ name }} min{% endtrans %}",
    '<i title="{{ _("Name & <number>") }}">{{ _("Leads") | upper }}</i>',
)


def environment(language: str, *, quick: bool) -> Environment:
    made = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    if quick:
        install(made, load_translations(language))
    else:
        made.install_gettext_translations(load_translations(language), newstyle=True)  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("template", TEMPLATES)
def test_texts_are_those_of_jinja(language: str, template: str) -> None:
    name = "<b>5 % & more</b>"
    wanted, got = (environment(language, quick=quick).from_string(template) for quick in (False, True))
    assert got.render(name=name, title="Leads") == wanted.render(name=name, title="Leads")
