"""What our own servers found out about a sender is shown; what anybody else claims is not."""

from __future__ import annotations

import pytest

from gateway.mail.draft import Ours, make_draft
from gateway.mail.inspect import inspect_mail
from tests.unit.mail.corpora import NOW

TRUSTED = ("mx.shop.example",)
GOOD = (
    "mx.shop.example 1; spf=pass (sender is a; dkim=fail) smtp.mailfrom=ivan@example.com;"
    " dkim=PASS header.d=example.com; dmarc=pass (p=NONE (nested; spf=fail)) header.from=example.com; arc=none"
)


def found(*headers: str, trusted: tuple[str, ...] = TRUSTED) -> dict[str, str]:
    lines = "".join(f"Authentication-Results: {value}\r\n" for value in headers)
    raw = f"From: ivan@example.com\r\n{lines}\r\nHello".encode()
    read: dict[str, str] = inspect_mail(raw, file="", region="RU", now=NOW, trusted=trusted)["authentication"]
    return read


@pytest.mark.parametrize(
    ("headers", "results"),
    [
        ([GOOD], {"spf": "pass", "dkim": "pass", "dmarc": "pass"}),
        (["mx.SHOP.example; spf=softfail"], {"spf": "softfail"}),
        (['"mx.shop.example"; dmarc=fail'], {"dmarc": "fail"}),
        (["mx.shop.example; none"], {}),
        (["mx.shop.example; spf=marvellous; dkim/1 = fail"], {"dkim": "fail"}),
        (["mx.shop.example; dkim=fail; dkim=pass"], {"dkim": "fail"}),
        (["mx.shop.example; spf=fail", "mx.shop.example; spf=pass; dkim=pass"], {"spf": "fail", "dkim": "pass"}),
        (["mx.attacker.example; spf=pass"], {}),
        (["mx.attacker.example; spf=pass; mx.shop.example; dkim=pass"], {}),
        ([""], {}),
        (["((((((((((((((" * 100 + "; spf=pass"], {}),
        ([], {}),
    ],
)
def test_results_of_trusted_servers_count(headers: list[str], results: dict[str, str]) -> None:
    assert found(*headers) == results


def test_without_a_trusted_server_nothing_is_believed() -> None:
    assert found(GOOD, trusted=()) == {}


@pytest.mark.parametrize("trusted", [(), TRUSTED])
def test_the_details_of_an_interaction_show_them_where_there_are_any(trusted: tuple[str, ...]) -> None:
    raw = f"From: ivan@example.com\r\nAuthentication-Results: {GOOD}\r\n\r\nHello".encode()
    record = inspect_mail(raw, file="", region="RU", now=NOW, trusted=trusted)
    details = make_draft(record, {}, NOW, Ours.of((), ()), "RU").details
    assert details.get("authentication") == ({"spf": "pass", "dkim": "pass", "dmarc": "pass"} if trusted else None)
