"""winmail.dat: what Outlook hid is found, what is broken harms nobody."""

from __future__ import annotations

import base64
import json
import struct
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.parse import read_attachment, read_letter
from gateway.mail.parse.rtf import MOST_BYTES, decompress_rtf
from gateway.mail.parse.tnef import read_tnef
from tests.unit.mail.corpora import NOW, ROOT

CORPUS = ROOT / "mimekit_tnef"


def attribute(level: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<BIi", level, kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def unicode_property(tag: int, text: str) -> bytes:
    raw = text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<HHII", 31, tag, 1, len(raw)) + raw.ljust((len(raw) + 3) & ~3, b"\0")


def properties(*each: bytes) -> bytes:
    return struct.pack("<I", len(each)) + b"".join(each)


def container(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


WINMAIL = container(
    attribute(1, 0x00069003, properties(unicode_property(0x1000, "Смета во вложении"))),
    attribute(2, 0x00069002, bytes(14)),
    attribute(2, 0x00018010, b"SMETA~1.XLS\0"),
    attribute(2, 0x0006800F, b"\xd0\xcf\x11\xe0"),
    attribute(
        2,
        0x00069005,
        properties(
            unicode_property(0x3707, "смета на насосы.xls"), unicode_property(0x370E, "application/vnd.ms-excel")
        ),
    ),
    attribute(2, 0x00069002, bytes(14)),
    attribute(2, 0x00018010, b"second.txt\0"),
    attribute(2, 0x0006800F, b"two"),
)


def letter(winmail: bytes, *, text: bool) -> bytes:
    parts = [b"--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n"] if text else []
    parts.append(
        b"--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(winmail)
    )
    head = b"From: ivan@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"".join(parts) + b"--b--\r\n"


def test_the_files_of_a_winmail_dat_are_attachments_with_their_long_names() -> None:
    """imap_tools #195: winmail.dat hid the real attachments."""
    raw = letter(WINMAIL, text=True)
    read = read_letter(raw, NOW)
    assert [(file.name, file.content_type, file.size) for file in read.attachments] == [
        ("смета на насосы.xls", "application/vnd.ms-excel", 4),
        ("second.txt", "application/octet-stream", 3),
    ]
    assert read.text.strip() == "See the file."
    handed = [read_attachment(raw, number) for number in (1, 2, 3)]
    assert [found[1] if found else None for found in handed] == [b"\xd0\xcf\x11\xe0", b"two", None]


def test_the_text_of_a_winmail_dat_is_the_letters_where_it_has_no_other() -> None:
    assert read_letter(letter(WINMAIL, text=False), NOW).text == "Смета во вложении"


@pytest.mark.parametrize(
    "winmail", [b"", b"no tnef at all", container(), container(attribute(1, 0x9003, b"\xff" * 40))]
)
def test_a_winmail_dat_with_nothing_in_it_stays_an_attachment(winmail: bytes) -> None:
    (file,) = read_letter(letter(winmail, text=True), NOW).attachments
    assert (file.name, file.size) == ("winmail.dat", len(winmail))


def test_every_cut_gives_an_answer() -> None:
    for end in range(len(WINMAIL)):
        read_tnef(WINMAIL[:end])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    read_tnef(container(data))
    read_tnef(container(attribute(1, 0x9003, data), attribute(2, 0x9005, data)))
    decompress_rtf(struct.pack("<IIII", len(data), 1 << 31, 0x75465A4C, 0) + data)


@pytest.mark.parametrize(
    "bomb",
    [
        container(attribute(1, 0x9003, struct.pack("<I", 1 << 31) + struct.pack("<HHI", 0x101F, 0x1000, 1 << 31) * 9)),
        container(attribute(1, 0x9003, struct.pack("<IHHI", 1, 0x1003, 0x1000, 1 << 31) + bytes(100))),
        container(attribute(1, 0x9003, struct.pack("<I", 5000) + struct.pack("<HHI", 0x1001, 0x1000, 1 << 31) * 5000)),
        container(*[attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"x\0")] * 20_000),
    ],
    ids=["counts", "fixed values", "values of no bytes", "twenty thousand files"],
)
def test_what_is_meant_to_take_for_ever_takes_a_moment(bomb: bytes) -> None:
    began = time.process_time()
    found = read_tnef(bomb)
    assert found is not None
    assert len(found[0]) <= 101
    assert time.process_time() - began < 1


def test_compressed_text_is_unpacked_as_the_specification_shows_it() -> None:
    # [MS-OXRTFCP] section 3.2: a reference that reaches into what it is just writing
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert decompress_rtf(crossing) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


def test_compressed_text_does_not_grow_without_bound() -> None:
    # every reference repeats the byte before it 17 times
    bomb = struct.pack("<IIII", 0, 1 << 30, 0x75465A4C, 0) + (b"\x00" + b"a" * 8) + b"\xff" + b"\x0c\xff" * 8
    packed = bomb + (b"\xff" + b"\x0d\x0f" * 8) * 50_000
    assert len(decompress_rtf(packed)) <= MOST_BYTES


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no third-party files in {CORPUS} (set LEADGATE_CORPORA)")
def test_the_files_that_others_find_are_found() -> None:
    """MimeKit's samples; we also give the formatted body and an attachment that its lists leave out."""
    expected = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
    assert len(expected) == 15
    for name, wanted in expected.items():
        opened = read_tnef((CORPUS / name).read_bytes())
        assert opened is not None, name
        found = Counter(file.name for file in opened[0])
        assert not Counter(wanted["files"]) - found, name
