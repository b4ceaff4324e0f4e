"""What may be written to a PBX at all, whichever protocol carries it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telephony.safe import UnsafeValue, encoded

CONTROL = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u2028", "\u2029"]


@pytest.mark.parametrize("character", CONTROL, ids=ascii)
@pytest.mark.parametrize("place", ["{}", "{}x", "x{}", "x{}Action: Command"])
def test_a_control_character_is_refused_wherever_it_stands(character: str, place: str) -> None:
    with pytest.raises(UnsafeValue, match=r"^The AGI argument holds a control character"):
        encoded("the AGI argument", place.format(character))


@given(st.text())
def test_whatever_passes_is_one_line_that_says_the_same(text: str) -> None:
    try:
        data = encoded("the value", text)
    except UnsafeValue:
        return
    assert data.decode() == text
    assert len(data.splitlines()) <= 1
    assert not any(byte < 0x20 or byte == 0x7F for byte in data)


@given(st.text(), st.sampled_from(CONTROL), st.text())
def test_no_text_around_it_gets_a_control_character_through(before: str, character: str, after: str) -> None:
    with pytest.raises(UnsafeValue):
        encoded("the value", before + character + after)


@pytest.mark.parametrize("text", ["", "Иван", "a\u00a0b", "\U0001f600", "\u202eabc", "${EVIL}", '"quoted" <1>'])
def test_letters_of_every_script_pass(text: str) -> None:
    assert encoded("the value", text) == text.encode()


def test_half_a_letter_is_refused_and_never_shown() -> None:
    with pytest.raises(UnsafeValue, match="not Unicode") as refusal:
        encoded("the AMI header Secret", "hunter2\udc80")
    assert "hunter2" not in str(refusal.value)
