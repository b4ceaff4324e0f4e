"""``leadgate route explain``, ``absence`` and ``recompute hours`` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from tests.support.process import Installation
from tests.support.seed import add_manager

TABLES = """
[hours]
mon = ["09:00-18:00"]
[[routing.rule]]
name = "owner"
give = "owner"
[[routing.rule]]
name = "site"
give = "manager"
to = ["boris"]
channels = ["form"]
utm = {source = "yandex"}
[[routing.rule]]
name = "rest"
give = "manager"
to = ["anna"]
[[manager]]
id = "anna"
name = "Anna"
extensions = ["101"]
[[manager]]
id = "boris"
name = "Boris"
extensions = ["102"]
"""


def opened(folder: Path) -> Installation:
    """An installation whose people are in the database, as after its first start."""
    office = Installation.make(folder, more=TABLES)
    office.data.mkdir()
    upgrade(StorageSettings(), office.data)
    engine = Store.open(StorageSettings(), office.data).writer.engine
    with engine.begin() as connection:
        for login, extension in (("anna", "101"), ("boris", "102")):
            add_manager(connection, f"m-{login}", login, extensions=[extension])
    engine.dispose()
    return office


def test_who_gets_whom_is_explained_rule_by_rule(tmp_path: Path) -> None:
    office = opened(tmp_path / "office")
    done = office.run("route", "explain", "--caller", "+79261234567", "--dialled", "+74951234567")
    assert (done.returncode, done.stderr) == (0, "Extension 101, by the rule rest.\n")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["RULE", "GIVES"], ["owner", "no"], ["site", "no"], ["rest", "yes"],
    ]  # fmt: skip
    assert "only for form, this is a call" in done.stdout
    form = office.run("route", "explain", "--channel", "form", "--utm", "source=yandex", "--json")
    told = json.loads(form.stdout)
    assert (told["extension"], told["rule"], len(told["rules"])) == ("102", "site", 3)


def test_an_absence_is_entered_counted_listed_and_taken_back(tmp_path: Path) -> None:
    office = opened(tmp_path / "office")
    away = ("--from", "2026-12-01", "--to", "2026-12-14", "--substitute", "boris", "--reason", "vacation")
    done = office.run("absence", "add", "anna", *away)
    assert (done.returncode, done.stderr) == (0, "anna is away until 2026-12-15 00:00:00; boris stands in.\n")
    absence_id = done.stdout.strip()
    within = office.run("route", "explain", "--at", "2026-12-14T23:59", "--json")
    assert json.loads(within.stdout)["extension"] == "102"
    [listed] = json.loads(office.run("absence", "list", "--all", "--json").stdout)["absences"]
    assert (listed["id"], listed["manager"], listed["substitute"]) == (absence_id, "anna", "boris")
    refused = office.run("absence", "add", "nobody", *away)
    assert refused.returncode == 1
    assert "There is no manager 'nobody'. There are: anna, boris" in refused.stderr
    assert office.run("absence", "remove", absence_id).returncode == 0
    after = office.run("route", "explain", "--at", "2026-12-14T23:59", "--json")
    assert json.loads(after.stdout)["extension"] == "101"


def test_hours_are_recomputed_on_an_empty_database_too(tmp_path: Path) -> None:
    office = Installation.make(tmp_path / "office", more=TABLES)
    done = office.run("recompute", "hours", "--since", "2026-11-01", "--dry-run", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"looked_at": 0, "changed": 0, "leads": 0})
