"""Which passwords are accepted, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.web.passwords import Passwords, WeakPassword, check_strength


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "too_short"),
        ("x" * 1025, "too_long"),
        ("Password123", "too_common"),
        ("йцукенгш", "too_common"),
        ("aaaaaaaaaaaa", "too_common"),
        ("Anna-Smirnova", "is_login"),
        ("avonrims-anna", "is_login"),
        ("+7 926 123-45-67", "is_number"),
        ("anna-smirnova!", "is_personal"),
        ("Ромашка-2026", "is_personal"),
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str, code: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        check_strength(password, "anna-smirnova", ["Анна", "ООО Ромашка"])
    assert refused.value.code == code


@pytest.mark.parametrize("password", ["correct horse battery", "пароль из четырёх слов", "x7!" * 300])
def test_length_is_all_that_is_asked(password: str) -> None:
    check_strength(password, "anna")


async def test_a_hash_is_argon2id_with_the_parameters_of_owasp(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, "correct horse battery")
    assert not await passwords.verify(stored, "correct horse batterz")
    assert not passwords.needs_rehash(stored)


async def test_nobody_and_garbage_never_match(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "correct horse battery")
    assert not await passwords.verify("no hash at all", "correct horse battery")


def test_a_hash_with_older_parameters_is_to_be_renewed(passwords: Passwords) -> None:
    assert passwords.needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43)
