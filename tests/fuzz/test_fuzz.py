"""The corpora and the regressions, each through its reader; and that a broken promise is noticed at all."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from tests.fuzz.oracles import assert_harmless, assert_storable
from tests.fuzz.targets import TARGETS, Target

SLOWEST_SECONDS = 2.0
INPUTS = [(target, path) for target in TARGETS.values() for path in target.inputs()]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_each_reader_keeps_its_promise_on_its_corpus_and_on_what_once_broke_it(target: Target) -> None:
    paths = target.inputs()
    assert len(paths) >= 5
    for path in paths:
        began = time.process_time()
        target.run(path.read_bytes())
        assert time.process_time() - began < SLOWEST_SECONDS, path


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 300, b"\r\n" * 200, b"{" * 500, b'"' * 500], ids=repr)
def test_each_reader_keeps_its_promise_on_what_is_nothing(target: Target, data: bytes) -> None:
    target.run(data)


def test_corpora_are_small() -> None:
    sizes = [path.stat().st_size for _, path in INPUTS]
    assert max(sizes) <= 12_000
    assert sum(sizes) < 1_500_000


def test_a_fault_that_a_reader_hides_in_the_log_is_noticed() -> None:
    def hiding(_: bytes) -> None:
        logging.getLogger("gateway.telephony.tracker.calls").error("could not follow an event")

    with pytest.raises(AssertionError, match="could not follow"):
        Target(name="hiding", check=hiding).run(b"")


@pytest.mark.parametrize(
    "markup",
    ["<script>x</script>", "<p onclick=x>", '<a href="javascript:x">', "<svg>", '<img src="//x/">', "<p style=x>"],
)
def test_markup_that_harms_is_noticed(markup: str) -> None:
    with pytest.raises(AssertionError):
        assert_harmless(f"<div>{markup}</div>")


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_store_takes_is_noticed(text: str) -> None:
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        assert_storable({"fields": [text]})


def test_every_folder_belongs_to_a_target() -> None:
    here = Path(__file__).parent
    folders = [path.name for name in ("corpus", "regressions") for path in (here / name).iterdir() if path.is_dir()]
    assert set(folders) <= set(TARGETS)
