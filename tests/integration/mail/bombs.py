"""Letters made to cost more than they weigh. Each is small on the wire and was seen to take seconds or gigabytes
elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Callable


def _letter(headers: str, body: str | bytes = b"hi\r\n") -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    return f"From: a@example.com\r\n{headers}\r\n\r\n".encode() + content


def _nested(depth: int) -> bytes:
    levels = "".join(f'Content-Type: multipart/mixed; boundary="b{i}"\r\n\r\n--b{i}\r\n' for i in range(depth))
    return ("Subject: n\r\n" + levels + "Content-Type: text/plain\r\n\r\nhi\r\n").encode()


def _html(html: str) -> bytes:
    return _letter("Content-Type: text/html; charset=utf-8", html)


def _wide_html() -> str:
    return "".join(f"<font a{i}>" for i in range(1000)) + "<p>" * 100_000


BOMBS: dict[str, Callable[[], bytes]] = {
    "subject of 20,000 encoded words": lambda: _letter(
        "Subject: " + " ".join(["=?utf-8?b?0L/RgNC40LLQtdGC?="] * 20_000)
    ),
    "folded subject of 20,000 encoded words": lambda: _letter(
        "Subject: " + "\r\n ".join(["=?koi8-r?q?=D2=C9?="] * 20_000)
    ),
    "100,000 parts": lambda: _letter(
        "Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\nx\r\n" * 100_000 + "--b--\r\n"
    ),
    "100,000 headers": lambda: _letter("X-A: b\r\n" * 100_000 + "X-B: c"),
    "To of 20,000 quotes": lambda: _letter("To: " + '"' * 20_000),
    "To of 20,000 addresses": lambda: _letter("To: " + ", ".join(f"a{i}@b.c" for i in range(20_000))),
    "To of 20,000 open comments": lambda: _letter("To: " + "(" * 20_000),
    "From of 1 MB of brackets": lambda: _letter("Sender: " + "<" * 1_000_000),
    "5,000 parameters": lambda: _letter("Content-Type: text/plain" + "".join(f'; a*{i}="x"' for i in range(5_000))),
    "depth 900": lambda: _nested(900),
    "depth 3,000": lambda: _nested(3_000),
    "500 letters in letters": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"Subject: x\r\n\r\nhi",
    "unknown charset": lambda: _letter(
        "Subject: =?nosuch?q?x=FF?=\r\nContent-Type: text/plain; charset=nosuch", b"\xff\xfe"
    ),
    "zlib as charset": lambda: _letter("Content-Type: text/plain; charset=zlib", b"\x78\x9c\x03\x00\x00\x00\x00\x01"),
    "1 MB header line": lambda: _letter("Subject: " + "x" * 1_000_000),
    "one header folded 100,000 times": lambda: _letter("Subject: a" + "\r\n b" * 100_000),
    "30 MB of text": lambda: _letter("Content-Type: text/plain; charset=utf-8", b"word " * 6_000_000),
    "30 MB of one line of >": lambda: _letter("X-A: b", b">" * 30_000_000),
    "30 MB of base64 attachment": lambda: _letter(
        "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64", base64.encodebytes(b"\0" * 22_000_000)
    ),
    "30 MB of boundary-like lines": lambda: _letter(
        "Content-Type: multipart/mixed; boundary=b", b"--bb\r\n" * 5_000_000
    ),
    "boundary of nothing but dashes": lambda: _letter('Content-Type: multipart/mixed; boundary="-"', b"-" * 5_000_000),
    "200,000 nested divs": lambda: _html("<div>" * 200_000),
    "formatting copied into each paragraph": lambda: _html(_wide_html()),
    "60,000 nested tables": lambda: _html("<table><tr><td>" * 60_000),
    "1,000,000 less-than signs": lambda: _html("<" * 1_000_000),
    "400,000 line breaks": lambda: _html("x<br>" * 400_000),
    "lines that look like attributions": lambda: _letter("X-A: b", "On 2024 at 10:00 Ivan <a@b.c>\r\n" * 30_000),
    "lines that look like labels": lambda: _letter("X-A: b", "From: a@b.c\r\n" * 60_000),
    "one line that looks like labels": lambda: _letter(
        "X-A: b", "----- Forwarded Message ----- " + "From: a@b.c To: " * 60_000
    ),
    "digits that look like phones": lambda: _letter("X-A: b", "8 926 123 45 6 " * 60_000),
    "spaces": lambda: _letter("X-A: b", " " * 1_000_000 + "x"),
    "blank lines before anything": lambda: b"\r\n" * 2_000_000 + b"x",
    "label without end": lambda: _letter("X-A: b", ("a" * 50 + " ") * 20_000 + ":"),
    "uuencode that never ends": lambda: _letter(
        "X-A: b", "begin 644 a\n" + "M" + "x" * 60 + "\n" * 1 + ("M" + "x" * 60 + "\n") * 20_000 + "\nend"
    ),
    "Received of 64 kB": lambda: _letter("Received: " + "from (a " * 8_000),
    "Date of brackets": lambda: _letter("Date: " + "(" * 190),
    "References of 20,000 ids": lambda: _letter("References: " + " ".join(f"<{i}@x>" for i in range(20_000))),
    "NUL bytes": lambda: b"Subject: a\0b\r\nTo: \0@x\r\n\r\n\0\0",
    "compressed promise": lambda: _letter("Content-Type: text/plain; charset=utf-7", "+" * 1_000_000),
}
"""What it is -> the bytes."""
