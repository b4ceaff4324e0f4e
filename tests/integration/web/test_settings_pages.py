"""The administration by plain forms: people, absences, days, tokens, sources, deliveries, letters, the log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert, select, update

from crm_adapter.said import Said
from gateway.app.pages import administration_routes
from gateway.app.routing import RoutingParts
from gateway.app.settingspages import settings_parts
from gateway.audit.log import Deed, newest, record
from gateway.capture.deliverylog import StoredDeliveryLog
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.config import Settings
from gateway.core.ports import SourceHealth
from gateway.core.sentences import Sentence
from gateway.delivery import outbox
from gateway.delivery.crmwords import kept
from gateway.routing.absences import listed as absences
from gateway.routing.exceptions import listed as days
from gateway.storage.store import Store
from gateway.storage.tables import Attempt, Audit, Journal, Manager, Outbox, Outgoing
from gateway.web.people import people
from gateway.webforms.intake import FormIntake
from gateway.webforms.submission import Submission
from tests.integration.web.site import PASSWORD, Browser, FixedStatus, Site, new_browser, running_site
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.seed import add_delivery, add_manager

CONFIG = """\
[gateway]
data = "{data}"
[smtp]
listen = ""
[[pbx]]
name = "office"
host = "127.0.0.1"
port = {nobody}
username = "leadgate"
secret = "a-secret"
[[form]]
key = "site"
name = "The site"
[[crm]]
name = "main"
adapter = "memory"
[hours]
mon = ["09:00-18:00"]
tue = ["09:00-18:00"]
[[hours.exception]]
date = 2026-12-31
hours = ["09:00-12:00"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "leadgate.toml"
    file.write_text(CONFIG.format(data=tmp_path / "data", nobody=free_port()))
    return Settings.load(file, {})


@pytest.fixture
def state() -> FixedStatus:
    """What the overview says of the gateway."""
    return FixedStatus()


@pytest_asyncio.fixture
async def site(store: Store, settings: Settings, state: FixedStatus) -> AsyncIterator[Site]:
    clock = FakeClock()
    parts = settings_parts(settings, clock, state, RoutingParts(settings, store, clock))
    async with running_site(store, pages=lambda means: administration_routes(means, parts, settings)) as running:
        await running.add_user("boss")
        yield running


@pytest_asyncio.fixture
async def boss(site: Site) -> AsyncIterator[Browser]:
    async with new_browser(site) as new:
        await new.sign_in("boss")
        yield new


async def post(browser: Browser, path: str, **fields: str) -> tuple[int, str, str]:
    """Status, text, and where it leads."""
    fields = {name.rstrip("_"): value for name, value in fields.items()}
    status, text, answer = await browser.post(path, {"csrf": await browser.csrf("/profile"), **fields})
    return status, text, answer.headers.get("Location", "")


def actions(site: Site) -> list[str]:
    """What was done, the newest first; signing in apart."""
    found = [row["action"] for row in site.store.peek(lambda c: newest(c, 20))]
    return [action for action in found if action != "session.opened"]


def find(site: Site, login: str) -> Any:
    found = site.store.peek(lambda c: people(c, site.clock.now()))
    return next(one for one in found if one.login == login)


async def test_somebody_new_signs_in_by_the_link_that_is_shown_once(site: Site, boss: Browser) -> None:
    status, text, _ = await post(
        boss,
        "/settings/people",
        login="anna",
        name="Анна",
        role="manager",
        extensions="101, 102",
        mobile="+79035550101",
    )
    assert status == 200
    [link] = re.findall(r"http://[^<]*(/setup/[\w-]+)", text)
    assert find(site, "anna").extensions == ("101", "102")
    assert actions(site)[0] == "user.added"
    _, text, _ = await boss.get("/settings/people")
    assert link not in text
    async with new_browser(site) as anna:
        fields = {"csrf": await anna.csrf(link), "password": PASSWORD, "again": PASSWORD}
        assert (await anna.post(link, fields))[0] == 303
        assert (await anna.get("/profile"))[0] == 200
        assert (await anna.get("/settings"))[0] == 403
        assert (await anna.get(link))[0] == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"login": "", "role": "manager"},
        {"login": "BOSS", "role": "manager"},
        {"login": "x", "role": "emperor"},
        {"login": "x", "role": "manager", "extensions": "10a"},
        {"login": "x", "role": "manager", "email": "nobody"},
        {"login": "x", "role": "manager", "mobile": "12"},
        {"login": "x" * 300, "role": "manager"},
    ],
)
async def test_what_can_t_be_an_account_is_told_on_the_page(site: Site, boss: Browser, fields: dict[str, str]) -> None:
    status, text, _ = await post(boss, "/settings/people", **fields)
    assert status == 422
    assert 'role="alert"' in text
    assert len(site.store.peek(lambda c: people(c, site.clock.now()))) == 1


async def test_a_person_is_changed_locked_out_and_let_in_again(site: Site, boss: Browser) -> None:
    await site.add_user("anna", role="manager")
    anna = find(site, "anna")
    home = f"/settings/people/{anna.id}"
    assert (await post(boss, home, name="Anna B", role="chief", extensions="105"))[0] == 303
    assert (find(site, "anna").name, find(site, "anna").role) == ("Anna B", "chief")
    async with new_browser(site) as browser:
        await browser.sign_in("anna")
        assert (await browser.get("/settings"))[0] == 200
        assert (await post(boss, home + "/lock"))[0] == 303
        assert (await browser.get("/settings"))[0] == 303
        assert (await browser.sign_in("anna"))[0] == 401
        assert (await post(boss, home + "/link"))[0] == 422
        assert (await post(boss, home + "/unlock"))[0] == 303
        assert (await browser.sign_in("anna"))[0] == 303
    assert actions(site)[:3] == ["user.enabled", "user.disabled", "user.changed"]


async def test_the_last_owner_stays_one(site: Site, boss: Browser) -> None:
    mine = find(site, "boss")
    assert (await post(boss, f"/settings/people/{mine.id}", name="x", role="manager"))[0] == 422
    assert (await post(boss, f"/settings/people/{mine.id}/lock"))[0] == 422
    assert find(site, "boss").role == "owner"
    await site.add_user("second", role="owner")
    assert (await post(boss, f"/settings/people/{mine.id}/lock"))[0] == 422  # not himself
    assert (await post(boss, f"/settings/people/{find(site, 'second').id}/lock"))[0] == 303


async def test_who_stands_in_the_file_is_changed_there(site: Site, boss: Browser) -> None:
    await site.store.write(lambda c: add_manager(c, "m-oleg", "oleg", configured_at=MONDAY))
    status, text, _ = await boss.get("/settings/people")
    assert "from the file" in text
    assert (await post(boss, "/settings/people/m-oleg", name="x", role="owner"))[0] == 422
    assert find(site, "oleg").role == "manager"
    status, text, _ = await post(boss, "/settings/people/m-oleg/link")
    assert status == 200
    assert "/setup/" in text


async def test_an_absence_is_entered_for_whole_days_and_taken_back(site: Site, boss: Browser) -> None:
    await site.store.write(lambda c: add_manager(c, "m-oleg", "oleg"))
    fields = {"manager": "m-oleg", "first": "2026-12-01", "last": "2026-12-03", "reason": "vacation"}
    assert (await post(boss, "/settings/absences", **fields))[0] == 303
    [absence] = site.store.peek(absences)
    assert absence.ends_at - absence.starts_at == timedelta(days=3)
    for wrong in ({"first": "2026-12-09"}, {"first": "x"}, {"substitute": "m-oleg"}):
        assert (await post(boss, "/settings/absences", **{**fields, **wrong}))[0] == 422
    assert (await post(boss, "/settings/absences", **{**fields, "manager": "nobody"}))[0] == 404
    assert (await post(boss, f"/settings/absences/{absence.id}/remove"))[0] == 303
    assert site.store.peek(absences) == []


async def test_a_day_with_other_hours_is_entered_and_taken_back(site: Site, boss: Browser) -> None:
    _, text, _ = await boss.get("/settings/hours")
    assert "09:00–18:00" in text
    assert "09:00-12:00" in text
    assert (await post(boss, "/settings/hours", first="2026-12-30", hours="09:00–13:00", schedule="company"))[0] == 303
    [day] = site.store.peek(days)
    assert (day.hours, day.schedules) == (["09:00-13:00"], ["company"])
    for wrong in ({"first": ""}, {"hours": "25:00-26:00"}, {"schedule": "nowhere"}, {"last": "2020-01-01"}):
        assert (await post(boss, "/settings/hours", **{"first": "2026-12-30", **wrong}))[0] == 422
    assert (await post(boss, f"/settings/hours/{day.id}/remove"))[0] == 303
    assert site.store.peek(days) == []


@pytest.mark.parametrize("caller", ["+79261234567", "no number", "", "%00"])
async def test_the_rules_are_asked_and_say_why(boss: Browser, caller: str) -> None:
    status, text, _ = await boss.get(f"/settings/hours?explain=1&caller={caller}&dialled=%2B74951234567&channel=call")
    assert status == 200
    assert "Nobody gets the person" in text
    assert "the person belongs to nobody" in text


async def test_a_token_is_shown_once_works_and_ends(site: Site, boss: Browser) -> None:
    status, text, _ = await post(boss, "/settings/access/tokens", name="site")
    assert status == 200
    [secret] = re.findall(r"<code>([\w-]{43})</code>", text)
    headers = {"Authorization": f"Bearer {secret}"}
    async with boss.session.get(site.url("/api/v1/leads"), headers=headers) as answer:
        assert answer.status == 200
    _, text, _ = await boss.get("/settings/access")
    assert secret not in text
    [token] = await site.accounts.tokens()
    assert (await post(boss, "/settings/access/tokens", name="site"))[0] == 422
    assert (await post(boss, f"/settings/access/tokens/{token.id}/revoke"))[0] == 303
    async with boss.session.get(site.url("/api/v1/leads"), headers=headers) as answer:
        assert answer.status == 401
    assert actions(site)[:2] == ["token.revoked", "token.added"]


async def test_the_owner_ends_anybodys_session_and_a_chief_sees_only_his_own(site: Site, boss: Browser) -> None:
    await site.add_user("anna", role="chief")
    async with new_browser(site) as anna:
        await anna.sign_in("anna")
        _, text, _ = await anna.get("/settings/access")
        assert "boss" not in text
        _, text, _ = await boss.get("/settings/access")
        [public_id] = re.findall(r"/settings/access/sessions/([0-9a-f]{16})/end", text)
        assert (await post(boss, f"/settings/access/sessions/{public_id}/end"))[0] == 303
        assert (await anna.get("/settings"))[0] == 303
    for wrong in ("0" * 16, "%25" * 16, "x"):
        assert (await post(boss, f"/settings/access/sessions/{wrong}/end"))[0] == 404


async def test_a_source_is_examined_on_the_spot(boss: Browser) -> None:
    _, text, _ = await boss.get("/settings/sources")
    assert "office" in text
    assert "The site" in text
    assert "a-secret" not in text
    status, text, _ = await post(boss, "/settings/sources/pbx/office/examine")
    assert status == 200
    assert 'data-level="FAIL"' in text
    assert (await post(boss, "/settings/sources/pbx/nowhere/examine"))[0] == 404


PEER = {"peer": "192.0.2.1:5038", "words": Sentence("connection refused")}


async def test_what_doctor_says_is_russian_on_a_russian_page(state: FixedStatus, boss: Browser) -> None:
    detail = Sentence("Can't connect to %(peer)s (%(words)s); is the PBX up, is its manager enabled?", PEER)
    pbx = SourceHealth(name="ami:office", ok=False, state="unreachable", detail=detail)
    state.value = msgspec.structs.replace(state.value, sources=(pbx,))
    boss.session.headers["Accept-Language"] = "ru"
    _, text, _ = await post(boss, "/settings/sources/pbx/office/examine")
    found = text.partition('<ul class="findings">')[2].partition("</ul>")[0]
    assert "Не удаётся подключиться" in found
    assert "соединение отклонено" in found
    assert 'lang="en"' not in found
    _, text, _ = await boss.get("/settings")
    assert "ami:office: " in text
    assert "connect" not in re.sub(r"<[^>]+>", "", text.partition("<main")[2])


async def test_the_guide_tries_what_was_typed_and_gives_the_lines(site: Site, boss: Browser) -> None:
    fields = {"name": "branch", "host": "127.0.0.1", "port": str(free_port()), "username": 'l"g', "secret": "hush-hush"}
    status, text, _ = await post(boss, "/settings/guide/pbx", **fields)
    assert status == 200
    assert 'data-level="FAIL"' in text
    assert "username = &#34;l\\&#34;g&#34;" in text
    assert "secret_file" in text
    assert "hush-hush" not in text
    [deed] = [row for row in site.store.peek(lambda c: newest(c, 5)) if row["action"] == "source.tried"]
    assert "hush-hush" not in str(deed["detail"])
    status, text, _ = await post(boss, "/settings/guide/form", key="landing", name="Landing")
    assert "+79261234567" in text
    assert 'data-level="OK"' in text
    for wrong in ({**fields, "port": "x"}, {**fields, "host": ""}):
        status, text, _ = await post(boss, "/settings/guide/pbx", **wrong)
        assert (status, 'role="alert"' in text) == (200, True)
    assert (await post(boss, "/settings/guide/nothing"))[0] == 404


async def test_a_form_shows_what_it_received_and_reads_it_again(
    site: Site, boss: Browser, settings: Settings, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    sink = DurableSink(
        store=site.store,
        spool=spool,
        clock=site.clock,
        new_id=counting_ids(),
        keep=None,
        on_stored=lambda: None,
        patience=PATIENCE,
    )
    await sink.start()
    intake = FormIntake(settings.form, sink, site.clock, region="RU")
    kind = "application/x-www-form-urlencoded"
    await intake.submit(Submission(form="site", raw=b"name=Ivan&phone=%2B79261234567", content_type=kind))
    await sink.stop()
    _, text, _ = await boss.get("/settings/forms/site")
    [number] = re.findall(r"/settings/submissions/(\d+)\"", text)
    _, text, _ = await boss.get(f"/settings/submissions/{number}")
    assert "name=Ivan" in text
    status, _, where = await post(boss, f"/settings/submissions/{number}/replay")
    assert (status, where) == (303, f"/settings/submissions/{number}?done=unchanged")
    status, text, _ = await post(boss, "/settings/forms/site/sample", body="Name=Petr&tel=89261234568", type=kind)
    assert (status, "+79261234568" in text) == (200, True)
    status, _, where = await post(boss, f"/settings/submissions/{number}/replay", back="form")
    assert (status, where) == (303, "/settings/forms/site?done=unchanged")
    for path in ("/settings/forms/none", "/settings/submissions/999", "/settings/submissions/x"):
        assert (await boss.get(path))[0] == 404


async def test_a_form_says_what_became_of_each_submission_and_what_was_refused(
    site: Site, boss: Browser, settings: Settings, tmp_path: Path
) -> None:
    sink = DurableSink(
        store=site.store, spool=Spool(tmp_path / "spool"), clock=site.clock, new_id=counting_ids(), keep=None,
        on_stored=lambda: None, patience=PATIENCE,
    )  # fmt: skip
    notes = StoredDeliveryLog(site.store, site.clock, "form")
    await sink.start()
    intake = FormIntake(settings.form, sink, site.clock, region="RU", deliveries=notes)
    kind = "application/x-www-form-urlencoded"
    submission = Submission(form="site", raw=b"name=Ivan&phone=%2B79261234567", content_type=kind)
    for _ in range(3):
        await intake.submit(submission)
    await notes.flush()
    await sink.stop()
    _, text, _ = await boss.get("/settings/forms/site")
    assert "waits to be processed" in text
    assert "came twice" in text
    assert text.count("/replay") == 1
    await site.store.write(lambda c: c.execute(update(Journal).values(state="done")))
    assert "kept, without a lead" in (await boss.get("/settings/forms/site"))[1]
    await site.store.write(lambda c: c.execute(update(Journal).values(state="aside", error="broken")))
    assert "set aside" in (await boss.get("/settings/forms/site"))[1]


async def test_deliveries_are_shown_in_part_and_tried_again_or_dropped(site: Site, boss: Browser) -> None:
    await site.store.write(lambda c: add_delivery(c, 7, lead_id=None, state="dead", tries=2))
    payload = {"data": {"contact": {"name": "Ivan Petrov", "phones": ["+79261234567"]}}}
    await site.store.write(lambda c: c.execute(update(Outbox).values(payload=payload)))
    _, text, _ = await boss.get("/settings/crm?state=dead")
    assert "/settings/crm/deliveries/7" in text
    _, text, _ = await boss.get("/settings/crm/deliveries/7")
    assert "Petrov" not in text
    assert "+79261234567" not in text

    def state() -> str:
        return site.store.peek(lambda c: c.execute(select(Outbox.state).where(Outbox.id == 7)).scalar_one())

    for deed, expected in (("retry", "waiting"), ("hold", "held"), ("release", "waiting"), ("drop", "dropped")):
        assert (await post(boss, f"/settings/crm/deliveries/7/{deed}"))[0] == 303
        assert state() == expected
    assert (await post(boss, "/settings/crm/deliveries/7/drop"))[0] == 409
    assert (await post(boss, "/settings/crm/deliveries/7/burn"))[0] == 404
    assert (await post(boss, "/settings/crm/main/hold", reason="moving"))[0] == 303
    assert "moving" in (await boss.get("/settings/crm"))[1]
    assert (await post(boss, "/settings/crm/main/release"))[0] == 303
    assert (await post(boss, "/settings/crm/nowhere/hold"))[0] == 404
    assert actions(site).count("outbox.changed") == 6


async def test_why_a_crm_is_on_hold_is_said_in_the_language_of_whoever_looks(site: Site, boss: Browser) -> None:
    why = Said("%(host)s can't be reached: nothing listens there", host="crm.example.com")
    await site.store.write(lambda c: add_delivery(c, 7, lead_id=None, state="waiting", tries=1))

    def unit(connection: Connection) -> None:
        outbox.hold_crm(connection, "main", why, MONDAY)
        outbox.hold(connection, [7], why, MONDAY)
        connection.execute(update(Attempt).values(detail=str(why), words=kept(why)))

    await site.store.write(unit)
    for page in ("/settings/crm", "/settings/crm/deliveries/7"):
        _, text, _ = await boss.get(page, Accept_Language="ru")
        assert text.count("crm.example.com недоступен: там никто не отвечает") == 2
        assert "nothing listens" not in text, page
    _, text, _ = await boss.get("/settings/crm", Accept_Language="en")
    assert text.count("nothing listens there") == 2


async def test_a_crm_that_gives_no_answers_says_so_where_its_deliveries_wait(
    site: Site, boss: Browser, state: FixedStatus
) -> None:
    detail = Sentence(
        "%(crm)s gives no usable answers; the next try is in %(seconds)s s", {"crm": "main", "seconds": 15}
    )
    down = SourceHealth(name="crm:main", ok=False, state="down", detail=detail)
    state.value = msgspec.structs.replace(state.value, sources=(*state.value.sources, down))
    _, text, _ = await boss.get("/settings/crm", Accept_Language="en")
    assert "gives no answers" in text
    assert "the next try is in 15 s" in text


async def test_what_a_crm_was_sent_in_a_range_is_sent_again(site: Site, boss: Browser) -> None:
    await site.store.write(lambda c: add_delivery(c, 7, lead_id=None, state="done", tries=1))
    await site.store.write(lambda c: c.execute(update(Outbox).values(crm="main")))
    made = site.store.peek(lambda c: c.execute(select(Outbox.created_at)).scalar_one())
    first, last = (f"{made + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 1))
    assert 'action="/settings/crm/main/replay"' in (await boss.get("/settings/crm"))[1]
    assert (await post(boss, "/settings/crm/main/replay", since=first, until="x"))[0] == 400
    assert (await post(boss, "/settings/crm/main/replay", since=last, until=last))[0] == 303
    assert site.store.peek(lambda c: c.execute(select(Outbox.state)).scalar_one()) == "done", "made at another time"
    assert (await post(boss, "/settings/crm/main/replay", since=first, until=last))[0] == 303
    assert site.store.peek(lambda c: c.execute(select(Outbox.state)).scalar_one()) == "waiting"
    assert (await post(boss, "/settings/crm/nowhere/replay", since=first, until=last))[0] == 404
    assert actions(site).count("outbox.changed") == 1


async def test_a_letter_that_failed_is_sent_again_or_never(site: Site, boss: Browser) -> None:
    row = {
        "id": "o-1", "key": "k", "way": "letter", "purpose": "answer", "token": "t", "state": "failed", "reason": "no",
        "payload": {"to": ["ivan@example.com"], "subject": "Offer"}, "due_at": MONDAY, "created_at": MONDAY,
        "updated_at": MONDAY,
    }  # fmt: skip
    await site.store.write(lambda c: c.execute(insert(Outgoing), row))
    assert "ivan@example.com" in (await boss.get("/settings/letters?state=failed"))[1]
    assert (await post(boss, "/settings/letters/o-1/retry"))[0] == 303
    assert (await post(boss, "/settings/letters/o-1/drop"))[0] == 303
    assert (await post(boss, "/settings/letters/o-1/retry"))[0] == 409
    assert (await boss.get("/settings/letters/none"))[0] == 404


async def test_the_log_is_filtered_and_paged_and_says_when_it_was_changed(site: Site, boss: Browser) -> None:
    def many(connection: Any) -> None:
        for number in range(130):
            deed = Deed(actor="console", action="lead.stage", object_kind="lead", object_id=f"l-{number}")
            record(connection, deed, MONDAY)

    await site.store.write(many)
    _, text, _ = await boss.get("/settings/log?actor=console&action=lead.&kind=lead&from=2000-01-01&to=2100-01-01")
    assert text.count("lead.stage") == 100
    [following] = re.findall(r'href="([^"]+)" rel="next"', text)
    _, text, _ = await boss.get(following.replace("&amp;", "&"))
    assert text.count("lead.stage") == 30
    assert "is whole" in (await boss.get("/settings/log?check=1"))[1]
    await site.store.write(lambda c: c.execute(update(Audit).where(Audit.id == 5).values(actor="x")))
    assert "not whole: entry 5" in (await boss.get("/settings/log?check=1"))[1]
    assert (await boss.get("/settings/log?from=x&before=y&actor=%00"))[0] == 200


async def test_the_overview_says_how_it_is_and_texts_from_outside_run_nothing(site: Site, boss: Browser) -> None:
    await site.store.write(lambda c: c.execute(update(Manager).values(name="<script>alert(1)</script>")))
    for path in ("/settings", "/settings/guide", "/settings/people", "/settings/access", "/settings/log", "/profile"):
        status, text, _ = await boss.get(path)
        assert status == 200
        assert "<script>alert" not in text
