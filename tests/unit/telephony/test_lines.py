"""Trunk or extension."""

from __future__ import annotations

import pytest

from gateway.telephony.lines import REMEMBERED, LineRules


@pytest.mark.parametrize(
    ("technology", "endpoint", "context", "trunk"),
    [
        ("PJSIP", "trunk", "from-trunk", True),
        ("PJSIP", "mango", "from-pstn", True),
        ("SIP", "mango", "from-trunk-sip-mango", True),
        ("PJSIP", "anonymous", "from-sip-external", True),
        ("PJSIP", "101", "from-internal", False),
        ("SIP", "101", "from-internal-xfer", False),
        ("PJSIP", "my-trunk", "from-internal", True),
        ("PJSIP", "trk-1", "trk-1-in", True),
        ("PJSIP", "101", "cos-all", False),
        ("PJSIP", "SIP-TRUNK-34F7CCFE", "SIP-TRUNK-34F7CCFE-incoming", True),
        ("PJSIP", "201", "all_peers", False),
        ("DAHDI", "1", "", True),
        ("DAHDI", "1", "from-internal", False),
        ("SIP", "voipgrid-siproute-ams", "custom", True),
        ("PJSIP", "101", "custom", False),
        ("PJSIP", "101-webrtc", "custom", False),
        ("PJSIP", "anna", "custom", None),
        ("PJSIP", "", "", None),
    ],
)
def test_defaults_fit_the_usual_distributions(technology: str, endpoint: str, context: str, trunk: bool | None) -> None:
    assert LineRules().is_trunk(technology, endpoint, context) is trunk


@pytest.mark.parametrize("trunks", [("anna",), ("PJSIP/anna",), ("PJSIP/an*",)])
def test_a_configured_trunk_may_be_named_with_or_without_its_technology(trunks: tuple[str, ...]) -> None:
    rules = LineRules(trunks=trunks)
    assert rules.is_trunk("PJSIP", "anna", "from-internal") is True
    assert rules.is_trunk("SIP", "bob", "from-internal") is False


def test_configured_contexts_win_over_the_defaults() -> None:
    rules = LineRules(trunk_contexts=("from-internal",), internal_contexts=("from-trunk",))
    assert rules.is_trunk("PJSIP", "101", "from-internal") is True
    assert rules.is_trunk("PJSIP", "trunk", "from-trunk") is False


def test_robots_are_configured_like_trunks() -> None:
    rules = LineRules(robots=("PJSIP/bot*",))
    assert rules.is_robot("PJSIP", "bot1")
    assert not rules.is_robot("PJSIP", "101")
    assert not LineRules().is_robot("PJSIP", "")


def test_verdicts_are_remembered_but_not_without_bound() -> None:
    rules = LineRules(robots=("bot",))
    for number in range(REMEMBERED + 10):
        assert rules.is_trunk("Local", f"{number}@from-queue", "from-queue") is False
        assert rules.is_robot("PJSIP", f"phone{number}") is False
    assert len(rules._judged) <= REMEMBERED
    assert len(rules._robots) <= REMEMBERED
    assert rules.is_robot("PJSIP", "bot")
    assert rules == LineRules(robots=("bot",)), "what is remembered is no part of the rules"
