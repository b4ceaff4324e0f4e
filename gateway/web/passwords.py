"""Passwords: which are accepted, and how they are hashed without stopping the event loop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.core.errors import LeadgateError
from gateway.web.guessable import is_frequent, is_number, is_personal

T = TypeVar("T")

MIN_LENGTH = 8
"""NIST SP 800-63B 3.1.1.2 and OWASP ASVS 6.2.1."""
MAX_LENGTH = 1024
"""Far above any pass phrase; keeps the time to hash bounded."""
AT_ONCE = 4
"""Hashes computed at the same time: each takes 19 MiB and 25 ms of a core."""


class WeakPassword(LeadgateError):
    """The password can't be used. ``code`` says why: ``too_short``, ``too_long``, ``too_common``, ``is_number``,
    ``is_login`` or ``is_personal``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def check_strength(password: str, login: str, known: Iterable[str] = ()) -> None:
    """Raise WeakPassword for one that is guessed soon. No rules about digits or signs: length is what helps.

    ``known``: what strangers know beside the login: the person's name, the company's, its domains.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPassword("too_short", f"The password needs at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword("too_long", f"The password has more than {MAX_LENGTH} characters.")
    folded = password.casefold()
    if folded == login.casefold() or folded == login.casefold()[::-1]:
        raise WeakPassword("is_login", "The password must not be the login.")
    if is_number(password):
        raise WeakPassword("is_number", "Telephone numbers, dates and other numbers are guessed soon: add words.")
    if is_frequent(password):
        raise WeakPassword("too_common", "This password is among the first that are guessed: choose another.")
    if is_personal(password, [login, *known]):
        raise WeakPassword("is_personal", "The password is little more than your login, your name or the company's.")


class Passwords:
    """argon2id (RFC 9106) with OWASP's smallest accepted parameters, in at most four threads."""

    def __init__(self, company: Iterable[str] = ()) -> None:
        """``company``: its names and domains, which make no password."""
        self._company = tuple(company)
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="leadgate-argon2")
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def check(self, password: str, login: str, name: str = "") -> None:
        """Raise WeakPassword for one that ``login``, who is called ``name``, should not have."""
        check_strength(password, login, [name, *self._company])

    def hash_now(self, password: str) -> str:
        """The hash to store, computed here: 25 ms. For the command line."""
        return self._hasher.hash(password)

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await self._in_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` has the hash ``stored``. Takes as long when there is none: nobody learns that."""
        matches = await self._in_thread(self._matches, stored or self._nobody, password[: MAX_LENGTH + 1])
        return matches and stored is not None

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
