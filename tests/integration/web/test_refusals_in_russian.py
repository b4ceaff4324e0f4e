"""A refusal on a page speaks its reader's language; the API speaks English to everybody."""

from __future__ import annotations

import html

from tests.integration.web.site import Browser, Site


async def test_a_page_refuses_in_the_language_of_its_reader(signed_in: Browser) -> None:
    status, text, _ = await signed_in.get("/leads?period=zzz", Accept_Language="ru")
    assert status == 400
    assert "Периода 'zzz' нет; есть" in html.unescape(text)
    assert 'lang="en">There' not in text
    status, text, _ = await signed_in.get("/leads?period=zzz", Accept_Language="en")
    assert "There is no period 'zzz'; there are" in html.unescape(text)


async def test_what_a_stranger_wrote_into_an_address_stays_a_text(signed_in: Browser) -> None:
    for language in ("ru", "en"):
        _, text, _ = await signed_in.get("/leads?period=%3Cscript%3E%25(name)s", Accept_Language=language)
        assert "<script>%(" not in text
        assert "<script>%(name)s" in html.unescape(text)


async def test_the_api_stays_english(site: Site, signed_in: Browser) -> None:
    _, text, answer = await signed_in.get("/api/v1/leads?colour=red", Accept_Language="ru")
    assert answer.content_type == "application/problem+json"
    assert "There is no parameter" in text


async def test_a_form_that_is_refused_says_so_in_russian(site: Site, signed_in: Browser) -> None:
    csrf = await signed_in.csrf("/settings/people")
    await signed_in.post("/language", {"csrf": csrf, "language": "ru"})
    fields = {"csrf": csrf, "login": "oleg", "name": "Oleg", "role": "manager", "email": "nonsense"}
    status, text, _ = await signed_in.post("/settings/people", fields)
    assert status == 422
    assert "Это не почтовый адрес." in text
