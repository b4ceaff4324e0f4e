"""The adapter ``tryton`` against its fake; tests/integration/crm_adapter/test_real_tryton.py has the real one."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from crm_adapter.base import Context, Misconfigured, Rejected, Unavailable
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.testkit import events
from crm_adapter.testkit.contract import RecordContract
from crm_adapter.testkit.fakecrm import FakeCrm
from crm_adapter.tryton import build
from crm_adapter.tryton.server import error_of, judge
from tests.support.fakecrm.tryton import DATABASE, PASSWORD, USER, FakeTryton


def tryton_options(fake: FakeCrm) -> dict[str, Any]:
    """A user with a password."""
    return {"url": fake.url, "database": DATABASE, "user": USER, "password": PASSWORD, "timeout": 0.5}


class TestTryton(RecordContract):
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

    async def test_an_opportunity_that_people_deleted_is_a_dead_letter_not_a_new_one(self) -> None:
        async with self.standing() as side:
            fake: Any = side.fake
            await side.push(events.event("lead.created", events.lead(1)))
            fake.opportunities.rows.clear()
            error = await side.error_of(events.event("lead.updated", events.lead(1, text="new"), step=2))
        assert isinstance(error, Rejected)
        assert "not in Tryton any more" in str(error)


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
