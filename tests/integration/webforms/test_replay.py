"""The log of deliveries and reading them again: with the real gateway, its database and its commands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.ports import LOOPBACK
from tests.support.process import Api, Installation

FORM = '[[form]]\nkey = "site"\nhoneypot = "fax_2"\n'
MAPPING = 'mapping = {name = "a.b", message = "a.c", utm_source = "a.d"}\n'
TREE = {"a": {"b": "Иван Петров", "c": "Насос", "d": "yandex"}, "phone": "89261234567"}


async def post(installation: Installation, **request: Any) -> dict[str, Any]:
    url = f"http://{LOOPBACK}:{installation.public}/f/site"
    async with aiohttp.ClientSession() as session, session.post(url, **request) as answer:
        told: dict[str, Any] = await answer.json()
        return told


def forms(installation: Installation, *words: str) -> Any:
    done = installation.run("forms", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def settled(api: Api) -> None:
    """/health answers with what was true half a second ago, so that must have passed first."""
    await asyncio.sleep(0.7)
    await api.settled(20)


async def test_a_delivery_is_read_again_after_a_mapping_change_and_spam_is_brought_back(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "leadgate", more=FORM)
    token = installation.new_token()
    gateway = installation.start()
    try:
        await gateway.ready()
        await post(installation, json=TREE)
        await post(installation, data={"name": "Anna", "phone": "89161234567", "fax_2": "x"})
        api = Api(installation, token)
        await settled(api)
        [lead] = await api.everything("/api/v1/leads")
        assert (lead["contact"]["name"], "a.b: Иван Петров" in lead["text"]) == (None, True)

        spam, mapped = forms(installation, "log")["deliveries"]
        assert (spam["kind"], "fax_2" in spam["problems"][0]) == ("spam", True)
        assert (mapped["kind"], mapped["preset"], mapped["handles"]) == ("message", "json", ["+79261234567"])
        assert forms(installation, "log", "--kind", "spam", "--form", "site")["deliveries"] == [spam]
        assert json.loads(forms(installation, "show", str(mapped["id"]))["raw"]) == TREE

        text = installation.config.read_text(encoding="utf-8")
        installation.config.write_text(text.replace(FORM, FORM + MAPPING), encoding="utf-8")
        dry = forms(installation, "replay", str(mapped["id"]), "--dry-run")["replayed"][0]
        assert (dry["outcome"], dry["who"]) == ("changed", "Иван Петров, +79261234567")
        assert forms(installation, "replay", str(mapped["id"]))["counts"] == {"changed": 1}
        assert forms(installation, "replay", str(mapped["id"]))["counts"] == {"unchanged": 1}
        assert forms(installation, "replay", str(spam["id"]), "--not-spam")["counts"] == {"changed": 1}
        assert forms(installation, "replay", "--form", "site")["counts"] == {"unchanged": 2}
        assert installation.run("forms", "replay").returncode == 1
        assert "no delivery 999" in installation.run("forms", "show", "999").stderr

        await settled(api)
        leads = {lead["contact"]["name"]: lead for lead in await api.everything("/api/v1/leads")}
        assert set(leads) == {"Иван Петров", "Anna"}
        assert leads["Иван Петров"]["id"] == lead["id"]
        assert (leads["Иван Петров"]["text"], leads["Иван Петров"]["source"]["utm"]) == ("Насос", {"source": "yandex"})
        assert len(await api.everything("/api/v1/interactions")) == 2
    finally:
        gateway.kill()


async def test_trap_10_two_posts_of_one_person_are_one_contact_and_one_open_lead(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "leadgate", more=FORM)
    token = installation.new_token()
    gateway = installation.start()
    try:
        await gateway.ready()
        await post(installation, data={"phone": "8 926 123-45-67", "name": "Иван"})
        await post(installation, json={"Телефон": "+79261234567", "comment": "Ещё вопрос"})
        api = Api(installation, token)
        await settled(api)
        [lead] = await api.everything("/api/v1/leads")
        [contact] = await api.everything("/api/v1/contacts")
        assert lead["contact"]["id"] == contact["id"]
        assert len(lead["interactions"]) == 2
    finally:
        gateway.kill()
