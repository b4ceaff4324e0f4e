"""The pages: what they show, in both languages, and that nothing a stranger sent becomes markup."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection

from gateway.web.pages.leads import ROWS
from tests.integration.web.site import Browser, Site
from tests.support.clock import MONDAY
from tests.support.seed import NO_SOURCE, add_contact, add_interaction, add_lead, add_manager

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


async def test_the_list_shows_who_what_where_and_when(office: Site, signed_in: Browser) -> None:
    status, text, _ = await signed_in.get("/leads")
    assert status == 200
    for expected in (
        "Иван Петров",
        'href="tel:+79261234567">+7 926 123-45-67<',
        "ivan@example.com",
        "Заявка с сайта",
        "yandex / kitchens-moscow",
        "Анна Смирнова",
        "3 interactions",
        "1 interaction<",
        ">11:20</time>",
        "nobody picked up",
        "Oct 19, 2025",
    ):
        assert expected in text, expected


async def test_the_list_in_russian(office: Site, signed_in: Browser) -> None:
    _, text, _ = await signed_in.get("/leads", Accept_Language="ru")
    for expected in ("3 обращения", "1 обращение", "Пропущен", "никто не взял трубку", "22 нояб., 06:00", "Выйти"):
        assert expected in text, expected


async def test_what_came_outside_of_working_hours_is_marked(office: Site, signed_in: Browser) -> None:
    _, text, _ = await signed_in.get("/leads")
    rows = {row.split('"')[0]: row for row in text.split('id="lead-')[1:]}
    assert [name for name, row in rows.items() if "After hours" in row] == ["l-caller"]
    _, text, _ = await signed_in.get("/leads", Accept_Language="ru")
    assert text.count("Нерабочее время") == 1
    _, text, _ = await signed_in.get("/leads/l-caller")
    assert "After hours" in text


async def test_the_card_shows_the_joined_history_newest_first(office: Site, signed_in: Browser) -> None:
    status, text, _ = await signed_in.get("/leads/l-ivan")
    assert status == 200
    places = [text.index(part) for part in ("Talked 3:07", "Прикладываю план комнаты.", "8 926 123-45-67")]
    assert places == sorted(places)
    for expected in ("план.pdf", "482 kB", "The date is in the future.", "yclid", "Answered by"):
        assert expected in text, expected


async def test_a_lead_of_nobody_is_shown(office: Site, signed_in: Browser) -> None:
    _, text, _ = await signed_in.get("/leads/l-withheld")
    assert "Unknown person" in text
    assert "1:02:05" in text


async def test_filters_are_links_that_keep_each_other(office: Site, signed_in: Browser) -> None:
    _, text, _ = await signed_in.get("/leads?channel=call&q=987")
    assert 'href="/leads?channel=call&amp;q=987&amp;status=open"' in text
    assert "+7 495 987-65-43" in text
    assert "Иван Петров" not in text


async def test_a_list_without_rows_says_why(site: Site, signed_in: Browser) -> None:
    assert "No leads yet." in (await signed_in.get("/leads"))[1]
    assert "No lead fits these filters." in (await signed_in.get("/leads?status=won"))[1]


async def test_older_leads_are_one_link_away(site: Site, signed_in: Browser) -> None:
    def sixty(connection: Connection) -> None:
        for number in range(2 * ROWS):
            add_lead(connection, f"l-{number:02}", None, subject=f"subject {number:02}")

    await site.store.write(sixty)
    _, text, _ = await signed_in.get("/leads")
    assert text.count('<li class="lead"') == ROWS
    older = re.search(r'href="(/leads\?cursor=[^"]+)" rel="next"', text)
    assert older is not None
    _, text, _ = await signed_in.get(older.group(1))
    assert text.count('<li class="lead"') == ROWS
    assert "data-live" not in text


def attack(connection: Connection) -> None:
    """A lead with markup wherever a stranger can write."""
    add_manager(connection, "m-evil", "evil", name=EVIL)
    add_contact(connection, "c-evil", name=EVIL, company=EVIL, phones=[EVIL], emails=[f"{EVIL}@example.com"])
    source = {"name": EVIL, "page": "javascript:alert(1)", "referer": EVIL, "utm": {"source": EVIL, EVIL: EVIL},
              "click_ids": {EVIL: EVIL}}  # fmt: skip
    add_lead(connection, "l-evil", "c-evil", manager_id="m-evil", subject=EVIL, text=EVIL, fields={EVIL: EVIL},
             source=source, status="<b>x")  # fmt: skip
    details = {"caller": EVIL, "dialled": EVIL, "queue": EVIL, "missed_reason": EVIL, "answered_by": EVIL,
               "wait_seconds": EVIL}  # fmt: skip
    for channel in ("call", "mail", "form"):
        add_interaction(connection, f"i-{channel}", channel=channel, lead_id="l-evil", subject=EVIL, text=EVIL,
                        fields={EVIL: EVIL}, line=EVIL, outcome="missed", kind="<i>kind", source=source,
                        details=details, problems=[EVIL], source_name=EVIL,
                        attachments=[{"name": EVIL, "content_type": EVIL, "size": EVIL}])  # fmt: skip


@pytest.mark.parametrize("path", ["/leads", "/leads/l-evil"])
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_nothing_that_a_stranger_sent_becomes_markup(
    site: Site, signed_in: Browser, path: str, language: str
) -> None:
    await site.store.write(attack)
    status, text, _ = await signed_in.get(path, Accept_Language=language)
    assert status == 200
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "<img" not in text
    assert "<b>x" not in text
    assert 'href="javascript:' not in text
    assert "49" not in re.sub(r'"[^"]*"', "", text).replace("&#34;", "")


async def test_a_search_word_is_shown_escaped(signed_in: Browser) -> None:
    _, text, _ = await signed_in.get("/leads?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


async def test_pages_hold_nothing_that_the_policy_would_refuse(office: Site, signed_in: Browser) -> None:
    for path in ("/leads", "/leads/l-ivan", "/nothing", "/setup/x"):
        _, text, answer = await signed_in.get(path)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! type=\"module\" src=\"/static/)", text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!shop\.example)', text), path


async def test_a_full_page_of_leads_is_below_sixty_kilobytes(site: Site, signed_in: Browser) -> None:
    def fifty(connection: Connection) -> None:
        for number in range(50):
            add_contact(connection, f"c-{number}", name="Мария Иванова", phones=[f"+7926000{number:04}"],
                        emails=[f"maria{number}@example.com"])  # fmt: skip
            source = {**NO_SOURCE, "name": "site", "utm": {"source": "yandex", "campaign": "kitchens"}}
            add_lead(connection, f"l-{number}", f"c-{number}", subject="Заявка с сайта", text="текст " * 60,
                     source=source)  # fmt: skip
            add_interaction(connection, f"i-{number}", lead_id=f"l-{number}")

    await site.store.write(fifty)
    _, text, _ = await signed_in.get("/leads")
    assert text.count('<li class="lead"') == ROWS
    assert len(text.encode()) < 60_000


async def test_assets_are_cached_for_ever_under_a_name_of_their_content(site: Site, browser: Browser) -> None:
    _, text, _ = await browser.get("/login")
    names = re.findall(r'"(/static/[^"]+)"', text)
    assert len(names) == 3
    for name in names:
        status, body, answer = await browser.get(name)
        assert status == 200
        assert body
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await browser.get("/static/app.css"))[0] == 404
    assert (await browser.get("/static/..%2f..%2fserver.py"))[0] == 404


async def test_a_missing_lead_is_a_page_for_people(signed_in: Browser) -> None:
    status, text, answer = await signed_in.get("/leads/none", Accept_Language="ru")
    assert (status, answer.content_type) == (404, "text/html")
    assert "Здесь ничего нет" in text


async def test_times_follow_the_clock(office: Site, signed_in: Browser) -> None:
    assert office.clock.now() == MONDAY
    office.clock.move(60 * 29)
    _, text, _ = await signed_in.get("/leads/l-ivan")
    assert "23 November 2026, 11:20:00 GMT+03:00" in text
