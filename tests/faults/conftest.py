"""Which fault tests run, and what they share: a seed that is printed, and the book for their figures."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.book import Book
from tests.faults.nursery import Nursery

FOLDER = Path(__file__).parent


def thorough() -> bool:
    """Whether this is the long part (``make faults-long``)."""
    return os.environ.get("LEADGATE_FAULTS") == "long"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked ``long`` unless it was asked for."""
    if thorough():
        return
    out = [item for item in items if FOLDER in item.path.parents and item.get_closest_marker("long")]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Starts gateways quickly, for all tests of a run."""
    with Nursery() as running:
        yield running


@pytest.fixture
def seed() -> int:
    """``LEADGATE_SEED=N`` repeats the same choices (not the same load: that depends on the machine)."""
    chosen = int(os.environ.get("LEADGATE_SEED") or random.randrange(2**32))
    print(f"LEADGATE_SEED={chosen}")
    return chosen


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Makes the choices of a test."""
    return random.Random(seed)


@pytest.fixture
def book(request: pytest.FixtureRequest, seed: int) -> Iterator[Book]:
    """Where the test writes what it counted; printed, and added to the file in ``LEADGATE_FAULTS_BOOK``."""
    kept = Book(name=request.node.name, seed=seed)
    yield kept
    kept.close(os.environ.get("LEADGATE_FAULTS_BOOK"))
