"""Numbers and addresses as they are shown to who may not have them."""

from __future__ import annotations

import re
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.masking import HIDDEN, MASK, Masker, Reading, masked_address, masked_number
from gateway.core.phone import to_e164

MASKER = Masker("RU", numbers=["8 800 555-35-35"], addresses=["sales@our.example"], domains=["ours.example"])

SPELLINGS = (
    "+79261234567", "79261234567", "89261234567", "9261234567", "8 (926) 123-45-67", "+7 (926) 123 45 67",
    "8-926-123-45-67", "8.926.123.45.67", "8\u00a0926\u00a0123\u00a045\u00a067", "8\u2011926\u20111234567",
    "8\u200b926\u200b123\u200b4567", "８９２６１２３４５６７", "8 9 2 6 1 2 3 4 5 6 7", "8 926/123 45 67",
    "+7_926_1234567",
)  # fmt: skip


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+79261234567", "+7 926 ***-**-67"),
        ("8 (495) 123-45-67", "+7 495 ***-**-67"),
        ("+4520261122", "+45 2 ***-**-22"),
        ("+31150010004", "+31 15 ***-**-04"),
        ("1234567", HIDDEN),
        ("101", HIDDEN),
        ("", HIDDEN),
        ("anonymous", HIDDEN),
        ("892612345678926", HIDDEN),
    ],
)
def test_a_number_shows_its_operator_and_two_digits(number: str, masked: str) -> None:
    assert masked_number(number, "RU") == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ivan@example.com", "i***@example.com"),
        ("i@example.com", "***@example.com"),
        ("ivan%40example.com", "i***%40example.com"),
        ("i***@example.com", "i***@example.com"),
        ("***@example.com", "***@example.com"),
        ("nobody", HIDDEN),
    ],
)
def test_an_address_shows_one_letter_and_where_it_is(address: str, masked: str) -> None:
    assert masked_address(address) == masked


@pytest.mark.parametrize("written", SPELLINGS)
@pytest.mark.parametrize("around", ["{}", "Call me: {}!", "тел{} ext. 101", "<{}>", "x={}&y=1", '"{}"'])
def test_every_spelling_of_a_number_in_a_text_is_masked(written: str, around: str) -> None:
    shown = MASKER.text(around.format(written))
    assert shown == around.format("+7 926 ***-**-67")


@pytest.mark.parametrize(
    "text",
    [
        "0192e4a1-1234-7000-8123-123456789012",
        "lead-0192e4a1-1234-7000-8123-123456789012",
        "8926a1234567" + "0" * 52,
        "2026-11-22",
        "2026-11-22T10:54:33Z",
        "2026-11-22T10:54:33.123456+03:00",
        "2026-11-22 10:54",
        "22.11.2026 10:54",
        "1\u00a0500\u00a0000,00\u00a0₽",
        "12 345 678 ₽",
        "1234567.00",
        "120000.0",
        "1732266873.123",
        "192.168.100.200",
        "extension 101, 2020, code 123456",
        "8 800 555-35-35",
        "sales@our.example and anna@ours.example",
        "09:00-18:00",
        "100 %",
    ],
)
def test_ids_dates_amounts_extensions_and_what_is_our_own_stay(text: str) -> None:
    assert MASKER.text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a 123-45-67", "a ***"),
        ("INN 7707083893", "INN ***"),
        ("+999 123 456 78", "***"),
        ("out-79261234567-101.wav", "out-+7 926 ***-**-67-101.wav"),
        ("2026-11-22 8 926 123-45-67", "2026-11-22 +7 926 ***-**-67"),
        ("+7 926 123-45-67 12", "+7 926 ***-**-67 12"),
        ("?phone=%2B79261234567", "?phone=+7 926 ***-**-67"),
        ("p=8%20926%20123-45-67&x=a%20b", "p=+7 926 ***-**-67&x=a b"),
        ("https://a.example/?x=a%20b", "https://a.example/?x=a%20b"),
        ("mailto:ivan%40a.example", "mailto:i***@a.example"),
        ("8 926 123-45-67, 8 495 765-43-21", "+7 926 ***-**-67, +7 495 ***-**-21"),
        ("Ivan <ivan@example.com>, o'neil@x.example", "Ivan <i***@example.com>, o***@x.example"),
        ("or 8 926 123-45-6…", "or ***…"),
        ("or 8 495 765 ...", "or *** ..."),
        ("on 8 495…", "on 8 495…"),
        ("write to ivan@exam…", "write to i***@exam…"),
        ("79261234567@s.example", "7***@s.example"),
        ("иван@пример.рф", "и***@пример.рф"),
    ],
)
def test_what_may_be_a_number_or_an_address_is_hidden(text: str, shown: str) -> None:
    assert MASKER.text(text) == shown


def _is_in(number: str, shown: str) -> bool:
    return re.sub(r"\D", "", number) in re.sub(r"[^\d*]", "", shown)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A valid number of some country."""
    region = draw(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
    example = phonenumbers.example_number(region)
    assert example is not None
    tail = draw(st.text("0123456789", min_size=4, max_size=4))
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    changed = written[:-4] + tail
    return changed if to_e164(changed, region) else written


@given(numbers())
def test_a_mask_shows_at_most_the_country_the_operator_and_two_digits(number: str) -> None:
    masked = masked_number(number, "RU")
    parsed = phonenumbers.parse(number, None)
    national = phonenumbers.national_significant_number(parsed)
    if masked == HIDDEN:
        assert len(national) < 7
        return
    code = f"+{parsed.country_code} "
    assert masked.startswith(code)
    prefix, _, last = masked.removeprefix(code).rpartition("***-**-")
    assert last == national[-2:]
    assert national.startswith(prefix.strip())
    assert len(prefix.strip()) <= phonenumbers.length_of_national_destination_code(parsed)
    assert len(national) - len(prefix.strip()) - 2 >= 5


@given(numbers())
def test_an_international_spelling_is_never_left_in_a_text(number: str) -> None:
    parsed = phonenumbers.parse(number, None)
    for form in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        shown = MASKER.text(f"call {phonenumbers.format_number(parsed, form)} now")
        assert not _is_in(number, shown)


@given(numbers(), st.emails())
def test_a_mask_of_a_mask_is_the_same(number: str, address: str) -> None:
    for mask in (masked_number(number, "RU"), masked_address(address)):
        assert MASKER.text(mask) == mask


@given(st.text(st.characters(blacklist_characters="₽€$£"), max_size=80))
def test_seven_digits_in_a_row_are_never_shown(text: str) -> None:
    shown = MASKER.text(f"{text} 7654321 {text}")
    assert "7654321" not in shown


def test_a_text_full_of_digits_is_read_in_time_and_hidden() -> None:
    texts = (
        "1 " * 20_000,
        "".join(f"{n * 7919 % 100_000:05} {n % 97}, " for n in range(5_000)),
        "a" * 50_000 + " a@b.c",
    )
    for text in texts:
        before = time.process_time()
        assert HIDDEN in MASKER.text(text)
        assert time.process_time() - before < 5


def test_after_so_many_tries_a_number_is_hidden_without_being_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.masking.TRIES", 1)
    reading = Reading(MASKER)
    assert reading.text("8 926 123-45-67, 8 926 123-45-68, 8 (926) 123 45 69, 101").endswith("***, ***, 101")


@pytest.mark.parametrize(
    ("sent", "is_mask"),
    [("+7 926 ***-**-67", True), ("i***@a.example", True), ("to=i***%40a.example", True), ("*** note ***", False)],
)
def test_a_mask_that_is_sent_back_is_known(sent: str, is_mask: bool) -> None:
    assert (MASK.search(sent) is not None) is is_mask
