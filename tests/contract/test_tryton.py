"""The adapter ``tryton`` against its fake; tests/integration/crm_adapter/test_real_tryton.py has the real one."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm
from crm_adapter.tryton import build
from crm_adapter.tryton.server import error_of, judge
from tests.contract.edges import EdgeCases
from tests.support.fakecrm.tryton import DATABASE, PASSWORD, USER, FakeTryton


def tryton_options(fake: FakeCrm) -> dict[str, Any]:
    """A user with a password."""
    return {"url": fake.url, "database": DATABASE, "user": USER, "password": PASSWORD, "timeout": 0.5}


class TestTryton(RecordContract, EdgeCases):
    """All that is the same for every CRM."""

    build = staticmethod(build)
    fake = FakeTryton
    mapped: ClassVar = {"contact": "code"}
    secrets = (PASSWORD, "session-1")

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        return tryton_options(fake)

    async def test_what_a_person_wrote_into_the_comment_stays(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            (row,) = fake.opportunities.rows.values()
            row["comment"] = "Скидка 5 %"
            await side.push(events.event("lead.updated", events.lead(1, text="Ещё дверь"), step=2))
        assert row["comment"].startswith("Скидка 5 %\n\nЕщё дверь")

    async def test_a_similar_number_or_mail_is_not_taken_for_the_same(self) -> None:
        async with self.standing() as side:
            side.fake.seed_contact(name="Another", phone=f"{events.phone(1)}9", email="ivan1@example.com.ru")
            await side.push(events.event("lead.created", events.lead(1)))
            assert len(side.shown("contact")) == 2

    async def test_the_opportunity_says_where_it_came_from_and_carries_our_number(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            (row,) = fake.opportunities.rows.values()
        assert row["reference"] == events.ident(2, 1)
        assert "utm_campaign: kitchens" in row["comment"]
        assert row["start_date"]["year"] == 2026

    async def test_a_user_without_a_company_is_told_so(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            fake.company = None
            with pytest.raises(Misconfigured, match="choose one in its preferences"):
                await side.adapter.check()

    async def test_check_names_a_mapped_field_that_is_not_there(self) -> None:
        async with self.standing(fields={"lead": {"nope": "{subject}"}, "contact": {"code": "{id}"}}) as side:
            with pytest.raises(Misconfigured, match=r"field nope: is no field of sale\.opportunity") as caught:
                await side.adapter.check()
        assert "code" not in str(caught.value)

    async def test_a_party_that_people_deactivated_is_made_anew_for_the_next_opportunity(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            fake.parties.rows[int(await side.id_of("contact", 1))]["active"] = False
            await side.push(events.event("lead.created", {**events.lead(1), "id": events.ident(2, 1, 2)}, step=2))
            first, second = (row["party"] for row in fake.opportunities.rows.values())
            (person,) = side.shown("contact")
        assert first != second
        assert person["phones"] == [events.phone(1)]

    async def test_the_party_that_replaced_another_is_used_and_gets_its_numbers(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            left = side.fake.seed_contact(name="Ivan the Regular", phone="+79990000001")
            fake.replace(int(await side.id_of("contact", 1)), int(left))
            later = {**events.lead(1), "id": events.ident(2, 1, 2)}
            await side.push(events.event("lead.created", later, step=2))
            assert await side.id_of("contact", 1) == left
            assert {row["party"] for row in fake.opportunities.rows.values()} == {int(left)}
            (person,) = side.shown("contact")
        assert person["phones"] == ["+79990000001", events.phone(1)]

    @pytest.mark.parametrize("state", ["lost", "converted"])
    async def test_news_of_a_closed_opportunity_are_a_note_once(self, state: str) -> None:
        """Tryton lets nobody change the comment of an opportunity that is over."""
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            (row,) = fake.opportunities.rows.values()
            row["state"] = state
            before = row["comment"]
            for step, stage in ((2, "contacted"), (3, "won")):
                news = {**events.lead(1, text="Ещё дверь"), "stage": stage}
                await side.push(events.event("lead.updated", news, step=step))
            texts = [note["message"] for note in fake.notes.rows.values()]
        assert row["comment"] == before
        assert sum("Ещё дверь" in text for text in texts) == 1

    async def test_a_name_of_blanks_and_a_person_without_a_phone_are_taken(self) -> None:
        async with self.standing() as side:
            brief = {**events.contact(1), "name": "   ", "phones": [], "merged": []}
            await side.push(events.event("contact.upserted", brief))
            (person,) = side.shown("contact")
        assert (person["name"], person["phones"]) == ("ivan1@example.com", [])


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (["ConcurrencyException", "sale.opportunity,5"], Unavailable, "just changed"),
        (["LoginException", ["code", "Code", "char"]], Misconfigured, "more than a password"),
        (["UserError", ["The value is\nrequired", "more", None]], Rejected, "The value is required more"),
        (["UserWarning", ["name", "Are you sure?", ""]], Rejected, "Are you sure?"),
        (["'nope' is no field", "Traceback ..."], Rejected, "'nope' is no field"),
        ("odd", Rejected, "odd"),
        ([], Rejected, "refuses"),
    ],
)
def test_each_error_of_tryton_has_its_meaning(error: Any, kind: type[Exception], words: str) -> None:
    found = error_of(error, "crm.example.com")
    assert type(found) is kind
    assert words in str(found)
    assert "\n" not in str(found)
    assert "Traceback" not in str(found)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (405, b"", Misconfigured, "no Tryton 8 at this address"),
        (200, b"<!DOCTYPE html>", Unavailable, "is the address right"),
        (429, b"", Throttled, "429"),
    ],
)
def test_what_stands_at_the_address_is_told_apart(status: int, body: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        judge(Answer(status=status, headers={}, body=body, host="crm.example.com"))


def test_a_database_that_is_not_there_is_a_matter_of_the_settings() -> None:
    with pytest.raises(Misconfigured, match="key database"):
        judge(Answer(status=404, headers={}, body=b"", host="crm.example.com"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://crm.example.com"}, "https"),
        ({"database": None}, "database is missing"),
        ({"users": {"anna": "Anna"}}, "number of a user"),
        ({"passwort": "x"}, "did you mean password"),
    ],
)
def test_bad_settings_are_refused_with_the_key(change: dict[str, Any], words: str) -> None:
    options = {"url": "https://crm.example.com", "database": "crm", "user": "u", "password": "p", **change}
    with pytest.raises(BadOption, match=words):
        build(options, Context(name="test"))
