"""The judge of the acceptance tests must itself be able to say no."""

from __future__ import annotations

import pytest

from tests.acceptance.ledger import Ledger, Verdict, compare


def _ledger() -> Ledger:
    return Ledger(sent={"a", "b", "c", "d"}, acknowledged={"a", "b"})


def _verdict(lost: set[str], doubled: set[str], ghosts: set[str]) -> Verdict:
    return Verdict(lost=frozenset(lost), doubled=frozenset(doubled), ghosts=frozenset(ghosts))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(["a", "b"], _verdict(set(), set(), set()), id="exactly what was acknowledged"),
        pytest.param(["a", "b", "d"], _verdict(set(), set(), set()), id="and one whose answer was lost"),
        pytest.param(["a"], _verdict({"b"}, set(), set()), id="acknowledged before it was durable"),
        pytest.param([], _verdict({"a", "b"}, set(), set()), id="an empty store"),
        pytest.param(["a", "b", "b"], _verdict(set(), {"b"}, set()), id="stored again after a restart"),
        pytest.param(["a", "b", "c", "c"], _verdict(set(), {"c"}, set()), id="doubled without an acknowledgement"),
        pytest.param(["a", "b", "x"], _verdict(set(), set(), {"x"}), id="half a write that became an item"),
        pytest.param(["a", "a", "x"], _verdict({"b"}, {"a"}, {"x"}), id="everything at once"),
    ],
)
def test_every_kind_of_broken_promise_is_found(stored: list[str], expected: Verdict) -> None:
    verdict = compare(_ledger(), stored)
    assert verdict == expected
    assert verdict.kept == (expected == _verdict(set(), set(), set()))
