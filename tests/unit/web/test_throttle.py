"""Guessing passwords gets slower and slower, and nobody is locked out for ever."""

from __future__ import annotations

import pytest

from gateway.web import throttle
from gateway.web.throttle import LoginThrottle, account_key, address_key, network_of
from tests.support.clock import FakeClock

KEYS = (account_key("anna"), address_key("203.0.113.9"))


def failures(guesses: LoginThrottle, clock: FakeClock, count: int) -> list[float]:
    """``count`` failed tries, each as early as it is allowed. Returns the waits before each."""
    waits = []
    for _ in range(count):
        wait = guesses.begin(KEYS)
        waits.append(wait)
        if wait > 0:
            clock.move(wait)
            assert guesses.begin(KEYS) == 0
    return waits


def test_the_first_five_tries_are_free_then_the_wait_doubles_up_to_fifteen_minutes() -> None:
    clock = FakeClock()
    waits = failures(LoginThrottle(clock), clock, 18)
    assert waits[:5] == [0] * 5
    assert waits[5:9] == [1, 2, 4, 8]
    assert waits[-1] == 900


def test_many_tries_at_once_are_counted_before_any_of_them_is_answered() -> None:
    guesses = LoginThrottle(FakeClock())
    assert [guesses.begin(KEYS) > 0 for _ in range(20)].count(False) == 5


def test_one_account_tried_from_many_addresses_is_slowed_down() -> None:
    guesses = LoginThrottle(FakeClock())
    waits = [guesses.begin((account_key("anna"), address_key(f"203.0.113.{n}"))) for n in range(10)]
    assert waits[5] > 0


def test_many_accounts_tried_from_one_address_are_slowed_down() -> None:
    guesses = LoginThrottle(FakeClock())
    waits = [guesses.begin((account_key(f"user{n}"), address_key("203.0.113.9"))) for n in range(10)]
    assert waits[5] > 0


def test_a_right_password_clears_the_account_and_does_not_count_for_the_address() -> None:
    guesses = LoginThrottle(FakeClock())
    for _ in range(50):  # an office behind one address signs in all morning
        assert guesses.begin(KEYS) == 0
        guesses.succeeded(KEYS[:1])
        guesses.take_back(KEYS[1])


def test_failures_of_yesterday_are_forgotten() -> None:
    clock = FakeClock()
    guesses = LoginThrottle(clock)
    failures(guesses, clock, 8)
    clock.move(throttle.FORGET_SECONDS + 1)
    assert [guesses.begin(KEYS) for _ in range(5)] == [0] * 5


def test_memory_is_bounded_and_the_oldest_are_forgotten_first() -> None:
    clock = FakeClock()
    guesses = LoginThrottle(clock)
    failures(guesses, clock, 6)
    for number in range(throttle.REMEMBERED):
        guesses.begin((f"address:{number}",))
    assert len(guesses) == throttle.REMEMBERED
    assert guesses.begin(KEYS) == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_spellings_of_one_login_are_one_account() -> None:
    assert account_key(" Anna ") == account_key("anna")
