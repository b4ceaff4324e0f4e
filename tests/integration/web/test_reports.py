"""The pages of the reports: every number opens what it counts, files say what the screen says, roles see their own."""

from __future__ import annotations

import csv
import html
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from io import BytesIO, StringIO
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from gateway.reports.catalogue import reports
from gateway.storage.store import Store
from gateway.web.pages.reports import ReportPages
from gateway.web.settings import WebSettings
from tests.integration.reports.test_facts import fill
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.unit.reports.facts import HOURS

PERIOD = "from=2026-11-16&to=2026-11-29"
KEYS = [report.key for report in reports([("new", "New")])]
LINK = re.compile(r'<td class="(?:number|h\d)"><a href="([^"]+)">([^<]*)</a>')


def stages(gettext: object) -> Mapping[str, str]:
    return {"new": "Новый", "paid": "Оплачено"}


@pytest_asyncio.fixture
async def filled(store: Store) -> AsyncIterator[Site]:
    """A site with reports over a small office; managers see only their own."""
    await store.write(fill)
    settings = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")
    async with running_site(
        store, settings, pages=lambda means: ReportPages(means, stages, HOURS.of_line).routes()
    ) as running:
        yield running


@pytest_asyncio.fixture
async def owner(filled: Site) -> AsyncIterator[Browser]:
    await filled.add_user("boss")
    async with new_browser(filled) as browser:
        await browser.sign_in("boss")
        yield browser


async def test_the_first_page_tells_the_totals_and_leads_to_each_report(owner: Browser) -> None:
    status, text, _ = await owner.get(f"/reports?{PERIOD}")
    assert status == 200
    for key in KEYS:
        assert f"/reports/{key}?" in text
    assert "<b>3</b><span>Calls</span>" in text
    assert "<b>33%</b><span>Missed share</span>" in text


@pytest.mark.parametrize("key", KEYS)
async def test_every_report_is_shown_and_every_number_opens_its_rows(owner: Browser, key: str) -> None:
    status, text, _ = await owner.get(f"/reports/{key}?{PERIOD}")
    assert status == 200
    for address, shown in LINK.findall(text):
        status, rows, _ = await owner.get(html.unescape(address))
        assert status == 200, address
        if shown.isdigit() and key != "heat_share":
            assert rows.count("<tr>") - 1 == int(shown), (address, shown)


async def test_every_report_speaks_russian(owner: Browser) -> None:
    await owner.post("/language", {"csrf": await owner.csrf("/reports"), "language": "ru", "next": "/"})
    for key in KEYS:
        status, text, _ = await owner.get(f"/reports/{key}?{PERIOD}")
        assert status == 200
        assert re.search(r"<h2>[А-Я]", text), key


async def test_a_day_without_anything_is_a_report_too(owner: Browser) -> None:
    for key in KEYS:
        status, _, _ = await owner.get(f"/reports/{key}?from=2020-01-01&to=2020-01-01")
        assert status == 200


async def test_csv_says_what_the_screen_says(owner: Browser) -> None:
    for key in KEYS:
        _, page, _ = await owner.get(f"/reports/{key}?{PERIOD}")
        status, text, answer = await owner.get(f"/reports/{key}/table.csv?{PERIOD}")
        assert (status, answer.content_type) == (200, "text/csv")
        assert f'filename="{key}-2026-11-16-2026-11-29.csv"' in answer.headers["Content-Disposition"]
        rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
        shown = [html.unescape(cell) for cell in re.findall(r"<td class=\"number\">(?:<a [^>]*>)?([^<]*)", page)]
        if "heat" not in key:
            assert [cell for row in rows[1:] for cell in row[1:]] == shown, key


SWITCHES = ["when=working", "when=after", "clock=wall", "channel=call&when=after&clock=wall"]


@pytest.mark.parametrize("switch", SWITCHES)
async def test_the_switches_of_the_bar_govern_the_files_too(owner: Browser, switch: str) -> None:
    for key in ("callbacks", "response", "channels", "lines"):
        _, page, _ = await owner.get(f"/reports/{key}?{PERIOD}&{switch}")
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)" download', page)]
        assert [switch in link for link in links] == [True, True], "the files are those of the screen"
        _, text, _ = await owner.get(next(link for link in links if ".csv" in link))
        rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
        shown = [html.unescape(cell) for cell in re.findall(r"<td class=\"number\">(?:<a [^>]*>)?([^<]*)", page)]
        assert [cell for row in rows[1:] for cell in row[1:]] == shown, key


async def test_the_rows_behind_each_number_are_a_file_with_a_row_for_each(owner: Browser) -> None:
    for key in KEYS:
        _, page, _ = await owner.get(f"/reports/{key}?{PERIOD}")
        for link, _ in LINK.findall(page)[:3]:
            _, behind, _ = await owner.get(html.unescape(link))
            files = [html.unescape(one) for one in re.findall(r'href="([^"]+)" download', behind)]
            assert [one.split("?")[0].rsplit(".", 1)[1] for one in files] == ["csv", "xlsx"], link
            status, text, answer = await owner.get(files[0])
            assert (status, answer.content_type) == (200, "text/csv")
            assert len(list(csv.reader(StringIO(text)))) - 1 == behind.count("<tr>") - 1, link


async def test_a_cost_opens_the_amounts_that_it_is_made_of(owner: Browser) -> None:
    _, page, _ = await owner.get(f"/reports/money?{PERIOD}")
    link = next(html.unescape(link) for link, _ in LINK.findall(page) if "column=cost&" in f"{html.unescape(link)}&")
    _, behind, _ = await owner.get(link)
    assert "yandex" in behind
    _, text, _ = await owner.get(link.replace("/rows?", "/rows.csv?"))
    columns, *rows = csv.reader(StringIO(text.removeprefix("\ufeff")))
    assert {"source", "from", "to", "amount", "currency"} <= set(columns), "as leadgate import spend reads it"
    assert len(rows) == 1


async def test_xlsx_has_numbers_as_numbers(owner: Browser) -> None:
    async with owner.session.get(owner._site.url(f"/reports/money/table.xlsx?{PERIOD}")) as answer:
        body = await answer.read()
    sheet = ElementTree.fromstring(zipfile.ZipFile(BytesIO(body)).read("xl/worksheets/sheet1.xml"))
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    cells = {c.get("r"): c for c in sheet.findall(".//s:c", space)}
    assert cells["C2"].findtext("s:v", namespaces=space) == "14"
    assert cells["C2"].get("t") is None, "a number"
    assert cells["A2"].get("t") == "s", "a text"


async def test_a_manager_sees_only_his_own_in_every_report(filled: Site) -> None:
    await filled.accounts.set_password("m2", "correct horse battery 2")
    async with new_browser(filled) as browser:
        await browser.sign_in("m2", "correct horse battery 2")
        _, money, _ = await browser.get(f"/reports/money?{PERIOD}")
        assert "column=cost&" not in html.unescape(money).replace('"', "&"), "what all of them cost is not his"
        _, text, _ = await browser.get(f"/reports/lines?{PERIOD}")
        assert "+7 495 000-00-02" not in text
        _, rows, _ = await browser.get(f"/reports/lines/rows?{PERIOD}&row=total&column=all")
        assert rows.count("<tr>") - 1 == 2, "his call, and the missed one that is nobody's"
        status, _, _ = await browser.get(f"/reports/lines/rows?{PERIOD}&row=%2B74950000002&column=all&manager=m1")
        assert status == 404


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/reports?period=always", 400),
        ("/reports?from=yesterday", 400),
        ("/reports?from=2026-11-02&to=2026-11-01", 400),
        ("/reports?from=0001-01-01", 400),
        ("/reports?from=2020-01-01&to=2026-01-01", 400),
        ("/reports?when=sometimes", 400),
        ("/reports?clock=sun", 400),
        ("/reports?line=%00", 400),
        ("/reports/nothing", 404),
        ("/reports/lines/rows?row=x&column=y", 404),
        ("/reports/lines/table.exe", 404),
        ("/reports?manager=%27%3B--&source=%3Cscript%3E", 200),
    ],
)
async def test_odd_questions_get_a_clear_answer(owner: Browser, address: str, status: int) -> None:
    found, text, _ = await owner.get(address)
    assert found == status
    assert "<script>" not in text.replace('<script type="module"', "")
