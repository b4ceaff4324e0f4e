"""Every refusal that a page can show is said in Russian too: all sentences of errors are found in the code itself."""

from __future__ import annotations

import ast
import re

import pytest

from gateway.core.languages import load_translations
from gateway.web.problems import Refused
from tests.support.sentences import HOUSE, NOT_FOR_PAGES, error_names, sentences

PLACES = re.compile(r"%\((\w+)\)[sr]")
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
ENGLISH = re.compile("[a-z]", re.IGNORECASE)


def test_there_are_hundreds_of_them_from_every_room() -> None:
    rooms = {said.where.split("/")[0] for said in sentences()}
    assert len(sentences()) > 350
    assert rooms >= {"callbacks", "contacts", "documents", "leads", "outgoing", "routing", "telephony", "web", "app"}


def test_every_sentence_is_a_literal_so_that_it_can_be_translated() -> None:
    made_up = [said.where for said in sentences() if said.msgid is None]
    assert made_up == [], "write the sentence as a text with %(places)s, and the values as arguments"


def test_every_sentence_has_its_russian() -> None:
    russian = load_translations("ru")
    missing = [
        (said.where, said.msgid)
        for said in sentences()
        if said.msgid
        and ENGLISH.search(PLACES.sub("", said.msgid))
        and not CYRILLIC.search(russian.gettext(said.msgid))
    ]
    assert missing == []


def test_every_place_is_filled_and_no_value_is_left_over() -> None:
    wrong = []
    for said in sentences():
        places = frozenset(PLACES.findall((said.msgid or "") + (said.plural or "")))
        of_the_error = {"code", "originated_id", "retry_after"} - places
        if "**" not in said.values and said.values - of_the_error != places:
            wrong.append((said.where, sorted(places), sorted(said.values)))
    assert wrong == []


def test_what_is_left_out_is_there_and_has_a_reason() -> None:
    assert all(NOT_FOR_PAGES.values())
    text = "\n".join(file.read_text(encoding="utf-8") for file in HOUSE.rglob("*.py"))
    assert [name for name in NOT_FOR_PAGES if f"class {name}(" not in text] == []
    assert {"NotFound", "Conflict", "NotPossible", "CallRefused", "HoursError", "OidcFailure"} <= error_names()


def test_no_page_calls_a_refusal_english() -> None:
    """``lang="en"`` is for what other programs said: a PBX, a CRM, a mail server."""
    templates = (HOUSE / "web/templates").glob("*.html")
    wrong = [
        f.name
        for f in templates
        if re.search(r'lang="en"[^>]*>\{\{ [\w.]*(problem|refused|error\.detail)', f.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_refusal_is_said_in_the_language_of_its_reader(language: str) -> None:
    refused = Refused(400, "bad_parameter", "There is no state %(state)r.", state="x")
    expected = {"en": "There is no state 'x'.", "ru": "Состояния 'x' нет."}
    assert refused.sentence.said(load_translations(language)) == expected[language]
    assert refused.detail == str(refused) == expected["en"]


def test_the_reader_of_the_code_finds_what_it_must() -> None:
    """A made-up file: the finder would otherwise be the one thing that nobody tests."""
    from tests.support.sentences import _constants, _said

    text = """
LOST = "It is lost."
raise NotFound("a %(b)s", b=1)
raise Refused(400, "code", "c", {"Retry-After": "1"})
raise NotFound(LOST)
raise NotFound(f"x {y}")
raise NotFound(why)
raise Refused(404, error.code, error.sentence)
Sentence("d %(e)s", {"e": 2})
print("no sentence")
"""
    tree = ast.parse(text)
    names = frozenset({"NotFound"})
    found = [said for node in ast.walk(tree) if (said := _said(node, names, _constants(tree), "x")) is not None]
    assert sorted((said.msgid or "-", tuple(said.values)) for said in found) == [
        ("-", ()), ("-", ()), ("It is lost.", ()), ("a %(b)s", ("b",)), ("c", ()), ("d %(e)s", ("e",)),
    ]  # fmt: skip
