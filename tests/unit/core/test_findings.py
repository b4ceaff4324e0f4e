"""What doctor and /health say is made of sentences, so that it can be said in the reader's language."""

from __future__ import annotations

import ast
from typing import get_type_hints

import pytest

from gateway.core.findings import Finding, Level
from gateway.core.languages import load_translations
from gateway.core.ports import Alarm, SourceHealth
from gateway.core.sentences import Sentence
from gateway.core.states import state_name
from gateway.core.systemerrors import system_words
from tests.support.sentences import trees

WORDS = {Finding: ("subject", "said", "remedy"), SourceHealth: ("detail",), Alarm: ("subject", "text")}
"""Kind of thing that people are shown -> its fields with words."""
MAKERS = {"Finding": WORDS[Finding], "SourceHealth": WORDS[SourceHealth], "Alarm": WORDS[Alarm]}
TAKE_WORDS = frozenset(
    {"finding", "fail", "warn", "_say", "_found", "_failed", "Sentence", "counted", "ended", "joined"}
)
"""Functions that are given the words of a finding."""


@pytest.mark.parametrize("shown", WORDS)
def test_their_words_are_sentences(shown: type) -> None:
    hints = get_type_hints(shown)
    assert {name: hints[name] for name in WORDS[shown]} == dict.fromkeys(WORDS[shown], Sentence)


def made_up(tree: ast.Module) -> list[int]:
    """Lines where words of a finding are a text: an f-string, or a literal that nobody translates."""
    found = []
    for node in ast.walk(tree):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in MAKERS:
            said = [keyword.value for keyword in node.keywords if keyword.arg in MAKERS[name]]
            found += [one.lineno for one in said if isinstance(one, ast.JoinedStr | ast.Constant)]
        elif isinstance(node, ast.Call) and name in TAKE_WORDS:
            found += [one.lineno for one in node.args if isinstance(one, ast.JoinedStr)]
    return found


def test_no_finding_is_made_of_an_f_string() -> None:
    wrong = [f"{path}:{line}" for path, tree in trees().items() if path != "core/ports.py" for line in made_up(tree)]
    assert wrong == [], "write Sentence('... %(place)s', {'place': value})"


def test_the_looker_sees_an_f_string() -> None:
    tree = ast.parse(
        'Finding(said=f"{error}.", subject=Sentence("a"))\nself._say(level, "check", f"refused ({error})")'
    )
    assert made_up(tree) == [1, 2]


def test_a_finding_for_programs_is_english_and_has_its_code() -> None:
    finding = Finding(
        code="pbx.clock", level=Level.WARN, subject=Sentence("clock"), said=Sentence("late"), remedy=Sentence("users")
    )
    said = {"code": "pbx.clock", "level": "WARN", "subject": "clock", "said": "late", "remedy": "users"}
    assert finding.as_json() == said
    assert finding.subject.said(load_translations("ru")) == "часы"


def test_states_have_names_and_a_new_one_stays_as_it_is() -> None:
    assert state_name("connecting").said(load_translations("ru")) == "подключается"
    assert str(state_name("brand_new")) == "brand_new"


@pytest.mark.parametrize(
    ("error", "english", "russian"),
    [
        (
            ConnectionRefusedError(111, "Connect call failed"),
            "connection refused",
            "соединение отклонено",
        ),
        (TimeoutError(), "no answer in time", "ответа нет вовремя"),
        (PermissionError(13, "Permission denied"), "permission denied", "нет прав доступа"),
        (OSError("odd"), "odd", "odd"),
    ],
)
def test_the_system_is_quoted_in_the_readers_language(error: OSError, english: str, russian: str) -> None:
    assert str(system_words(error)) == english
    assert system_words(error).said(load_translations("ru")) == russian
