"""A few hundred deliveries of each adapter through faults; ``make storm`` does ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_adapter.registry import BUILT_IN
from crm_adapter.testkit.fakecrm import Asked, Trouble
from gateway.delivery.verdict import MOST_TRIES
from tests.contract.storm import KEEP_EVERYTHING, SIDES, Cleaning, Faults, storm

DELIVERIES = 120
NOT_OVER_A_NETWORK = {"memory"}


@pytest.mark.parametrize("name", SIDES)
async def test_nothing_is_lost_doubled_or_out_of_order_for_a_person(name: str, tmp_path: Path) -> None:
    found = await storm(SIDES[name], tmp_path, deliveries=DELIVERIES)
    assert found.wrong == []
    assert found.states == {"done": DELIVERIES}
    assert found.failed_share > 0.05, "the faults must be felt"


@pytest.mark.parametrize("name", [name for name, sort in SIDES.items() if sort.adapter not in KEEP_EVERYTHING])
async def test_what_comes_after_people_deleted_records_arrives_once(name: str, tmp_path: Path) -> None:
    found = await storm(SIDES[name], tmp_path, deliveries=DELIVERIES, cleaning=Cleaning())
    assert found.wrong == []
    assert found.states == {"done": DELIVERIES}


class Stubborn(Faults):
    """Loses every answer until the first row was given up."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0

    def choose(self, _: Asked) -> Trouble | None:
        self._lost += 1
        return Trouble.LOST if self._lost <= MOST_TRIES else None


async def test_what_was_given_up_is_whole_after_it_was_retried_by_hand(tmp_path: Path) -> None:
    """All its tries may have arrived: such a row is dead with its data in the CRM, and retrying it doubles nothing."""
    found = await storm(SIDES["webhook"], tmp_path, deliveries=6, faults=Stubborn())
    assert (found.given_up, found.wrong, found.states) == (1, [], {"done": 6})


def test_every_adapter_goes_through_it() -> None:
    assert {sort.adapter for sort in SIDES.values()} | NOT_OVER_A_NETWORK >= set(BUILT_IN)
