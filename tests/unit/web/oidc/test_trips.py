"""A trip to the provider: what its cookie holds, and that nobody makes one or ends one twice."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web.oidc.trips import LIFETIME, MAX_TARGET, REMEMBERED, Trip, Trips
from tests.support.clock import FakeClock

KEY = b"k" * 32


def trips(key: bytes = KEY, clock: FakeClock | None = None) -> Trips:
    return Trips(lambda: key, clock or FakeClock())


def test_a_cookie_is_known_again_also_after_a_restart() -> None:
    trip = trips().begin("/leads?stage=new&x=%D0%B8")
    assert trips().of_cookie(trips().cookie(trip)) == trip


def test_a_cookie_of_another_key_is_none() -> None:
    assert trips(b"x" * 32).of_cookie(trips().cookie(trips().begin("/"))) is None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_cookie_that_was_changed_anywhere_is_none(data: st.DataObject) -> None:
    here = trips()
    cookie = here.cookie(here.begin("/"))
    at = data.draw(st.integers(0, len(cookie) - 1))
    sign = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda one: one != cookie[at]))
    assert here.of_cookie(cookie[:at] + sign + cookie[at + 1 :]) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_nonsense_is_no_cookie(text: str) -> None:
    assert trips().of_cookie(text) is None


@pytest.mark.parametrize(("later", "there"), [(LIFETIME.total_seconds() - 1, True), (LIFETIME.total_seconds(), False)])
def test_a_trip_is_over_in_time(later: float, there: bool) -> None:
    clock = FakeClock()
    here = trips(clock=clock)
    cookie = here.cookie(here.begin("/"))
    clock.move(later)
    assert (here.of_cookie(cookie) is not None) is there


def test_state_nonce_and_verifier_tell_nothing_of_each_other_and_are_not_in_the_cookie() -> None:
    here = trips()
    trip = here.begin("/")
    words = [here.state(trip), here.nonce(trip), here.verifier(trip), here.challenge(trip), here.cookie(trip)]
    assert len(set(words)) == len(words)
    assert not any(word in words[-1] for word in words[:-1])
    assert len(here.verifier(trip)) == 43  # RFC 7636 section 4.1: 43 to 128
    digest = hashlib.sha256(here.verifier(trip).encode()).digest()
    assert here.challenge(trip) == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_two_trips_have_nothing_in_common() -> None:
    here = trips()
    one, other = here.begin("/"), here.begin("/")
    assert {here.state(one), here.nonce(one)}.isdisjoint({here.state(other), here.nonce(other)})


def test_a_trip_ends_once_and_is_forgotten_when_its_cookie_is_over() -> None:
    clock = FakeClock()
    here = trips(clock=clock)
    trip = here.begin("/")
    assert [here.end(trip), here.end(trip)] == [True, False]
    clock.move(LIFETIME.total_seconds() + 1)
    assert here.end(here.begin("/"))
    assert here.of_cookie(here.cookie(trip)) is None


def test_what_ended_takes_bounded_memory() -> None:
    clock = FakeClock()
    here = trips(clock=clock)
    until = clock.now() + LIFETIME
    for number in range(REMEMBERED + 5):
        assert here.end(Trip(id=str(number), target="/", ends_at=until))
    assert not here.end(Trip(id=str(REMEMBERED + 4), target="/", ends_at=until))
    assert here.end(Trip(id="0", target="/", ends_at=until))


def test_a_path_that_fits_no_cookie_is_forgotten() -> None:
    here = trips()
    assert here.begin("/" + "x" * MAX_TARGET).target == "/"
    assert len(here.cookie(here.begin("/" + "x" * (MAX_TARGET - 1)))) < 4000
