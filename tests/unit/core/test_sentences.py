"""Sentences: English as text, any language on demand, with errors and sentences inside of others."""

from __future__ import annotations

import pytest

from gateway.core.errors import Conflict, LeadgateError, NotFound
from gateway.core.sentences import NOTHING, Sentence, Unusable, as_sentence, counted, ended, joined, verbatim

RUSSIAN = {
    "There is no stage %(stage)r.": "Этапа %(stage)r нет.",
    "The amount can't be used: %(why)s.": "Сумма не годится: %(why)s.",
    "%(text)r is no amount": "%(text)r — не сумма",
    "It is gone.": "Этого нет.",
    "%(num)s s": "%(num)s с",
    "%(who)s took it %(ago)s ago.": "%(who)s: взято %(ago)s назад.",
    "": "the head of a catalogue",
}
FORMS = {
    ("%(num)s call waits: %(why)s", "%(num)s calls wait: %(why)s"): (
        "%(num)s звонок ждёт: %(why)s", "%(num)s звонка ждут: %(why)s", "%(num)s звонков ждут: %(why)s",
    ),
}  # fmt: skip


class Russian:
    """A catalogue in memory."""

    def gettext(self, message: str) -> str:
        return RUSSIAN.get(message, message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        forms = FORMS[one, many]
        if number % 10 == 1 and number % 100 != 11:
            return forms[0]
        return forms[1] if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14} else forms[2]


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
    assert error.sentence.said(Russian()) == translated


def test_without_values_a_percent_sign_is_one() -> None:
    assert str(NotFound("100 % of it is gone, %(really)s.")) == "100 % of it is gone, %(really)s."


@pytest.mark.parametrize(
    ("num", "english", "translated"),
    [
        (1, "1 call waits: It is gone.", "1 звонок ждёт: Этого нет."),
        (3, "3 calls wait: It is gone.", "3 звонка ждут: Этого нет."),
        (11, "11 calls wait: It is gone.", "11 звонков ждут: Этого нет."),
        (0, "0 calls wait: It is gone.", "0 звонков ждут: Этого нет."),
    ],
)
def test_a_number_takes_its_form(num: int, english: str, translated: str) -> None:
    one, many = next(iter(FORMS))
    said = counted(one, many, num, why=Sentence("It is gone."))
    assert (str(said), said.said(Russian())) == (english, translated)


def test_sentences_are_joined_with_one_full_stop_between_them() -> None:
    parts = [Sentence("It is gone."), NOTHING, verbatim("100 %"), Sentence("It is gone.")]
    assert str(joined(parts)) == "It is gone. 100 %. It is gone"
    assert joined(parts).said(Russian()) == "Этого нет. 100 %. Этого нет"
    assert str(joined(parts, "; ")) == "It is gone.; 100 %; It is gone."
    assert not joined([NOTHING])
    assert str(joined([])) == ""


def test_a_question_has_its_sign() -> None:
    question = verbatim("Is it up?")
    assert str(ended(question)) == "Is it up?"
    assert str(joined([question, verbatim("It is gone")])) == "Is it up? It is gone"


def test_a_full_stop_is_put_once() -> None:
    assert str(ended(NotFound("It is gone."))) == str(ended(NotFound("It is gone"))) == "It is gone."
    assert ended(NotFound("It is gone.")).said(Russian()) == "Этого нет."
    assert str(ended(ValueError("a %(b)s"))) == "a %(b)s."


def test_nothing_is_false_and_says_nothing_in_any_language() -> None:
    assert not NOTHING
    assert not verbatim("")
    assert NOTHING.said(Russian()) == ""
    assert as_sentence(OSError()) == NOTHING


def test_an_unusable_value_is_a_value_error_for_who_does_not_care() -> None:
    with pytest.raises(ValueError, match="'x' is no amount"):
        raise Unusable("%(text)r is no amount", text="x")
