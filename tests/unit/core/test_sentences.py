"""Sentences: English as text, any language on demand, with errors and sentences inside of others."""

from __future__ import annotations

import pytest

from gateway.core.errors import Conflict, LeadgateError, NotFound
from gateway.core.sentences import Sentence, Unusable

RUSSIAN = {
    "There is no stage %(stage)r.": "Этапа %(stage)r нет.",
    "The amount can't be used: %(why)s.": "Сумма не годится: %(why)s.",
    "%(text)r is no amount": "%(text)r — не сумма",
    "It is gone.": "Этого нет.",
    "%(num)s s": "%(num)s с",
    "%(who)s took it %(ago)s ago.": "%(who)s: взято %(ago)s назад.",
    "": "the head of a catalogue",
}


def russian(msgid: str) -> str:
    return RUSSIAN[msgid]


@pytest.mark.parametrize(
    ("error", "english", "translated"),
    [
        (NotFound("It is gone."), "It is gone.", "Этого нет."),
        (NotFound("There is no stage %(stage)r.", stage="x'y"), 'There is no stage "x\'y".', 'Этапа "x\'y" нет.'),
        (
            Conflict("The amount can't be used: %(why)s.", why=Unusable("%(text)r is no amount", text="1o")),
            "The amount can't be used: '1o' is no amount.",
            "Сумма не годится: '1o' — не сумма.",
        ),
        (
            Conflict(
                Sentence("%(who)s took it %(ago)s ago.", {"who": "50%", "ago": Sentence("%(num)s s", {"num": 9})})
            ),
            "50% took it 9 s ago.",
            "50%: взято 9 с назад.",
        ),
        (
            Conflict("The amount can't be used: %(why)s.", why=ValueError("It is gone.")),
            "The amount can't be used: It is gone..",
            "Сумма не годится: Этого нет..",
        ),
        (LeadgateError(), "", ""),
    ],
)
def test_an_error_is_said_in_both_languages(error: LeadgateError, english: str, translated: str) -> None:
    assert str(error) == english
    assert error.sentence.said(russian) == translated


def test_without_values_a_percent_sign_is_one() -> None:
    assert str(NotFound("100 % of it is gone, %(really)s.")) == "100 % of it is gone, %(really)s."


def test_an_unusable_value_is_a_value_error_for_who_does_not_care() -> None:
    with pytest.raises(ValueError, match="'x' is no amount"):
        raise Unusable("%(text)r is no amount", text="x")
