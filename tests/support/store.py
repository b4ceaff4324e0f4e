"""A real, migrated store for tests. The schema is made once and copied, as upgrading takes longer than most tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import DATABASE_FILE, Store


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database of the newest schema; copy it, never use it."""
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(StorageSettings(), folder)
    return folder


@pytest_asyncio.fixture
async def store(migrated_folder: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """A started store on a fresh SQLite file in ``tmp_path``."""
    shutil.copy(migrated_folder / DATABASE_FILE, tmp_path / DATABASE_FILE)
    opened = Store.open(StorageSettings(), tmp_path)
    await opened.start()
    yield opened
    await opened.stop()


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
async def any_store(request: pytest.FixtureRequest, migrated_folder: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """A started store on each of the two databases."""
    if request.param == "sqlite":
        shutil.copy(migrated_folder / DATABASE_FILE, tmp_path / DATABASE_FILE)
        settings = StorageSettings()
    else:
        settings = StorageSettings(url=request.getfixturevalue("postgresql_url"))
        upgrade(settings, tmp_path)
    opened = Store.open(settings, tmp_path)
    await opened.start()
    yield opened
    await opened.stop()
