"""Passwords: which are accepted, and how they are hashed without stopping the event loop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.core.errors import LeadgateError

T = TypeVar("T")

MIN_LENGTH = 8
"""NIST SP 800-63B 3.1.1.2 and OWASP ASVS 6.2.1."""
MAX_LENGTH = 1024
"""Far above any pass phrase; keeps the time to hash bounded."""
AT_ONCE = 4
"""Hashes computed at the same time: each takes 19 MiB and 25 ms of a core."""
_COMMON_WORDS = """
    password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword iloveyou sunshine princess
    football baseball superman trustno1 starwars whatever computer internet welcome1 welcome123 letmein1 admin123
    admin1234 administrator changeme changeme1 default1 qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop 1q2w3e4r
    1q2w3e4r5t 1qaz2wsx zaq12wsx q1w2e3r4 q1w2e3r4t5 asdfghjk asdfghjkl zxcvbnm1 12345678 123456789 1234567890
    12345678910 87654321 987654321 0987654321 11111111 00000000 12341234 11223344 123123123 1234qwer qwer1234 abcd1234
    abc12345 a1234567 aa123456 michelle jennifer victoria football1 leadgate leadgate1 asterisk1
    йцукенгш йцукенгшщз пароль123 пароль12 привет123 любовь123 марина123 наташа123
"""
COMMON = frozenset(_COMMON_WORDS.split())
"""The ones that every guessing tool tries first, of those long enough to pass otherwise."""


class WeakPassword(LeadgateError):
    """The password can't be used. ``code`` says why: ``too_short``, ``too_long``, ``too_common`` or ``is_login``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def check_strength(password: str, login: str) -> None:
    """Raise WeakPassword for one that is guessed at once. No rules about digits or signs: length is what helps."""
    if len(password) < MIN_LENGTH:
        raise WeakPassword("too_short", f"The password needs at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword("too_long", f"The password has more than {MAX_LENGTH} characters.")
    folded = password.casefold()
    if folded in COMMON or len(set(folded)) <= 2:
        raise WeakPassword("too_common", "This password is among the first that are guessed: choose another.")
    if folded == login.casefold() or folded == login.casefold()[::-1]:
        raise WeakPassword("is_login", "The password must not be the login.")


class Passwords:
    """argon2id (RFC 9106) with OWASP's smallest accepted parameters, in at most four threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="leadgate-argon2")
        self._nobody = self._hasher.hash(secrets.token_hex(16))

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
