"""``[[crm]]`` of the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter.memory import MemoryCrm
from crm_adapter.webhook import Webhook
from gateway.delivery.events import SUPERSEDING, EventType, wanted
from gateway.delivery.settings import OWN_KEYS, CrmSettings, split
from gateway.delivery.worker import build_adapters

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
WEBHOOK: dict[str, Any] = {
    "name": "office",
    "adapter": "webhook",
    "url": "https://crm.example.com/hook",
    "secret": SECRET,
}


def test_a_table_of_the_file_becomes_settings_and_an_adapter() -> None:
    crm = CrmSettings.from_table({**WEBHOOK, "timeout": 15, "events": ["lead.*"], "parallel": 4})
    assert crm.options == {"url": "https://crm.example.com/hook", "secret": SECRET, "timeout": 15}
    assert (crm.name, crm.events, crm.parallel, crm.allow_private) == ("office", ("lead.*",), 4, False)
    assert isinstance(crm.build(), Webhook)


def test_several_crms_get_an_adapter_each() -> None:
    adapters = build_adapters(
        [CrmSettings.from_table(WEBHOOK), CrmSettings.from_table({"name": "twin", "adapter": "memory"})]
    )
    assert isinstance(adapters["office"], Webhook)
    assert isinstance(adapters["twin"], MemoryCrm)


def test_our_own_keys_are_not_handed_to_the_adapter() -> None:
    assert {"name", "adapter", "allow_private", "events", "parallel", "per_second", "alarm_minutes"} == OWN_KEYS
    assert split({"name": "a", "url": "b"}) == {"name": "a", "options": {"url": "b"}}


@pytest.mark.parametrize("allowed", [True, ["10.0.0.5"], ["crm.lan", "10.0.0.5"]])
def test_a_private_crm_is_reached_when_it_is_named_on_purpose(allowed: bool | list[str]) -> None:
    CrmSettings.from_table({**WEBHOOK, "url": "http://10.0.0.5/hook", "allow_private": allowed})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Офис"}, "name 'Офис' must be of small letters"),
        ({"name": ""}, "name '' must be"),
        ({"adapter": "webhok"}, "adapter can't be used: .* did you mean webhook"),
        ({"parallel": 0}, "parallel = 0 is out of range"),
        ({"parallel": 101}, "parallel = 101 is out of range"),
        ({"events": ["lead.opened"]}, "events names 'lead.opened', which no event has; there are: lead.created, "),
        ({"secret": "short"}, "secret must begin with whsec_"),
        ({"url": "http://10.0.0.5/hook"}, "url can't be used: .*allow_private"),
        ({"url": "http://10.0.0.5/hook", "allow_private": ["10.0.0.6"]}, "url can't be used: .*allow_private"),
        ({"sekret": "x"}, "sekret is not known to this adapter; did you mean secret"),
        ({"parallel": "many"}, "parallel"),
    ],
)
def test_a_wrong_table_is_answered_with_the_key_and_the_way_out(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CrmSettings.from_table({**WEBHOOK, **change})


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(CrmSettings.from_table(WEBHOOK))
    assert SECRET not in shown
    assert "crm.example.com" not in shown


@pytest.mark.parametrize(
    ("patterns", "event_type", "expected"),
    [
        (("*",), "lead.created", True),
        (("lead.created",), "lead.created", True),
        (("lead.created",), "lead.updated", False),
        (("lead.*", "call.*"), "call.recording_ready", True),
        (("lead.*",), "LEAD.created", False),
        ((), "lead.created", False),
    ],
)
def test_a_crm_is_told_only_what_it_wants(patterns: tuple[str, ...], event_type: str, expected: bool) -> None:
    assert wanted(patterns, event_type) is expected


def test_only_events_that_carry_a_whole_state_replace_older_ones() -> None:
    assert set(EventType) > SUPERSEDING
    assert {"lead.updated", "contact.upserted"} == SUPERSEDING
