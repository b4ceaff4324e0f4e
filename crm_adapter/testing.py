"""The contract suite: what every adapter must do, whatever its CRM. Ships, so that other packages can use it.

    class TestMyCrm(AdapterContract):
        @pytest_asyncio.fixture
        async def far_side(self):
            ...                       # a FarSide: the adapter, and the CRM (or an honest fake of it) behind it
            yield side

Needs pytest with asyncio_mode = "auto". The adapter's time-out must be below a second for the far side that hangs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from crm_adapter.base import Checks, CrmAdapter, CrmError, Done, Event, Misconfigured, Rejected, Throttled, Unavailable

PATIENCE = 5.0
"""Seconds after which a push counts as hung."""
RETRY_AFTER = 7
"""What the far side asks for when it throttles."""


class Fault(StrEnum):
    """How the far side treats one request."""

    UNAVAILABLE = "unavailable"
    """It says that it is broken for the moment (HTTP 500 or 503 without Retry-After)."""
    THROTTLED = "throttled"
    """It asks for RETRY_AFTER seconds of patience."""
    REJECTED = "rejected"
    """It will not take this event, and says why: the reason contains ``REASON``."""
    UNAUTHORISED = "unauthorised"
    """It does not accept the credentials."""
    LOST_REPLY = "lost_reply"
    """It does what was asked, then the connection breaks before the answer is through."""
    HANGS = "hangs"
    """It never answers."""


REASON = "phone is too long"


class FarSide(Protocol):
    """The CRM of a test, with the adapter that speaks to it."""

    adapter: CrmAdapter
    secrets: Sequence[str]
    """What must appear in no error, log or repr."""

    def next(self, faults: Iterable[Fault]) -> None:
        """Treat the next requests like this, one fault each, then all is well. Replaces what was asked before."""
        ...

    def records(self) -> Sequence[Mapping[str, Any]]:
        """What the CRM has, oldest first, each ``{"message_id", "type", "data"}``; doubles as the CRM shows them."""
        ...


def make_event(number: int = 1, *, attempt: int = 1, data: Mapping[str, Any] | None = None) -> Event:
    """An event as the gateway makes them."""
    return Event(
        type="lead.created",
        message_id=f"019fa000-0000-7000-8000-{number:012d}",
        timestamp=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        data={"id": str(number), "channel": "form"} if data is None else data,
        attempt=attempt,
    )


async def error_of(adapter: CrmAdapter, event: Event) -> CrmError:
    """The error that pushing ``event`` raises; fails when there is none, another kind, or no end."""
    try:
        async with asyncio.timeout(PATIENCE):
            await adapter.push(event)
    except CrmError as error:
        return error
    except TimeoutError:
        raise AssertionError(f"push was not over after {PATIENCE} s: the adapter needs a time-out") from None
    raise AssertionError("push succeeded although the far side failed")


class AdapterContract:
    """Inherit, and give the fixture ``far_side``."""

    async def test_an_event_arrives_with_its_type_and_data(self, far_side: FarSide) -> None:
        event = make_event(data={"name": "Иван 🙂", "phones": ["+79261234567"], "manager": None, "fields": {"a": {}}})
        done = await far_side.adapter.push(event)
        assert isinstance(done, Done), f"push must return Done, got {done!r}"
        assert list(far_side.records()) == [
            {"message_id": event.message_id, "type": event.type, "data": dict(event.data)}
        ]

    async def test_the_same_message_pushed_twice_makes_one_record(self, far_side: FarSide) -> None:
        await far_side.adapter.push(make_event())
        await far_side.adapter.push(make_event(attempt=2))
        assert len(far_side.records()) == 1

    async def test_a_lost_answer_is_unavailable_and_the_next_try_makes_no_double(self, far_side: FarSide) -> None:
        far_side.next([Fault.LOST_REPLY])
        assert isinstance(await error_of(far_side.adapter, make_event()), Unavailable)
        assert len(far_side.records()) == 1, "the far side of this test must keep what it was sent"
        await far_side.adapter.push(make_event(attempt=2))
        assert len(far_side.records()) == 1

    async def test_a_broken_crm_is_unavailable_and_works_again_later(self, far_side: FarSide) -> None:
        far_side.next([Fault.UNAVAILABLE])
        error = await error_of(far_side.adapter, make_event())
        assert isinstance(error, Unavailable)
        assert error.retryable
        await far_side.adapter.push(make_event(attempt=2))
        assert len(far_side.records()) == 1

    async def test_a_crm_that_asks_for_patience_is_throttled_with_its_seconds(self, far_side: FarSide) -> None:
        far_side.next([Fault.THROTTLED])
        error = await error_of(far_side.adapter, make_event())
        assert isinstance(error, Throttled)
        assert error.retryable
        assert error.retry_after is not None
        assert abs(error.retry_after - RETRY_AFTER) <= 1

    async def test_a_refused_event_is_rejected_with_the_words_of_the_crm(self, far_side: FarSide) -> None:
        far_side.next([Fault.REJECTED])
        error = await error_of(far_side.adapter, make_event(1))
        assert isinstance(error, Rejected)
        assert not error.retryable
        assert REASON in str(error)
        await far_side.adapter.push(make_event(2))
        assert [record["data"]["id"] for record in far_side.records()] == ["2"], (
            "a refusal must not hurt the next event"
        )

    async def test_bad_credentials_are_misconfigured(self, far_side: FarSide) -> None:
        far_side.next([Fault.UNAUTHORISED])
        error = await error_of(far_side.adapter, make_event())
        assert isinstance(error, Misconfigured)
        assert not error.retryable

    async def test_a_crm_that_never_answers_is_given_up_in_time(self, far_side: FarSide) -> None:
        far_side.next([Fault.HANGS])
        assert isinstance(await error_of(far_side.adapter, make_event()), Unavailable)

    async def test_every_error_has_a_sentence_and_shows_no_secret(self, far_side: FarSide, caplog: Any) -> None:
        caplog.set_level(logging.DEBUG)
        shown = [repr(far_side.adapter)]
        for number, fault in enumerate(Fault, start=1):
            far_side.next([fault])
            error = await error_of(far_side.adapter, make_event(number))
            assert str(error).strip(), f"{fault}: an error without words helps nobody"
            assert "\n" not in str(error), f"{fault}: the words of an error stay on one line"
            shown += [str(error), repr(error), repr(error.__cause__)]
        text = "\n".join([*shown, caplog.text])
        assert not [secret for secret in far_side.secrets if secret in text]

    async def test_many_events_at_once_all_arrive(self, far_side: FarSide) -> None:
        await asyncio.gather(*(far_side.adapter.push(make_event(number)) for number in range(1, 21)))
        assert sorted(int(record["data"]["id"]) for record in far_side.records()) == list(range(1, 21))

    async def test_a_cancelled_push_ends_at_once_and_leaves_the_adapter_usable(self, far_side: FarSide) -> None:
        far_side.next([Fault.HANGS])
        task = asyncio.create_task(far_side.adapter.push(make_event(1)))
        await asyncio.sleep(0.05)  # far enough to be waiting for the answer
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), f"cancellation must not be swallowed, got {outcome!r}"
        far_side.next([])
        await far_side.adapter.push(make_event(2))
        assert "2" in [record["data"]["id"] for record in far_side.records()]

    async def test_an_adapter_that_checks_says_what_it_found_and_creates_nothing(self, far_side: FarSide) -> None:
        if isinstance(far_side.adapter, Checks):
            assert (await far_side.adapter.check()).strip()
        assert not far_side.records()

    async def test_closing_twice_is_harmless(self, far_side: FarSide) -> None:
        await far_side.adapter.push(make_event())
        await far_side.adapter.close()
        await far_side.adapter.close()
