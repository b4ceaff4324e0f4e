"""The stages: which moves there are, and what they do to the status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import NotPossible
from gateway.leads.pipeline import DEFAULT_NAMES, LOST, MERGED, OPEN, SPAM, WON, Pipeline, Place
from gateway.leads.settings import LeadsSettings, StageSettings, TaskRuleSettings

DEFAULT = Pipeline(LeadsSettings())
REASONS = Pipeline(LeadsSettings(lost_reasons=("too expensive",), spam_reasons=("robot",)))
STAGES = ["new", "qualified", "decision_maker", "offer", "meeting_set", "meeting_held", "contract", "paid"]


def test_the_default_is_the_funnel_of_eight_with_names_in_both_languages() -> None:
    assert [stage.key for stage in DEFAULT.stages] == STAGES == list(DEFAULT_NAMES)
    assert DEFAULT.name("offer", lambda text: text.upper()) == "OFFER SENT"
    assert DEFAULT.name("gone", str) == "gone"
    named = Pipeline(LeadsSettings(stage=(StageSettings(key="new", name="Заявка"),)))
    assert named.names(str) == {"new": "Заявка"}


@pytest.mark.parametrize(
    ("now", "stage", "status", "reason", "then"),
    [
        (Place("new", OPEN), "offer", None, None, Place("offer", OPEN)),
        (Place("offer", OPEN), "new", None, None, Place("new", OPEN)),
        (Place("contract", OPEN), "paid", None, None, Place("paid", WON)),
        (Place("offer", OPEN), None, WON, None, Place("paid", WON)),
        (Place("offer", OPEN), None, LOST, "too far", Place("offer", LOST, "too far")),
        (Place("offer", OPEN), None, SPAM, None, Place("offer", SPAM, "spam")),
        (Place("offer", LOST, "too far"), None, LOST, "gone", Place("offer", LOST, "gone")),
        (Place("offer", LOST, "too far"), None, LOST, None, Place("offer", LOST, "too far")),
        (Place("offer", LOST, "too far"), None, OPEN, None, Place("offer", OPEN)),
        (Place("offer", LOST, "too far"), "new", None, None, Place("new", OPEN)),
        (Place("paid", WON), None, OPEN, None, Place("contract", OPEN)),
        (Place("paid", WON), "offer", None, None, Place("offer", OPEN)),
        (Place("paid", WON), None, LOST, "money back", Place("contract", LOST, "money back")),
        (Place("new", OPEN), "offer", LOST, "no", Place("offer", LOST, "no")),
        (Place("gone", OPEN), None, LOST, "no", Place("gone", LOST, "no")),
        (Place("new", OPEN), "new", None, None, Place("new", OPEN)),
    ],
)
def test_moves(now: Place, stage: str | None, status: str | None, reason: str | None, then: Place) -> None:
    assert DEFAULT.moved(now, stage=stage, status=status, reason=reason) == then


@pytest.mark.parametrize(
    ("pipeline", "now", "wish", "words"),
    [
        (DEFAULT, Place("new", OPEN), {"stage": "nowhere"}, "no stage 'nowhere'; there are new"),
        (DEFAULT, Place("new", OPEN), {"status": "sleeping"}, "open, won, lost and spam"),
        (DEFAULT, Place("new", OPEN), {"status": MERGED}, "open, won, lost and spam"),
        (DEFAULT, Place("new", MERGED), {"status": OPEN}, "joined to another"),
        (DEFAULT, Place("new", OPEN), {"status": LOST}, "Say why"),
        (DEFAULT, Place("new", OPEN), {"status": LOST, "reason": "  "}, "Say why"),
        (DEFAULT, Place("new", OPEN), {"stage": "paid", "status": OPEN}, "is won"),
        (DEFAULT, Place("new", OPEN), {"stage": "offer", "status": WON}, "can't be in the stage"),
        (DEFAULT, Place("new", OPEN), {"stage": "offer", "reason": "why not"}, "only kept for"),
        (DEFAULT, Place("new", OPEN), {"status": LOST, "reason": "x" * 501}, "500 characters"),
        (REASONS, Place("new", OPEN), {"status": LOST, "reason": "rain"}, "there are: too expensive"),
        (REASONS, Place("new", OPEN), {"status": SPAM}, "Say why"),
    ],
)
def test_moves_that_make_no_sense_are_refused(pipeline: Pipeline, now: Place, wish: dict[str, str], words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        pipeline.moved(now, **wish)


@given(
    st.lists(st.tuples(st.sampled_from([None, *STAGES]), st.sampled_from([None, OPEN, WON, LOST, SPAM])), max_size=8)
)
def test_whatever_is_tried_a_lead_is_won_exactly_in_a_won_stage(moves: list[tuple[str | None, str | None]]) -> None:
    place = Place("new", OPEN)
    for stage, status in moves:
        try:
            place = DEFAULT.moved(place, stage=stage, status=status, reason="r" if status in {LOST, SPAM} else None)
        except NotPossible:
            continue
        assert (place.status == WON) == (place.stage == "paid")
        assert (place.reason is not None) == (place.status in {LOST, SPAM})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LeadsSettings(stage=(StageSettings(key="first"),)), "every lead begins"),
        (lambda: LeadsSettings(stage=(StageSettings(key="new"), StageSettings(key="new"))), "same key"),
        (lambda: LeadsSettings(stage=(StageSettings(key="new", won=True),)), "first stage"),
        (lambda: StageSettings(key="Новая"), "small letters"),
        (lambda: StageSettings(key="new", stuck_after="soon"), "stuck_after: 'soon'"),
        (lambda: LeadsSettings(currency="rub"), "currency code"),
        (lambda: TaskRuleSettings(name="a", text="b"), "stage belongs"),
        (lambda: TaskRuleSettings(name="a", text="b", when="opened", stage="new"), "stage belongs"),
        (lambda: TaskRuleSettings(name="a", text="b", when="quiet"), "needs after"),
        (lambda: LeadsSettings(task=(TaskRuleSettings(name="a", text="b", stage="x"),)), "'x', which is not there"),
        (lambda: LeadsSettings(task=(TaskRuleSettings(name="a", text="b", stage="new"),) * 2), "same name"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=words):
        make()
