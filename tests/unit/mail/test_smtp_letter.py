"""The text after DATA: only CRLF . CRLF ends it, wherever the network cuts it; nothing behind it is lost."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.smtp.door import Door
from gateway.mail.smtp.letter import DRAIN_SLACK, END, LetterReader, LetterRefused


class Wire:
    """A StreamReader that is fed piece by piece, each after the reader asked for more."""

    def __init__(self, *pieces: bytes, limit: int = 1000, memory: int = 10_000) -> None:
        self.stream = asyncio.StreamReader(limit=1 << 20)
        self.door = Door(connections=1, per_address=1, octets=memory)
        self.progress = 0
        self.letter = LetterReader(self.stream, limit, self.door.take, self._advance)
        self._pieces = [piece for piece in pieces if piece]

    def _advance(self) -> None:
        self.progress += 1

    async def read(self) -> bytes:
        reading = asyncio.ensure_future(self.letter.read())
        for piece in self._pieces:
            self.stream.feed_data(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if not reading.done():
            self.stream.feed_eof()
        return await reading

    async def rest(self) -> bytes:
        self.stream.feed_eof()
        return await self.stream.read()


def stuffed(text: bytes) -> bytes:
    """What a client sends for ``text``, which ends with CRLF or is empty (RFC 5321 section 4.5.2)."""
    lines = text.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        pytest.param(b".\r\n", b"", id="empty"),
        pytest.param(b"a\r\n.\r\n", b"a\r\n", id="one line"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="a dot alone"),
        pytest.param(b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", id="dots at line starts"),
        pytest.param(b".a\r\n.\r\n", b"a\r\n", id="a lone dot before other characters is deleted"),
        pytest.param(b"x" * 900 + b"\r\n.\r\n", b"x" * 900 + b"\r\n", id="a long line"),
    ],
)
async def test_text_is_read_and_unstuffed(sent: bytes, text: bytes) -> None:
    assert await Wire(sent).read() == text


@pytest.mark.parametrize(
    "fake", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n", b"\n\r\n.\n"]
)
async def test_nothing_else_ends_a_letter(fake: bytes) -> None:
    smuggled = b"a" + fake + b"MAIL FROM:<evil@x>\r\n"
    wire = Wire(smuggled + b".\r\n")
    assert b"MAIL FROM" in await wire.read()
    assert await wire.rest() == b""


async def test_a_sender_that_ends_lines_with_lf_alone_is_recognised() -> None:
    wire = Wire(b"Subject: x\n\nbody\n.\n")
    with pytest.raises(ConnectionResetError):
        await wire.read()
    assert wire.letter.lone_line_feeds


@pytest.mark.parametrize("cut", range(1, 14))
async def test_the_network_may_cut_anywhere(cut: int) -> None:
    sent = b"a\r\n..\r\n.\r\nQUIT\r\n"
    wire = Wire(sent[:cut], sent[cut:])
    assert await wire.read() == b"a\r\n.\r\n"
    assert await wire.rest() == b"QUIT\r\n"


async def test_a_letter_byte_by_byte_shows_that_its_sender_is_alive() -> None:
    wire = Wire(*[bytes([octet]) for octet in b"hello\r\n.\r\n"])
    assert await wire.read() == b"hello\r\n"
    assert wire.progress == len(b"hello\r\n.\r\n")


text = st.lists(st.text(alphabet="a.\t\r\n\u0416", max_size=8)).map(
    lambda lines: "".join(line.replace("\r\n", "") + "\r\n" for line in lines).encode()
)


@settings(max_examples=150, deadline=None)
@given(text, st.lists(st.integers(0, 60), max_size=6), st.binary(max_size=10))
def test_whatever_is_sent_comes_back_cut_anywhere(body: bytes, cuts: list[int], following: bytes) -> None:
    sent = stuffed(body) + following
    marks = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    pieces = [sent[start:stop] for start, stop in pairwise(marks)]

    async def run() -> tuple[bytes, bytes]:
        wire = Wire(*pieces)
        return await wire.read(), await wire.rest()

    assert asyncio.run(run()) == (body, following)


async def test_a_letter_above_the_limit_is_read_to_its_end_and_refused() -> None:
    wire = Wire(b"x" * 1500 + b"\r\n", b"y" * 100 + b"\r\n.\r\nQUIT\r\n")
    with pytest.raises(LetterRefused, match=r"552 5\.3\.4 .* 1000 bytes"):
        await wire.read()
    assert await wire.rest() == b"QUIT\r\n"


async def test_a_letter_of_exactly_the_limit_is_taken() -> None:
    body = b"x" * 998 + b"\r\n"
    assert await Wire(body, b".\r\n").read() == body
    with pytest.raises(LetterRefused):
        await Wire(b"x" + body, b".\r\n").read()


async def test_without_memory_the_sender_is_told_to_come_again() -> None:
    wire = Wire(b"x" * 100 + b"\r\n", b"x" * 100 + b"\r\n.\r\n", memory=150)
    with pytest.raises(LetterRefused, match=r"452 4\.3\.1"):
        await wire.read()
    assert wire.letter.taken == wire.door.octets_inside == 102


async def test_a_sender_that_never_stops_is_cut_off() -> None:
    pieces = [b"x" * 100_000] * (DRAIN_SLACK // 100_000 + 2)
    wire = Wire(*pieces)
    with pytest.raises(ConnectionResetError, match="does not stop"):
        await wire.read()


async def test_a_sender_that_goes_away_leaves_nothing() -> None:
    with pytest.raises(ConnectionResetError):
        await Wire(b"half a let", b"ter\r\n").read()


def test_end_mark_is_the_one_of_the_standard() -> None:
    assert END == b"\r\n.\r\n"
