"""What should not simply be opened, by name and by first bytes."""

from __future__ import annotations

import pytest

from gateway.core.filetypes import danger_of


@pytest.mark.parametrize("name", ["a.exe", "счёт.pdf.EXE", "x.docm", "page.html", "pic.svg", "a.LNK"])
def test_endings_that_run_are_told(name: str) -> None:
    assert danger_of(name) == "may run a program when it is opened"


@pytest.mark.parametrize("name", ["a.pdf", "photo.jpg", "exe", "счёт.xlsx", "a.exe.pdf", "", "УПД.xml"])
def test_papers_and_pictures_are_fine(name: str) -> None:
    assert danger_of(name, b"%PDF-1.7") is None


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"MZ\x90\x00", "Windows program"), (b"\x7fELF\x02", "Linux program"), (b"#!/bin/sh\n", "script"),
        (b"\xcf\xfa\xed\xfe", "macOS"), (b"L\x00\x00\x00\x01\x14\x02\x00", "shortcut"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "page that can run scripts"), (b"<svg xmlns=", "page"),
    ],
)  # fmt: skip
def test_a_program_that_calls_itself_a_photo_is_still_one(head: bytes, word: str) -> None:
    told = danger_of("photo.jpg", head)
    assert told is not None
    assert word in told
