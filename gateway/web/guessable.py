"""Which passwords are guessed soon: leaked ones, words with a number behind, numbers, what is known of the person.

Guessing tools try lists of leaked passwords first, then their words with a year, with a capital, with an ``@`` for an
``a``, typed in the other keyboard layout. So a password is looked up in each of these forms. Nothing is asked of digits
or signs, and nothing that is long and of its own is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

LONG_NUMBER = 13
"""Digits from which on a row of digits is no telephone number, date or tax number of a person."""
SHORT_TAIL = 4
"""Characters around a frequent word that make no other password of it: a year."""
REST = 6
"""Characters that must be left beside what is known of the person."""
SHORTEST_KNOWN = 4
"""A login or name of fewer letters is in too many words to be looked for."""

_RUSSIAN = """
    пароль привет любовь любимая любимый солнышко котенок котёнок зайка зайчик россия москва питер спартак зенит динамо
    наташа марина светлана екатерина татьяна ольга елена анастасия настя кристина виктория ирина максим андрей сергей
    дмитрий александр алексей никита владимир николай михаил админ администратор менеджер директор начальник компания
    офис продажи клиент бухгалтер секрет доступ телефон лидгейт
"""
_OURS = """
    leadgate asterisk freepbx issabel vitalpbx mikopbx parol privet lubov moskva rossiya spartak zenit menedjer manager
"""
_KEYS = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`")
"""The keys of a Russian keyboard as an English one writes them."""
_SIGNS = str.maketrans("@$!013457", "asioieast")
"""What stands for letters."""
_SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
"""Digits with the shift key held."""
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_NUMBER = re.compile(r"[\d\s().+/-]+")


@cache
def frequent() -> frozenset[str]:
    """In small letters: leaked passwords, frequent words, and those of Russian on either keyboard. Some 14,000."""
    text = files("gateway.web").joinpath("common_passwords.txt").read_text(encoding="ascii")
    leaked = (line.casefold() for line in text.splitlines() if not line.startswith("#"))
    russian = _RUSSIAN.split()
    return frozenset([*leaked, *_OURS.split(), *russian, *(word.translate(_KEYS) for word in russian)])


def is_frequent(password: str) -> bool:
    """Whether it is a leaked one, or a frequent word with a few characters around it."""
    folded = password.casefold()
    return len(set(folded)) <= 2 or any(_is_known(form) or _is_known(_repeated(form)) for form in _forms(folded))


def is_number(password: str) -> bool:
    """Whether it is a telephone number, a date or another row of digits that a person has."""
    return _NUMBER.fullmatch(password) is not None and sum(map(str.isdigit, password)) < LONG_NUMBER


def is_personal(password: str, known: Iterable[str]) -> bool:
    """Whether little is left of it without ``known``: login, name, company, domains."""
    parts = [part for text in known for part in re.split(r"[\W\d_]+", text.casefold()) if len(part) >= SHORTEST_KNOWN]
    for form in _forms(password.casefold()):
        rest = form
        for part in sorted(parts, key=len, reverse=True):
            rest = rest.replace(part, "").replace(part.translate(_KEYS), "")
        if rest != form and (len(rest) < REST or not _EDGES.sub("", rest)):
            return True
    return False


def _forms(folded: str) -> set[str]:
    """As typed, on the other keyboard, without the shift key, and with letters for signs, but at the edges."""
    bare = _EDGES.sub("", folded)
    return {folded, *(folded.translate(table) for table in (_KEYS, _SHIFTED, _SIGNS)), bare.translate(_SIGNS)}


def _is_known(form: str) -> bool:
    core = _EDGES.sub("", form)
    return form in frequent() or (len(form) - len(core) <= SHORT_TAIL and core in frequent())


def _repeated(form: str) -> str:
    """``qwerty`` of ``qwertyqwerty``; the whole where nothing is repeated."""
    second = (form + form).find(form, 1)
    return form[:second]
