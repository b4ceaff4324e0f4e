"""The contract of adapters for CRMs that keep records. Inherit, name the adapter's ``build``, its fake and its options:

    class TestMyCrm(RecordContract):
        build = staticmethod(mycrm.build)
        fake = FakeMyCrm

        def options(self, fake):
            return {"url": fake.url, "api_key": "secret-key", "timeout": 0.5}

``shown()`` of the fake speaks these words: contact ``{"name", "phones", "emails", "owner"}``, lead ``{"title", "text",
"contact", "owner"}``, call ``{"number", "inbound", "seconds", "owner"}`` and for uploads ``"recording"``, mail and form
``{"text"}``. Every fake knows two users: 7 with Anna's mail, 8 with Oleg's extension.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from crm_adapter.base import (
    Build,
    Context,
    CrmError,
    Misconfigured,
    RecordingFile,
    Rejected,
    Throttled,
    Unavailable,
    Unknown,
)
from crm_adapter.links import Link, MemoryLinks
from crm_adapter.people import Manager
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import PASSING, RETRY_AFTER, FakeCrm, Trouble
from crm_adapter.testkit.removals import RemovalContract
from crm_adapter.testkit.side import Side
from crm_adapter.vault import MemoryVault

WAV = RecordingFile(name="1.wav", content_type="audio/wav", content=b"RIFF" + bytes(400))


async def managers() -> Sequence[Manager]:
    """Anna and Oleg."""
    return events.MANAGERS


async def recording(_call_id: str) -> RecordingFile | None:
    """Every call has one."""
    return WAV


class RecordContract(RemovalContract):
    """See the module."""

    build: ClassVar[Build]
    fake: ClassVar[Callable[[], FakeCrm]]
    mapped: ClassVar[Mapping[str, str]] = {}
    """Kind -> a field of the vendor that a template may fill."""
    misses: ClassVar[Collection[str]] = ()
    """Numbers as they were typed by hand (``events.TYPED``) by which the CRM's own search finds no contact."""
    secrets: ClassVar[Sequence[str]] = ()
    """What must appear in no error, log or repr."""

    def options(self, fake: FakeCrm) -> dict[str, Any]:
        """The adapter's options for this fake, with a time-out below a second."""
        raise NotImplementedError

    @asynccontextmanager
    async def standing(self, **more: Any) -> AsyncIterator[Side]:
        """A fresh fake and adapter."""
        fake = type(self).fake()
        await fake.start()
        links = MemoryLinks()
        context = Context(
            name="test", allow_private=True, links=links, managers=managers, recording=recording, vault=MemoryVault()
        )
        adapter = type(self).build({**self.options(fake), **more}, context)
        assert isinstance(adapter, RecordAdapter), "build returns a RecordAdapter over the author's RecordCrm"
        try:
            yield Side(fake=fake, adapter=adapter, links=links)
        finally:
            await adapter.close()
            await fake.stop()

    # -- what arrives ------------------------------------------------------------------------------------------------

    async def test_a_story_arrives_as_one_contact_one_lead_and_its_history(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            can, shown = side.adapter.capabilities, side.fake.shown()
        (person,) = shown["contact"]
        assert person["name"] == "Иван 1 Петров"
        assert person["phones"] == [events.phone(1)]
        assert person["emails"] == ["ivan1@example.com"]
        (lead,) = shown["lead"]
        assert "Заявка 1" in lead["title"]
        assert "кухня 4 метра" in lead["text"], "the update arrives too"
        if can.users:
            assert lead["owner"] == events.ANNA_THERE
        if can.calls:
            first, second = shown["call"]
            assert first["number"].lstrip("+") == events.phone(1).lstrip("+")
            assert (first["inbound"], first["seconds"], second["seconds"]) == (True, 60, 0)
        if can.calls and can.users:
            assert first["owner"] == events.OLEG_THERE, "the one who spoke, by the extension"
        if can.mail:
            (mail,) = shown["mail"]
            assert "Когда привезёте?" in mail["text"]

    async def test_pushing_all_of_it_again_changes_nothing(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            before, written = side.fake.shown(), len(side.fake.commits)
            for event in events.story(1)[:3]:
                await side.adapter.push(events.again(event, 2))
            after = side.fake.shown()
        assert {kind: len(rows) for kind, rows in after.items()} == {kind: len(rows) for kind, rows in before.items()}
        assert len(side.fake.commits) <= written + 2, "only the older text of the lead may be written again"

    async def test_a_contact_that_the_crm_has_is_used_and_keeps_its_name(self) -> None:
        async with self.standing() as side:
            known = side.fake.seed_contact(name="Ivan the Regular", phone=events.phone(1))
            await side.push(*events.story(1))
            (person,) = side.shown("contact")
            (lead,) = side.shown("lead")
        assert person["name"] == "Ivan the Regular"
        assert person["phones"] == [events.phone(1)]
        assert "ivan1@example.com" in person["emails"], "what the contact lacked was added"
        assert str(lead["contact"]) == known

    async def test_a_contact_is_found_however_its_number_was_typed(self) -> None:
        """Each number was typed into the CRM by hand; then its owner writes to us."""
        async with self.standing() as side:
            for person, (number, typed) in enumerate(events.TYPED, start=1):
                side.fake.seed_contact(name=f"Typed {person}", phone=number, typed=typed)
            for person, (number, _) in enumerate(events.TYPED, start=1):
                lead = events.lead(person)
                brief = {**lead["contact"], "name": f"New {person}", "phones": [number], "emails": []}
                await side.push(events.event("lead.created", {**lead, "contact": brief}))
            names = [str(one["name"]) for one in side.shown("contact")]
        missed = {typed for person, (_, typed) in enumerate(events.TYPED, start=1) if f"New {person}" in names}
        assert missed == set(self.misses), f"not as told: {sorted(missed ^ set(self.misses))}"
        assert len(names) == len(events.TYPED) + len(missed)

    async def test_a_later_mail_address_is_added_to_the_contact(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("lead.created", events.lead(1)))
            known = events.contact(1, more_emails=("second@example.com",))
            await side.push(events.event("contact.upserted", {**known, "merged": []}, step=2))
            (person,) = side.shown("contact")
        assert sorted(person["emails"]) == ["ivan1@example.com", "second@example.com"]
        assert person["phones"] == [events.phone(1)]

    async def test_two_contacts_that_proved_to_be_one_person_stay_one_record(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("contact.upserted", {**events.contact(1), "merged": []}))
            joined = {**events.contact(1), "id": events.ident(1, 9), "merged": [events.ident(1, 1)]}
            await side.push(events.event("contact.upserted", joined))
            assert len(side.shown("contact")) == 1

    async def test_a_withheld_number_is_a_lead_without_a_contact(self) -> None:
        async with self.standing() as side:
            lead = {**events.lead(1, manager=None), "contact": None, "subject": None, "channel": "call"}
            await side.push(events.event("lead.created", lead))
            call = {**events.call(1), "contact": None}
            call["details"] = {**call["details"], "caller": None}
            await side.push(events.event("call.finished", call, step=2))
            assert len(side.shown("lead")) == 1

    async def test_what_is_too_long_is_cut_not_refused(self) -> None:
        async with self.standing() as side:
            long = {**events.lead(1, text="ё" * 200_000), "subject": "ж" * 5000}
            long["contact"] = {**long["contact"], "name": "И" * 3000}
            await side.push(events.event("lead.created", long))
            letter = {**events.letter(1), "text": "ё" * 200_000, "subject": "ж" * 5000}
            await side.push(events.event("email.received", letter, step=2))
            assert len(side.shown("lead")) == 1

    async def test_an_event_that_the_crm_has_no_place_for_is_done_without_a_request(self) -> None:
        async with self.standing() as side:
            await side.push(events.event("weather.changed", {"id": events.ident(9, 1)}))
            assert not side.fake.asked

    async def test_a_mapped_field_arrives(self) -> None:
        if not self.mapped:
            pytest.skip("no field of this vendor is free to be mapped")
        for kind, name in self.mapped.items():
            async with self.standing(fields={kind: {name: "{source.utm.campaign}!"}}) as side:
                await side.push(events.event("lead.created", events.lead(1)))
                written = json.dumps([dict(commit.fields) for commit in side.fake.commits], ensure_ascii=False)
            assert "kitchens!" in written, f"{kind}.{name}"

    async def test_the_recording_arrives_once(self) -> None:
        async with self.standing() as side:
            if side.adapter.capabilities.recordings != "upload":
                pytest.skip("recordings are not uploaded to this CRM")
            await side.push(events.event("lead.created", events.lead(1)))
            call = events.event("call.finished", events.call(1, recording=True), step=2)
            await side.push(call)
            count = len(side.fake.commits)
            await side.push(events.event("call.recording_ready", events.call(1, recording=True), step=3))
            (shown,) = side.shown("call")
        assert shown["recording"]
        assert len(side.fake.commits) == count

    async def test_persons_at_the_same_time_all_arrive_complete(self) -> None:
        async with self.standing() as side:
            await asyncio.gather(*(side.push(*events.story(person)) for person in range(1, 9)))
            shown = side.fake.shown()
        assert sorted(one["phones"][0] for one in shown["contact"]) == [events.phone(n) for n in range(1, 9)]
        assert len(shown["lead"]) == 8

    # -- whatever the CRM does ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("trouble", PASSING)
    async def test_trouble_at_each_single_request_loses_nothing_and_doubles_nothing(self, trouble: Trouble) -> None:
        async with self.standing() as clean:
            await clean.push(*events.story(1))
            wanted, requests = clean.fake.shown(), len(clean.fake.asked)
        for number in range(requests):
            async with self.standing() as side:
                side.fake.next([*[None] * number, trouble])
                await side.push(*events.story(1))
                assert comparable(side.fake.shown()) == comparable(wanted), f"{trouble} at request {number + 1}"

    async def test_an_answer_that_never_comes_ends_in_time_and_leads_to_no_double(self) -> None:
        first = events.story(1)[0]
        async with self.standing() as clean:
            await clean.push(first)
            requests = len(clean.fake.asked)
            writes = [number for number, asked in enumerate(clean.fake.asked) if asked.method != "GET"]
        assert writes, f"{requests} requests, and none of them writes"
        async with self.standing() as side:
            side.fake.next([*[None] * writes[-1], Trouble.TIMES_OUT])
            error = await side.error_of(first)
            assert isinstance(error, Unknown), f"sent and not answered is unknown, got {error!r}"
            await side.push(events.again(first, 2))
            assert comparable(side.fake.shown()) == comparable(clean.fake.shown())

    async def test_a_lost_answer_leads_to_no_double_when_another_event_comes_next(self) -> None:
        """The first was given up by a person: what comes after it is a first try, and must know all the same."""
        created, _, call, updated, *_ = events.story(1)
        async with self.standing() as clean:
            await clean.push(created)
            requests = len(clean.fake.asked)
        lost = 0
        for number in range(requests):
            async with self.standing() as side:
                side.fake.next([*[None] * number, Trouble.LOST])
                try:
                    await side.adapter.push(created)
                except Unavailable:  # a GET may have been repeated by the HTTP client itself
                    lost += 1
                await side.push(updated, call)
                assert len(side.shown("contact")) == 1
                assert len(side.shown("lead")) == 1
        assert lost

    async def test_a_lead_that_was_refused_is_made_by_its_next_news(self) -> None:
        created, _, _, updated, *_ = events.story(1)
        async with self.standing() as side:
            side.fake.choose = lambda asked: Trouble.REFUSED if asked.method != "GET" else None
            assert isinstance(await side.error_of(created), Rejected)
            side.fake.choose = None
            await side.push(updated)
            assert len(side.shown("lead")) == 1

    async def test_a_busy_crm_is_unavailable(self) -> None:
        async with self.standing() as side:
            side.fake.next([Trouble.BUSY] * 9)
            assert isinstance(await side.error_of(events.story(1)[0]), Unavailable)

    async def test_a_crm_that_throttles_is_left_alone_for_as_long_as_it_says(self) -> None:
        async with self.standing() as side:
            side.fake.next([Trouble.THROTTLED] * 9)
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Throttled), f"got {error!r}"
        assert error.retry_after == (RETRY_AFTER if side.fake.sends_retry_after else error.retry_after)

    async def test_what_the_crm_will_never_take_is_rejected_with_its_words(self) -> None:
        async with self.standing() as side:
            side.fake.choose = lambda asked: Trouble.REFUSED if asked.method != "GET" else None
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Rejected), f"got {error!r}"
        assert "is too long" in str(error)
        assert not error.retryable

    async def test_bad_credentials_are_misconfigured(self) -> None:
        async with self.standing() as side:
            side.fake.choose = lambda _: Trouble.FORBIDDEN
            error = await side.error_of(events.story(1)[0])
        assert isinstance(error, Misconfigured), f"got {error!r}"

    async def test_a_crm_that_hangs_is_given_up_in_time(self) -> None:
        async with self.standing() as side:
            side.fake.next([Trouble.HANGS] * 3)
            assert isinstance(await side.error_of(events.story(1)[0]), Unavailable)

    async def test_a_token_that_runs_out_is_renewed_within_the_push(self) -> None:
        async with self.standing() as side:
            await side.push(events.story(1)[0])
            if not side.fake.expire():
                pytest.skip("this vendor's key does not run out")
            await side.adapter.push(events.story(2)[0])
            assert len(side.shown("lead")) == 2

    async def test_every_error_has_one_line_of_words_and_shows_no_secret(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        said = []
        for trouble in (*PASSING, Trouble.REFUSED, Trouble.FORBIDDEN):
            async with self.standing() as side:
                said.append(repr(side.adapter))
                side.fake.choose = lambda _, wanted=trouble: wanted
                error = await side.error_of(events.story(1)[0])
            assert str(error).strip(), f"{trouble}: an error without words helps nobody"
            assert "\n" not in str(error), f"{trouble}: the words of an error stay on one line"
            said += [str(error), repr(error), repr(error.__cause__)]
        text = "\n".join([*said, caplog.text])
        assert self.secrets, "name the secrets of the options"
        assert not [secret for secret in self.secrets if secret in text]

    async def test_a_cancelled_push_ends_at_once_and_leads_to_no_double(self) -> None:
        first = events.story(1)[0]
        async with self.standing() as side:
            side.fake.choose = lambda asked: Trouble.TIMES_OUT if asked.method != "GET" else None
            task = asyncio.create_task(side.adapter.push(first))
            await asyncio.sleep(0.1)  # far enough to be waiting for an answer
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError | CrmError)
            side.fake.choose = None
            await side.push(events.again(first, 2))
            assert len(side.shown("contact")) == len(side.shown("lead")) == 1

    # -- set-up ------------------------------------------------------------------------------------------------------

    async def test_check_says_what_it_found_and_creates_nothing(self) -> None:
        async with self.standing() as side:
            assert (await side.adapter.check()).strip()
            assert not side.fake.commits

    async def test_our_managers_are_found_among_the_users(self) -> None:
        async with self.standing() as side:
            if not side.adapter.capabilities.users:
                pytest.skip("this CRM's users can't be listed")
            found = await side.adapter.directory.matches()
        ids = {login: found.user_of[manager.id].id for manager in events.MANAGERS if (login := manager.login)}
        assert ids == {"anna": events.ANNA_THERE, "oleg": events.OLEG_THERE}

    async def test_links_are_kept_for_everything_that_was_made(self) -> None:
        async with self.standing() as side:
            await side.push(*events.story(1))
            kept = dict(side.links.kept)
        assert all(link.remote_id for link in kept.values()), kept
        assert isinstance(kept["lead", events.ident(2, 1)], Link)

    async def test_closing_twice_is_harmless(self) -> None:
        async with self.standing() as side:
            await side.adapter.close()
            await side.adapter.close()


def comparable(shown: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """The same without the CRM's own ids, sorted: two runs number their records differently."""
    return {
        kind: sorted(json.dumps({**row, "contact": bool(row.get("contact"))}, sort_keys=True) for row in rows)
        for kind, rows in shown.items()
    }
