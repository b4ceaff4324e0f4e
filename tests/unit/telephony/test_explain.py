"""Why a call is called incoming, outgoing or internal, in words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.telephony.explain import why_direction
from gateway.telephony.inspect import calls_in, read_events
from gateway.telephony.lines import LineRules
from tests.integration.telephony.conftest import RECORDINGS


def call(direction: str | None, endpoint: str, context: str, trunk: bool | None, **facts: Any) -> dict[str, Any]:
    first = {"technology": "PJSIP", "endpoint": endpoint, "context": context, "trunk": trunk}
    return {"direction": direction, "facts": {"first": first, **facts}}


CASES = [
    (call("inbound", "mango", "from-trunk", True), "came in from PJSIP/mango, context from-trunk (calls from outside"),
    (call("outbound", "101", "from-internal", False), "went out from PJSIP/101, context from-internal (phones are"),
    (call("internal", "101", "", False), "stayed between phones, from PJSIP/101, context unknown (named like an ext"),
    (call("outbound", "101", "office", False, originated=True), "was begun by the PBX with PJSIP/101"),
    (call("inbound", "siptrunk", "weird", True), "(named like a trunk)"),
]


@pytest.mark.parametrize(("details", "said"), CASES)
def test_the_first_channel_and_the_rule_are_named(details: dict[str, Any], said: str) -> None:
    assert said in str(why_direction(details, LineRules()))


def test_a_channel_that_no_rule_knows_is_told_with_the_keys_that_would_decide() -> None:
    said = str(why_direction(call("internal", "ivanov", "strange", None), LineRules()))
    assert "neither its name nor its context tells" in said
    assert "[[pbx]] trunks" in said


def test_a_configuration_that_changed_since_is_noticed() -> None:
    details = call("internal", "ivanov", "office", False)
    said = str(why_direction(details, LineRules(trunks=("PJSIP/ivanov",))))
    assert "a line of [[pbx]] trunks" in said
    assert "was taken for a phone then, and would be taken for a trunk now" in said


@pytest.mark.parametrize("facts", [None, {}, {"first": "x"}, {"first": {}}])
def test_records_without_these_facts_are_no_error(facts: Any) -> None:
    assert why_direction({"facts": facts}, LineRules())
    assert why_direction({}, LineRules())


def test_every_recorded_call_can_be_explained_from_its_own_facts() -> None:
    lines = LineRules()
    records = [
        record
        for path in sorted(RECORDINGS.glob("*.ami"))
        for record in calls_in(read_events(path), region="RU", lines=lines)
    ]
    assert records
    for record in records:
        said = str(why_direction({**record.as_json(), "facts": record.facts}, lines))
        assert "not kept" not in said
        assert "then, and would be" not in said
