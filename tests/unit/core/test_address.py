"""Mail addresses in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.address import canonical_address, email_handle
from gateway.core.types import Handle, HandleKind


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Ivan@Example.COM", "ivan@example.com"),
        (" <ivan@example.com> ", "ivan@example.com"),
        ("ivan@почта.рф", "ivan@xn--80a1acny.xn--p1ai"),
        ("иван@example.com", "иван@example.com"),
        ("a.b+tag@gmail.com", "a.b+tag@gmail.com"),
        ("ivan@example.com.", "ivan@example.com"),
        ("ivan", None),
        ("ivan@", None),
        ("@example.com", None),
        ("a b@example.com", None),
        ("ivan@exa\nmple.com", None),
        ("a" * 250 + "@example.com", None),
        ("ivan@" + "a" * 64 + ".com", None),
    ],
)
def test_addresses_become_canonical_or_nothing(written: str, canonical: str | None) -> None:
    assert canonical_address(written) == canonical


def test_an_address_is_a_handle() -> None:
    assert email_handle("Ivan@Example.com") == Handle(HandleKind.EMAIL, "ivan@example.com")
    assert email_handle(None) is None


@given(st.text(max_size=80))
def test_canonical_addresses_stay_as_they_are(text: str) -> None:
    canonical = canonical_address(text)
    assert canonical is None or canonical_address(canonical) == canonical
