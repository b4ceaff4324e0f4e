"""Where a browser may be sent after signing in: only within this site. And the tokens of forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.guard import disguised, local_path, undisguised


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


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80))
def test_the_token_of_a_form_is_another_one_on_each_page_and_means_the_same(secret: str) -> None:
    first, second = disguised(secret), disguised(secret)
    assert undisguised(first) == undisguised(second) == secret.encode()
    assert first != second or len(secret) < 8, "compressed pages must not tell it"
    assert secret not in first or len(secret) < 8


@given(st.text(max_size=60))
def test_a_token_that_is_none_of_ours_is_no_token(sent: str) -> None:
    assert isinstance(undisguised(sent), bytes)
