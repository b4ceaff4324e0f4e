"""Passwords that are guessed soon, as tools and colleagues guess them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.guessable import frequent, is_frequent, is_number, is_personal
from gateway.web.passwords import MIN_LENGTH

KNOWN = ("anna-smirnova", "Анна Смирнова", "ООО Ромашка", "romashka")


def test_more_than_the_three_thousand_most_frequent_that_are_long_enough_are_refused() -> None:
    """ASVS 6.2.4."""
    long_enough = [word for word in frequent() if len(word) >= MIN_LENGTH]
    assert len(long_enough) > 11_000
    assert all(map(is_frequent, long_enough))


@pytest.mark.parametrize(
    "password",
    [
        "Password123", "P@ssw0rd!", "qwerty2026", "QWERTYUIOP", "qwertyqwerty", "zaq1@WSX", "1q2w3e4r", "samantha1990",
        "iloveyou", "aaaaaaaaaaaa", "abababababab", "leadgate2026", "asterisk1", "Trustno1",
    ],
)  # fmt: skip
def test_leaked_passwords_are_known_in_each_form(password: str) -> None:
    assert is_frequent(password)


@pytest.mark.parametrize(
    "password",
    [
        "пароль2026", "Привет123", "любовь!!", "менеджер1", "Солнышко", "йцукенгш", "ЙЦУКЕН123", "фывапролдж",
        "йфяцычувс", "gfhjkm2026", "ghbdtn123", "gfhjkmgfhjkm", "vjcrdf2026", "ДиректоР", "наташа1990", "администратор",
    ],
)  # fmt: skip
def test_russian_habits_are_known_on_either_keyboard(password: str) -> None:
    assert is_frequent(password)


@pytest.mark.parametrize("password", ["89261234567", "+7 (926) 123-45-67", "01.01.1990", "1990-01-01", "771234567890"])
def test_telephones_dates_and_tax_numbers_are_numbers(password: str) -> None:
    assert is_number(password)


@pytest.mark.parametrize("password", ["7192648305512", "8d926123", "correct horse"])
def test_a_long_row_of_digits_or_words_is_no_number(password: str) -> None:
    assert not is_number(password)


@pytest.mark.parametrize(
    "password",
    ["anna-smirnova1", "Smirnova!77", "Смирнова01", "cvbhyjdf2026", "ООО Ромашка 1", "romashka-2026", "AnnaRomashka"],
)
def test_what_is_known_of_a_person_and_a_number_make_no_password(password: str) -> None:
    assert is_personal(password, KNOWN)


@pytest.mark.parametrize("password", ["Анна любит длинные поезда", "smirnova ate 3 pears", "x7!pq-vv2m"])
def test_a_name_among_other_words_is_fine(password: str) -> None:
    assert not is_personal(password, KNOWN)


@pytest.mark.parametrize("known", ["", "x", "io", "12345678", "---"])
def test_short_names_and_numbers_are_not_looked_for(known: str) -> None:
    assert not is_personal("xio-123456-y", [known])


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "пароль из четырёх слов",
        "xkq7-mmrt",
        "Tr0ub4dor&3",
        "dragon eats 4 monkeys",
        "ёж-ухо-мёд",
    ],
)
def test_what_is_long_and_of_its_own_is_taken(password: str) -> None:
    assert not is_frequent(password)


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_gets_an_answer(password: str, known: list[str]) -> None:
    assert {is_frequent(password), is_number(password), is_personal(password, known)} <= {True, False}
