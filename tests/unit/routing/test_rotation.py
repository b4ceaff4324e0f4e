"""Whose turn it is: fair over every round, within the limits, whoever is away."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.rotation import Turn, choose
from tests.support.clock import MONDAY
from tests.unit.routing.office import ANNA, BORIS, VERA, Known, ask, away, case, office, rule, who

DAY = date(2026, 11, 23)
PEOPLE = ("a", "b", "c", "d")


def play(weights: dict[str, int], times: int) -> list[str]:
    """Who was chosen, one after the other."""
    turns: dict[str, Turn] = {}
    chosen = []
    for _ in range(times):
        one, new = choose(weights, turns, DAY)
        turns |= {turn.manager_id: turn for turn in new}
        chosen.append(one)
    return chosen


def test_equals_take_turns_in_the_order_of_the_rule() -> None:
    assert play({"a": 1, "b": 1, "c": 1}, 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_who_weighs_more_is_not_called_in_a_row() -> None:
    assert play({"a": 3, "b": 1, "c": 1}, 5) == ["a", "b", "a", "c", "a"]


weights = st.dictionaries(st.sampled_from(PEOPLE), st.integers(1, 9), min_size=1)


@given(weights, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_over_whole_rounds_everyone_gets_exactly_his_share(shares: dict[str, int], rounds: int) -> None:
    counts = Counter(play(shares, rounds * sum(shares.values())))
    assert counts == {one: rounds * weight for one, weight in shares.items()}


@given(weights, st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_at_no_moment_is_anybody_far_from_his_share(shares: dict[str, int], times: int) -> None:
    counts, total = Counter(play(shares, times)), sum(shares.values())
    for one, weight in shares.items():
        assert abs(counts[one] - times * weight / total) <= len(shares)


@given(st.lists(st.sets(st.sampled_from(PEOPLE), min_size=1), min_size=1, max_size=80), weights)
@settings(max_examples=100, deadline=None)
def test_whoever_is_away_meanwhile_debts_stay_bounded_and_even_out(
    present: list[set[str]], shares: dict[str, int]
) -> None:
    full = {one: shares.get(one, 1) for one in PEOPLE}
    turns: dict[str, Turn] = {}
    for there in present:
        chosen, new = choose({one: full[one] for one in PEOPLE if one in there}, turns, DAY)
        turns |= {turn.manager_id: turn for turn in new}
        assert chosen in there
        assert sum(turn.credit for turn in turns.values()) == 0
        assert all(abs(turn.credit) <= sum(full.values()) * len(PEOPLE) for turn in turns.values())
    assert sum(turn.taken for turn in turns.values()) == len(present)


@given(st.integers(1, 5), st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_nobody_gets_more_a_day_than_the_limit(most: int, times: int) -> None:
    turn_rule = rule("rotation", "anna", "boris", "vera", max_a_day=most)
    known = Known(stored={turn_rule.name: {}})
    counts: Counter[str | None] = Counter()
    for _ in range(times):
        decision = ask(turn_rule, known=known)
        counts[who(decision)] += 1
        known.stored[turn_rule.name] |= {turn.manager_id: turn for turn in decision.turns}
    nobody = counts.pop(None, 0)
    assert max(counts.values()) <= most
    assert nobody == max(0, times - 3 * most)


def test_a_new_day_begins_with_nothing_taken() -> None:
    turn_rule = rule("rotation", "anna", max_a_day=1)
    taken = Turn(manager_id=ANNA.id, credit=0, day=DAY, taken=1)
    known = Known(stored={turn_rule.name: {ANNA.id: taken}})
    assert who(ask(turn_rule, known=known)) is None
    assert who(ask(turn_rule, at=case(day=DAY + timedelta(days=1)), known=known)) == "anna"


def test_who_is_away_is_passed_over_and_owed_nothing_for_it() -> None:
    turn_rule = rule("rotation", "anna", "boris", "vera")
    where = office(away(ANNA), BORIS, VERA)
    known = Known(stored={turn_rule.name: {}})
    chosen = []
    for _ in range(4):
        decision = ask(turn_rule, known=known, where=where)
        chosen.append(who(decision))
        known.stored[turn_rule.name] |= {turn.manager_id: turn for turn in decision.turns}
    assert chosen == ["boris", "vera", "boris", "vera"]
    assert ANNA.id not in known.stored[turn_rule.name]


def test_the_substitute_in_a_rotation_takes_the_turns_of_both() -> None:
    turn_rule = rule("rotation", "anna", "boris", "vera")
    where = office(away(ANNA, BORIS), BORIS, VERA)
    known = Known(stored={turn_rule.name: {}})
    counts: Counter[str | None] = Counter()
    for _ in range(9):
        decision = ask(turn_rule, known=known, where=where)
        counts[who(decision)] += 1
        known.stored[turn_rule.name] |= {turn.manager_id: turn for turn in decision.turns}
    assert counts == {"boris": 6, "vera": 3}


def test_a_person_who_was_given_somebody_minutes_ago_keeps_him() -> None:
    turn_rule = rule("rotation", "anna", "boris", "vera")
    decision = ask(turn_rule, known=Known(before=VERA.id))
    assert who(decision) == "vera"
    assert decision.turns == ()


def test_but_not_where_that_one_has_left() -> None:
    decision = ask(rule("rotation", "anna", "boris"), known=Known(before=VERA.id))
    assert who(decision) == "anna"


def test_nobody_left_to_choose_says_why_of_each() -> None:
    decision = ask(rule("rotation", "anna", "boris"), where=office(away(ANNA), away(BORIS)))
    assert who(decision) is None
    assert decision.trail[0].why.count("nobody stands in") == 2


def test_days_are_compared_as_days() -> None:
    turn = Turn(manager_id="a", day=MONDAY.date(), taken=3)
    days = [turn.on(MONDAY.date()), turn.on(MONDAY.date() + timedelta(days=1))]
    assert [after.taken - before.taken for before, after in pairwise(days)] == [-3]
