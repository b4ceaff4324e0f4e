"""Who gets whom: each kind of rule, each condition, and the sentences that explain them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.assignment import NOBODY
from gateway.core.types import Channel, Source
from gateway.routing.decide import decide
from gateway.routing.people import Person
from gateway.routing.presence import Device, best_of
from tests.support.clock import MONDAY
from tests.unit.routing.office import (
    ANNA,
    BORIS,
    OFFICE_LINE,
    SALES_LINE,
    VERA,
    Known,
    ask,
    away,
    case,
    office,
    rule,
    who,
)

YESTERDAY = MONDAY - timedelta(days=1)


def test_the_owner_of_the_contact_gets_him() -> None:
    decision = ask(rule("owner"), known=Known(owned_by=ANNA.id))
    assert (who(decision), decision.rule) == ("anna", "owner")
    assert decision.trail[0].why == "Anna: owner of the contact"


def test_who_talked_last_gets_whom_nobody_owns() -> None:
    decision = ask(rule("owner"), rule("last"), known=Known(talked=(BORIS.id, YESTERDAY)))
    assert (who(decision), decision.rule) == ("boris", "last")
    assert [tried.matched for tried in decision.trail] == [False, True]
    assert decision.trail[0].why == "the person belongs to nobody"


def test_a_talk_of_long_ago_does_not_count() -> None:
    decision = ask(rule("last", within_days=30), known=Known(talked=(BORIS.id, MONDAY - timedelta(days=31))))
    assert who(decision) is None
    assert "more than 30 days ago" in decision.trail[0].why


def test_nobody_is_a_rule_with_a_name_and_reasons() -> None:
    decision = ask(rule("owner"), rule("last"))
    assert (decision.person, decision.rule) == (None, NOBODY)
    assert [tried.why for tried in decision.trail] == [
        "the person belongs to nobody",
        "nobody has talked with the person",
    ]


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"channels": ["call"]}, {}, True),
    ({"channels": ["mail", "form"]}, {}, False),
    ({"lines": [OFFICE_LINE]}, {}, True),
    ({"lines": ["8 (495) 000-01-01"]}, {}, True),
    ({"lines": [SALES_LINE]}, {}, False),
    ({"lines": [SALES_LINE]}, {"line": None}, False),
    ({"lines": ["Info@Example.com"]}, {"line": "info@example.com", "channel": Channel.MAIL}, True),
    ({"lines": ["site"]}, {"line": "site", "channel": Channel.FORM}, True),
    ({"sources": ["office"]}, {}, True),
    ({"sources": ["shop"]}, {}, False),
    ({"sources": ["shop"]}, {"source": Source()}, False),
    ({"utm": {"source": "Yandex"}}, {"source": Source(utm={"source": "yandex"})}, True),
    ({"utm": {"source": "yandex"}}, {}, False),
    ({"utm": {"campaign": "kitchens*"}}, {"source": Source(utm={"campaign": "Kitchens-Moscow"})}, True),
    ({"utm": {"campaign": "kitchens*"}}, {"source": Source(utm={"campaign": "doors"})}, False),
    ({"countries": ["RU"]}, {}, True),
    ({"countries": ["KZ", "DE"]}, {}, False),
    ({"countries": ["DE"]}, {"number": "+4930123456"}, True),
    ({"countries": ["KZ"]}, {"number": "+77011234567"}, True),  # one country code with Russia, another country
    ({"countries": ["RU"]}, {"number": None}, False),
    ({"prefixes": ["+7812", "+7926"]}, {}, True),
    ({"prefixes": ["+7812"]}, {}, False),
    ({"lines": [OFFICE_LINE], "countries": ["DE"]}, {}, False),
]


@pytest.mark.parametrize(("keys", "circumstances", "matches"), MATCHES, ids=lambda value: str(value)[:40])
def test_a_rule_is_for_what_it_names(keys: dict[str, Any], circumstances: dict[str, Any], matches: bool) -> None:
    decision = ask(rule("manager", "anna", **keys), at=case(**circumstances))
    assert who(decision) == ("anna" if matches else None)
    assert decision.trail[0].why


@pytest.mark.parametrize(
    ("during", "is_open", "matches"),
    [("open", True, True), ("open", False, False), ("closed", False, True), ("closed", True, False),
     ("any", False, True), ("open", None, False), ("closed", None, False)],
)  # fmt: skip
def test_a_rule_for_the_day_and_one_for_the_night(during: str, is_open: bool | None, matches: bool) -> None:
    where = office(open_lines={} if is_open is None else {OFFICE_LINE: is_open})
    assert who(ask(rule("manager", "anna", during=during), where=where)) == ("anna" if matches else None)


def test_the_first_of_the_named_who_can_gets_him() -> None:
    where = office(away(ANNA), BORIS, VERA)
    decision = ask(rule("manager", "anna", "boris", "vera"), where=where)
    assert who(decision) == "boris"
    assert "Anna is away until 2026-11-24 09:00 UTC; nobody stands in" in decision.trail[0].why


def test_a_name_that_nobody_has_is_said_and_passed_over() -> None:
    decision = ask(rule("manager", "nobody", "vera"))
    assert who(decision) == "vera"
    assert "there is no manager nobody" in decision.trail[0].why


class TestAbsence:
    def test_the_substitute_gets_the_owners_customer(self) -> None:
        decision = ask(rule("owner"), known=Known(owned_by=ANNA.id), where=office(away(ANNA, BORIS), BORIS))
        assert who(decision) == "boris"
        assert decision.trail[0].why.endswith("Anna is away until 2026-11-24 09:00 UTC, Boris stands in")

    def test_a_substitute_who_is_away_has_a_substitute_too(self) -> None:
        where = office(away(ANNA, BORIS), away(BORIS, VERA), VERA)
        assert who(ask(rule("owner"), known=Known(owned_by=ANNA.id), where=where)) == "vera"

    def test_those_who_stand_in_for_each_other_are_no_endless_loop(self) -> None:
        where = office(away(ANNA, BORIS), away(BORIS, ANNA))
        decision = ask(rule("owner"), rule("manager", "boris"), known=Known(owned_by=ANNA.id), where=where)
        assert who(decision) is None
        assert all("a circle" in tried.why for tried in decision.trail)

    def test_who_stands_in_for_himself_is_away(self) -> None:
        decision = ask(rule("owner"), known=Known(owned_by=ANNA.id), where=office(away(ANNA, ANNA)))
        assert "a circle" in decision.trail[0].why

    def test_a_chain_has_an_end(self) -> None:
        people = [Person(id=f"m{n}", login=f"p{n}", name=f"P{n}") for n in range(9)]
        chain = [away(person, people[n + 1]) for n, person in enumerate(people[:-1])]
        decision = ask(rule("owner"), known=Known(owned_by="m0"), where=office(*chain, people[-1]))
        assert who(decision) is None
        assert "more than 5" in decision.trail[0].why

    def test_a_rule_may_refuse_substitutes(self) -> None:
        where = office(away(ANNA, BORIS), BORIS)
        decision = ask(rule("owner", substitute=False), known=Known(owned_by=ANNA.id), where=where)
        assert who(decision) is None

    def test_a_disabled_substitute_is_none(self) -> None:
        gone = replace(BORIS, disabled=True)
        decision = ask(rule("owner"), known=Known(owned_by=ANNA.id), where=office(away(ANNA, BORIS), gone))
        assert decision.trail[0].why.endswith("nobody stands in")

    def test_an_absent_manager_without_substitute_leaves_it_to_the_next_rule(self) -> None:
        decision = ask(rule("owner"), rule("manager", "vera"), known=Known(owned_by=ANNA.id),
                       where=office(away(ANNA), VERA))  # fmt: skip
        assert (who(decision), decision.rule) == ("vera", "manager")


def test_a_disabled_manager_gets_nobody() -> None:
    decision = ask(rule("owner"), known=Known(owned_by=ANNA.id), where=office(replace(ANNA, disabled=True)))
    assert (who(decision), decision.trail[0].why) == (None, "Anna: owner of the contact; Anna is disabled")


def test_an_owner_who_was_removed_is_nobody() -> None:
    decision = ask(rule("owner"), known=Known(owned_by="m-gone"))
    assert (who(decision), decision.trail[0].why) == (None, "the owner of the contact is no manager any more")


ONLINE: list[tuple[Channel, Device | None, float | None, bool]] = [
    (Channel.CALL, Device.FREE, None, True),
    (Channel.CALL, Device.BUSY, None, True),
    (Channel.CALL, Device.OFF, None, False),
    (Channel.CALL, Device.OFF, 1, False),  # pages don't ring
    (Channel.CALL, None, None, True),  # nobody knows: counts as online
    (Channel.CALL, None, 600, True),
    (Channel.FORM, Device.OFF, 1, True),
    (Channel.FORM, Device.OFF, 60, False),
    (Channel.FORM, Device.OFF, None, False),
    (Channel.FORM, None, 60, False),
    (Channel.MAIL, None, 10, True),
    (Channel.MAIL, None, None, True),
    (Channel.MAIL, Device.FREE, 600, True),
]


@pytest.mark.parametrize(("channel", "device", "minutes", "online"), ONLINE)
def test_online_is_told_by_the_telephone_or_the_pages(
    channel: Channel, device: Device | None, minutes: float | None, online: bool
) -> None:
    seen = None if minutes is None else MONDAY - timedelta(minutes=minutes)
    where = office(replace(ANNA, seen_at=seen), devices={"anna": device} if device else {})
    decision = ask(rule("manager", "anna", only=["online"]), at=case(channel=channel), where=where)
    assert who(decision) == ("anna" if online else None)


@pytest.mark.parametrize(
    ("only", "working", "device", "takes"),
    [
        (["working"], True, None, True),
        (["working"], False, None, False),
        (["working"], None, None, True),
        (["free"], None, Device.BUSY, False),
        (["free"], None, Device.FREE, True),
        (["free"], None, None, True),
        (["working", "online"], True, Device.OFF, False),
        ([], False, Device.OFF, True),
    ],
)
def test_conditions_on_the_manager(only: list[str], working: bool | None, device: Device | None, takes: bool) -> None:
    where = office(working={} if working is None else {"anna": working}, devices={"anna": device} if device else {})
    decision = ask(rule("manager", "anna", only=only), where=where)
    assert who(decision) == ("anna" if takes else None)


def test_the_conditions_count_for_who_stands_in() -> None:
    where = office(away(ANNA, BORIS), BORIS, devices={"boris": Device.OFF})
    decision = ask(rule("owner", only=["online"]), known=Known(owned_by=ANNA.id), where=where)
    assert who(decision) is None
    assert decision.trail[0].why.endswith("Boris stands in; Boris is not online")


def test_who_has_too_many_open_leads_gets_no_more() -> None:
    known = Known(leads={ANNA.id: 20, BORIS.id: 19})
    decision = ask(rule("manager", "anna", "boris", max_open=20), known=known)
    assert who(decision) == "boris"
    assert "Anna has 20 open leads, the most is 20" in decision.trail[0].why


def test_explaining_asks_every_rule_and_decides_by_the_first() -> None:
    rules = (rule("owner"), rule("manager", "vera"), rule("manager", "anna", name="night", during="closed"))
    decision = decide(rules, case(), Known(owned_by=BORIS.id), office(open_lines={OFFICE_LINE: True}), ask_all=True)
    assert (who(decision), decision.rule) == ("boris", "owner")
    assert [(tried.rule, tried.matched) for tried in decision.trail] == [
        ("owner", True),
        ("manager", True),
        ("night", False),
    ]
    assert decision.trail[2].why == "only while closed, and it is open"


@pytest.mark.parametrize(
    ("states", "best"),
    [
        ([], None),
        ([None], None),
        ([Device.OFF], Device.OFF),
        ([Device.OFF, None], None),
        ([Device.OFF, Device.FREE], Device.FREE),
        ([Device.FREE, Device.BUSY], Device.BUSY),
    ],
)
def test_a_manager_of_several_telephones_has_one_state(states: list[Device | None], best: Device | None) -> None:
    assert best_of(states) is best


def test_of_two_who_share_an_extension_the_one_who_still_works_here_is_meant() -> None:
    old = replace(ANNA, disabled=True)
    new = replace(BORIS, extensions=("101",))
    assert office(old, new).roster.of_number("101") == new
    assert office(new, old).roster.of_number("101") == new
    assert office(ANNA).roster.of_number("+79035550101") == ANNA
    assert office(ANNA).roster.of_number(None) is None
