"""What is thought of versions and clocks, and what is advised."""

from __future__ import annotations

import pytest

from gateway.core.findings import Finding, Level
from gateway.core.sentences import Sentence
from gateway.telephony.advice import account_line, general_line, judge_skew, judge_version, version_of

VERSIONS = [
    ("16.28.0~dfsg-0+deb11u4", (16, 28, 0), Level.OK),
    ("22.10.1", (22, 10, 1), Level.OK),
    ("certified/18.9-cert11", (18, 9, 0), Level.OK),
    ("13.38.3", (13, 38, 3), Level.OK),
    ("13.5.0", (13, 5, 0), Level.OK),
    ("13.4.0", (13, 4, 0), Level.WARN),
    ("11.25.3", (11, 25, 3), Level.WARN),
    ("18.24.1", (18, 24, 1), Level.WARN),
    ("18.24.2", (18, 24, 2), Level.OK),
    ("20.9.1", (20, 9, 1), Level.WARN),
    ("20.5.0~dfsg+~cs6.13.40431414-1", (20, 5, 0), Level.OK),
    ("19.8.1", (19, 8, 1), Level.WARN),
    ("GIT-master-f0c1c1a", None, Level.NOTE),
]


@pytest.mark.parametrize(("text", "version", "level"), VERSIONS)
def test_versions_are_read_and_old_ones_told(text: str, version: tuple[int, int, int] | None, level: Level) -> None:
    assert version_of(text) == version
    found = judge_version(Sentence("pbx office: version"), text)
    assert (found.level, str(found.subject)) == (level, "pbx office: version")
    assert text in str(found.said)


def test_a_pbx_before_13_5_is_told_what_its_calls_will_lack() -> None:
    found = judge_version(Sentence("x"), "13.1.0")
    assert "several" in str(found.said)
    assert "18 or newer" in str(found.remedy)


@pytest.mark.parametrize(
    ("seconds", "level", "side"),
    [
        (0.3, Level.OK, "ahead of"),
        (-1.9, Level.OK, "behind"),
        (-30.0, Level.WARN, "behind"),
        (7200.0, Level.FAIL, "ahead of"),
        (-7200.0, Level.FAIL, "behind"),
    ],
)
def test_a_clock_that_is_off_is_told_with_its_side(seconds: float, level: Level, side: str) -> None:
    found = judge_skew(Sentence("x"), seconds)
    assert found.level is level
    assert f"{abs(seconds):.1f} s {side} ours" in str(found.said)
    assert ("timedatectl" in str(found.remedy)) == (level is not Level.OK)


def test_advice_names_the_section_and_how_to_make_it_count() -> None:
    assert "section [leadgate]: read = call - then: asterisk -rx 'manager reload'" in str(
        account_line("leadgate", "read = call")
    )
    assert "[general](+)" in str(general_line("timestampevents = yes"))


@pytest.mark.parametrize("level", [Level.WARN, Level.FAIL])
def test_nothing_bad_is_said_without_a_way_out(level: Level) -> None:
    with pytest.raises(ValueError, match="remedy"):
        Finding(code="x", level=level, subject=Sentence("x"), said=Sentence("bad."))
    assert not Finding(code="x", level=Level.OK, subject=Sentence("x"), said=Sentence("good.")).remedy
