"""Letters are shown without what could run, load or spy."""

from __future__ import annotations

import base64

import pytest

from gateway.mail.show import MAX_PICTURE, harmless_html


def letter(html: str, *pictures: tuple[str, str, bytes]) -> bytes:
    """``pictures``: content type, Content-ID, bytes."""
    parts = ["--r\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html]
    for content_type, name, data in pictures:
        encoded = base64.b64encode(data).decode()
        head = f"--r\r\nContent-Type: {content_type}\r\nContent-ID: <{name}>\r\n"
        parts.append(f"{head}Content-Transfer-Encoding: base64\r\n\r\n{encoded}")
    head = "From: a@example.com\r\nContent-Type: multipart/related; boundary=r\r\n\r\n"
    return (head + "\r\n".join(parts) + "\r\n--r--\r\n").encode()


SMALL = ("image/png", "logo@x", b"\x89PNG" + bytes(10))


def test_a_small_picture_that_came_along_is_shown_in_place() -> None:
    shown = harmless_html(letter('<img src="cid:logo@x" alt="Logo">', SMALL)) or ""
    assert f'src="data:image/png;base64,{base64.b64encode(SMALL[2]).decode()}"' in shown
    assert 'alt="Logo"' in shown


@pytest.mark.parametrize(
    ("html", "picture"),
    [
        ('<img src="cid:logo@x">', ("image/svg+xml", "logo@x", b"<svg onload=alert(1)>")),
        ('<img src="cid:logo@x">', ("image/png", "logo@x", bytes(MAX_PICTURE + 1))),
        ('<img src="cid:other@x">', SMALL),
        ('<img src="https://tracker.example/1.gif">', SMALL),
        ('<img src="data:text/html;base64,PHNjcmlwdD4=">', SMALL),
        ('<img src="//tracker.example/1.gif" srcset="https://tracker.example/2.gif 2x">', SMALL),
    ],
    ids=["svg", "too large", "not there", "remote", "data of the sender", "without a scheme"],
)
def test_no_other_picture_is_shown(html: str, picture: tuple[str, str, bytes]) -> None:
    shown = harmless_html(letter(html, picture)) or ""
    assert "src" not in shown


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<p onclick="alert(1)">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt&#58;alert(1)">x</a>',
        '<iframe src="https://evil.example"></iframe>',
        '<form action="https://evil.example"><input name="password"></form>',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<style>@import "https://evil.example/x.css"</style>',
        '<p style="background:url(https://evil.example/x.gif)">x</p>',
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<base href="https://evil.example/">',
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        '<video poster="https://evil.example/x.gif"></video>',
    ],
)
def test_nothing_runs_loads_or_asks(html: str) -> None:
    shown = (harmless_html(letter(html, SMALL)) or "").lower()
    for danger in ("alert", "evil", "javascript", "<form", "<input", "<style", "<meta", "<base", "onclick", "onerror"):
        assert danger not in shown


def test_a_letter_without_html_has_none_to_show() -> None:
    assert harmless_html(b"From: a@example.com\r\n\r\nHello") is None
    assert harmless_html(b"") is None
