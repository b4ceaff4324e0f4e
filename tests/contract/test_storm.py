"""A few hundred deliveries of each adapter through faults; ``make storm`` does ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_adapter.registry import BUILT_IN
from tests.contract.storm import SIDES, storm

DELIVERIES = 120
NOT_OVER_A_NETWORK = {"memory"}


@pytest.mark.parametrize("name", SIDES)
async def test_nothing_is_lost_doubled_or_out_of_order_for_a_person(name: str, tmp_path: Path) -> None:
    found = await storm(SIDES[name], tmp_path, deliveries=DELIVERIES)
    assert found.wrong == []
    assert found.states == {"done": DELIVERIES}
    assert found.failed_share > 0.05, "the faults must be felt"


def test_every_adapter_goes_through_it() -> None:
    assert {sort.adapter for sort in SIDES.values()} | NOT_OVER_A_NETWORK >= set(BUILT_IN)
