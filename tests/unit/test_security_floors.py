"""No locked package is older than the oldest version without a known advisory (deploy/security-floors.toml)."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.engine import FIXED_SQLITE

ROOT = Path(__file__).parents[2]
FLOORS: dict[str, Any] = tomllib.loads((ROOT / "deploy/security-floors.toml").read_text(encoding="utf-8"))
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.IGNORECASE | re.MULTILINE)


def numbers(version: str) -> tuple[int, ...]:
    """``3.14.10`` as numbers; what follows them (``rc1``, ``.post2``) does not count."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    assert found, version
    return tuple(map(int, found[0].split(".")))


def pins(text: str) -> dict[str, str]:
    """Package -> version, of a lock file."""
    return {name.lower().replace("_", "-"): version for name, version in _PIN.findall(text)}


def below(locked: dict[str, str], floors: dict[str, Any]) -> list[str]:
    """Sentences about packages that are older than their floor, or not there at all."""
    found = []
    for name, entry in floors.items():
        if name not in locked:
            found.append(f"{name} is not in the lock file: remove its floor")
        elif numbers(locked[name]) < numbers(entry["floor"]):
            found.append(f"{name} {locked[name]} is below {entry['floor']}: {entry['why']}")
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_files_are_above_the_floors(name: str) -> None:
    assert below(pins((ROOT / name).read_text(encoding="utf-8")), FLOORS["python"]) == []


def test_what_pyproject_allows_is_above_the_floors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [re.fullmatch(r"([a-z0-9-]+)[^>=]*[>=]=(.+)", item) for item in project["dependencies"]]
    allowed = {match[1]: match[2] for match in found if match}
    assert len(allowed) == len(found)
    assert below(allowed, FLOORS["python"]) == []


def test_an_old_and_a_missing_package_are_named() -> None:
    floors = {"aiohttp": {"floor": "3.14.4", "why": "smuggling"}, "gone": {"floor": "1", "why": "-"}}
    locked = pins("aiohttp==3.14.3 \\\n    --hash=sha256:00\nother==1 ; python_version < '3.12'\n")
    assert below(locked, floors) == [
        "aiohttp 3.14.3 is below 3.14.4: smuggling",
        "gone is not in the lock file: remove its floor",
    ]


@pytest.mark.parametrize(("lower", "higher"), [("3.14.4", "3.14.10"), ("1.4", "1.4.6"), ("9.9", "10.0rc1")])
def test_versions_are_compared_as_numbers(lower: str, higher: str) -> None:
    assert numbers(lower) < numbers(higher)


def test_every_floor_has_its_reason_and_the_one_of_sqlite_is_the_one_that_the_gateway_warns_of() -> None:
    assert all(entry["why"] for kind in FLOORS.values() for entry in kind.values())
    assert numbers(FLOORS["system"]["sqlite"]["floor"]) == FIXED_SQLITE
    assert sqlite3.sqlite_version_info  # what the gateway compares with it, see storage/engine.py
