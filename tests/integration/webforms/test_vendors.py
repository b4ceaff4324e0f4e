"""Events of CRMs that tell only a number, completed from fake vendors on real sockets, each with its own shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gateway.core.types import Kind
from gateway.webforms import completer
from gateway.webforms.settings import CrmAccess, FormSettings
from tests.integration.webforms.test_completer import until
from tests.support.forms import Elsewhere, FormHouse
from tests.unit.webforms import senders


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completer, "BACK_OFF", (0.01,))


BITRIX_LEAD: dict[str, Any] = {
    "id": 77, "title": "Заявка с сайта", "name": "Иван", "lastName": "Петров", "companyTitle": "ООО Насос",
    "comments": "Нужен <b>насос</b>[br]", "utmSource": "yandex", "ufCrm_1": "Москва", "contactId": 0,
    "fm": [{"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "8 926 123-45-67"},
           {"id": 2, "typeId": "EMAIL", "valueType": "WORK", "value": "ivan@example.com"}],
}  # fmt: skip
AMO_DEAL: dict[str, Any] = {
    "id": 501, "name": "Насос", "price": 9000, "account_id": 1, "responsible_user_id": 5, "created_at": 1,
    "custom_fields_values": [{"field_id": 9, "field_name": "utm_source", "values": [{"value": "yandex"}]}],
    "_embedded": {"contacts": [{"id": 600, "is_main": False}, {"id": 601, "is_main": True}]}, "_links": {"self": "x"},
}  # fmt: skip
AMO_CONTACT: dict[str, Any] = {
    "id": 601, "name": "Иван Петров",
    "custom_fields_values": [
        {"field_code": "PHONE", "field_name": "Телефон", "values": [{"value": "+79261234567", "enum_code": "WORK"}]},
        {"field_code": "EMAIL", "field_name": "Email", "values": [{"value": "ivan@example.com"}]},
    ],
}  # fmt: skip
HUBSPOT_CONTACT: dict[str, Any] = {
    "id": "42",
    "properties": {"firstname": "Иван", "lastname": "Петров", "phone": "+79261234567", "email": "ivan@example.com",
                   "city": "Москва", "hs_object_id": "42", "company": None},
}  # fmt: skip


@dataclass(frozen=True)
class Vendor:
    """One vendor: what it sends, what it is asked, what it answers."""

    access: dict[str, str]
    sent: dict[str, Any]
    answers: dict[str, Any]
    asked: list[str]
    company: str | None = None


VENDORS = {
    "bitrix24": Vendor(
        access={"vendor": "bitrix24", "path": "/rest/1/very-secret-code/"},
        sent={"data": dict(senders.BITRIX24_EVENT)},
        answers={"/rest/1/very-secret-code/crm.item.get.json": {"result": {"item": BITRIX_LEAD}}},
        asked=["/rest/1/very-secret-code/crm.item.get.json"],
        company="ООО Насос",
    ),
    "amocrm": Vendor(
        access={"vendor": "amocrm", "path": "", "token": "very-secret-code"},
        sent={"data": dict(senders.AMOCRM_LEAD)},
        answers={"/api/v4/leads/501": AMO_DEAL, "/api/v4/contacts/601": AMO_CONTACT},
        asked=["/api/v4/leads/501", "/api/v4/contacts/601"],
    ),
    "hubspot": Vendor(
        access={"vendor": "hubspot", "path": "", "token": "very-secret-code"},
        sent={"json": senders.HUBSPOT_EVENTS[:1]},
        answers={"/crm/v3/objects/contacts/42": HUBSPOT_CONTACT},
        asked=["/crm/v3/objects/contacts/42"],
    ),
}


def crm_form(vendor: Vendor, elsewhere: Elsewhere) -> FormSettings:
    access = {"token": "", **vendor.access}
    url = f"{elsewhere.url}{access.pop('path')}"
    return FormSettings(key="site", crm=CrmAccess(url=url, **access))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", VENDORS)
async def test_a_thin_event_is_completed_with_the_person(name: str) -> None:
    vendor = VENDORS[name]
    async with Elsewhere(answers=vendor.answers).serving() as elsewhere:
        form = crm_form(vendor, elsewhere)
        house = FormHouse(form)
        async with house.client() as client:
            async with client.post("/f/site", **vendor.sent) as response:
                assert response.status == 200
            await until(lambda: len(house.sink.items) == 2)
    thin, full = house.sink.items
    assert thin.key == full.key
    assert thin.draft is not None
    assert "open it" in thin.draft.problems[0]
    draft = full.draft
    assert draft is not None
    assert (draft.name, draft.company, draft.kind, draft.problems) == ("Иван Петров", vendor.company, Kind.MESSAGE, ())
    assert [handle.value for handle in draft.handles] == ["+79261234567", "ivan@example.com"]
    assert [path for path, _, _ in elsewhere.asked] == vendor.asked
    if vendor.access.get("token"):
        assert {headers["Authorization"] for _, _, headers in elsewhere.asked} == {"Bearer very-secret-code"}
    assert "very-secret" not in repr((house.drafts, [item.meta for item in house.sink.items], form, form.crm))
    if name != "hubspot":
        assert draft.source.utm == {"source": "yandex"}


async def test_a_bitrix24_deal_has_its_person_in_the_contact() -> None:
    def item(entity: int) -> dict[str, Any]:
        deal = {"id": 5, "title": "Сделка", "contactId": 8}
        person = {key: value for key, value in BITRIX_LEAD.items() if key != "title"}
        return {"result": {"item": deal if entity == 2 else person}}

    async with Elsewhere(
        answers={"/h/crm.item.get.json": lambda asked: item(asked["entityTypeId"])}
    ).serving() as there:
        house = FormHouse(FormSettings(key="site", crm=CrmAccess(vendor="bitrix24", url=f"{there.url}/h")))
        async with house.client() as client:
            event = {"event": "ONCRMDEALADD", "data[FIELDS][ID]": "5", "auth[application_token]": "t"}
            await (await client.post("/f/site", data=event)).release()
            await until(lambda: len(house.sink.items) == 2)
    assert (house.drafts[1].name, house.drafts[1].subject) == ("Иван Петров", "Сделка")


@pytest.mark.parametrize("name", VENDORS)
async def test_without_credentials_an_event_stays_thin_and_says_where_to_look(name: str) -> None:
    house = FormHouse(FormSettings(key="site"))
    async with house.client() as client, client.post("/f/site", **VENDORS[name].sent) as response:
        assert response.status == 200
    [draft] = house.drafts
    assert draft.kind is Kind.MESSAGE
    assert "open it" in draft.problems[0]


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("trouble", [401, 404, 503, {"error": "expired_token"}, [], "text"])
async def test_a_vendor_that_refuses_is_asked_again_and_health_says_what_to_look_at(name: str, trouble: Any) -> None:
    vendor = VENDORS[name]
    async with Elsewhere(answers=dict.fromkeys(vendor.answers, trouble)).serving() as elsewhere:
        house = FormHouse(crm_form(vendor, elsewhere))
        async with house.client() as client:
            await (await client.post("/f/site", **vendor.sent)).release()
            await until(lambda: len(elsewhere.asked) >= 2)
            [health] = house.intake.health()
            assert (health.ok, health.state, "crm." in str(health.detail)) == (False, "incomplete", True)
            assert "very-secret" not in str(health.detail)
            assert len(house.sink.items) == 1
            elsewhere.answers = dict(vendor.answers)
            await until(lambda: len(house.sink.items) == 2)


async def test_a_deal_that_changes_again_while_it_waits_is_an_item_of_its_own() -> None:
    vendor = VENDORS["bitrix24"]
    async with Elsewhere().serving() as elsewhere:
        house = FormHouse(crm_form(vendor, elsewhere))
        async with house.client() as client:
            for moment in ("1", "2"):
                fields = {**dict(senders.BITRIX24_EVENT), "event": "ONCRMLEADUPDATE", "ts": moment}
                await (await client.post("/f/site", data=fields)).release()
            elsewhere.answers = dict(vendor.answers)
            await until(lambda: len(house.sink.items) == 4)
    assert sorted({item.key for item in house.sink.items}) == sorted(item.key for item in house.sink.items[:2])


@pytest.mark.parametrize(
    ("access", "word"),
    [
        ({"vendor": "amocrm", "token": "t"}, "url is missing"),
        ({"vendor": "amocrm", "url": "https://x.amocrm.ru"}, "token is missing"),
        ({"vendor": "hubspot"}, "token is missing"),
        ({"vendor": "bitrix24", "url": "x.bitrix24.ru/rest"}, "whole address"),
    ],
)
def test_access_that_can_not_work_is_refused_with_words(access: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CrmAccess(**access)
