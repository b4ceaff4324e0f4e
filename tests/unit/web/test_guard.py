"""Where a browser may be sent after signing in: only within this site."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.guard import local_path


@pytest.mark.parametrize("target", ["/", "/leads/1", "/?channel=call&q=%D0%B8", "/leads/1#x", "/a:b"])
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert local_path(target) == target


@pytest.mark.parametrize(
    "target",
    [None, "", "leads", "//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)",
     "/\t/evil.example", "/ok\r\nSet-Cookie: a=b", "/a\\b", "/\x00"],
)  # fmt: skip
def test_anything_else_becomes_the_start_page(target: str | None) -> None:
    assert local_path(target) == "/"


@given(st.text(max_size=30))
def test_no_text_leads_away(text: str) -> None:
    target = local_path(text)
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))
    assert "\n" not in target
    assert "\r" not in target
