"""Both languages are complete, and nothing is translated that is not shown."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import gateway.web
from gateway.core.languages import catalogue_text
from gateway.web.pages.languages import LANGUAGES, accepted_languages, load_translations
from tests.support.sentences import sentences

TEMPLATES = Path(gateway.web.__file__).parent / "templates"
PLACES = re.compile(r"%\(\w+\)[sr]|<[^>]+>")


def read_catalog(language: str) -> Catalog:
    return read_po(BytesIO(catalogue_text(language).encode()), locale=language)


def shown_messages() -> set[str | tuple[str, ...]]:
    """Every message of the templates, of the letters and notices that are written in code, and of its sentences."""
    found = [
        *extract_from_dir(TEMPLATES, method_map=[("**.html", "jinja2.ext:babel_extract")]),
        *extract_from_dir(TEMPLATES.parents[1], method_map=[("**.py", "python")]),
    ]
    refusals: set[str | tuple[str, ...]] = {
        (said.msgid, said.plural) if said.plural is not None else said.msgid
        for said in sentences()
        if said.msgid is not None
    }
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found} | refusals


def strings_of(message: Message) -> list[str]:
    """The translation, or all its plural forms."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def translated(catalog: Catalog) -> dict[str | tuple[str, ...], Message]:
    return {m.id if isinstance(m.id, str) else tuple(m.id): m for m in catalog if m.id}


def test_the_templates_have_messages() -> None:
    assert len(shown_messages()) > 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    messages = translated(read_catalog(language))
    assert set(messages) == shown_messages()
    for message in messages.values():
        assert strings_of(message)
        assert all(strings_of(message)), f"{language}: {message.id} is not translated"
        assert not message.fuzzy, f"{language}: {message.id} is fuzzy"


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_tags_survive_translation(language: str) -> None:
    for message_id, message in translated(read_catalog(language)).items():
        originals = [message_id] if isinstance(message_id, str) else list(message_id)
        expected = set(PLACES.findall(originals[-1]))
        assert all(set(PLACES.findall(string)) == expected for string in strings_of(message)), message_id


@pytest.mark.parametrize(
    ("count", "word"),
    [(1, "обращение"), (2, "обращения"), (5, "обращений"), (11, "обращений"), (21, "обращение"), (104, "обращения")],
)
def test_russian_plurals(count: int, word: str) -> None:
    russian = load_translations("ru")
    assert russian.ngettext("%(num)s interaction", "%(num)s interactions", count) == f"%(num)s {word}"


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", ["ru-RU", "ru", "en"]),
        ("en;q=0.1, ru", ["ru", "en"]),
        ("de;q=0", []),
        ("", []),
        ("en;q=high,ru", ["ru"]),
    ],
)
def test_the_browsers_wishes_are_read_in_their_order(header: str, tags: list[str]) -> None:
    assert list(accepted_languages(header)) == tags
