"""The words of the house."""

from __future__ import annotations

import uuid

import pytest

from gateway.core.clock import SystemClock, new_id
from gateway.core.types import Channel, Inbound, Phase
from tests.support.clock import MONDAY


def test_phases_go_forward() -> None:
    assert [phase.rank for phase in Phase] == [0, 1, 2, 3]


def test_an_inbound_has_a_draft_or_a_reason_why_not() -> None:
    with pytest.raises(ValueError, match="either a draft or the reason"):
        Inbound(
            connector="form",
            source="site",
            channel=Channel.FORM,
            dedup_key="a",
            key="a",
            raw=b"",
            received_at=MONDAY,
        )


def test_ids_are_uuids_of_version_7_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {uuid.UUID(text).version for text in ids} == {7}
    assert {uuid.UUID(text).variant for text in ids} == {uuid.RFC_4122}


def test_the_system_clock_knows_its_zone() -> None:
    assert SystemClock().now().utcoffset() is not None
    assert SystemClock().monotonic() <= SystemClock().monotonic()
