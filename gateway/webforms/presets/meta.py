"""Meta Lead Ads (Facebook, Instagram). The webhook carries ids only; the answers come from a second call to Graph.

developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving. Both shapes are read here: the thin one of the
webhook, several leads in a body, and the lead itself as Graph gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, hmac_hex, same
from gateway.webforms.tree import at, rows, said, table

_NAMES = {
    "full_name": Meaning.NAME, "first_name": Meaning.FIRST_NAME, "last_name": Meaning.LAST_NAME,
    "email": Meaning.EMAIL, "work_email": Meaning.EMAIL, "phone_number": Meaning.PHONE,
    "work_phone_number": Meaning.PHONE, "company_name": Meaning.COMPANY,
}  # fmt: skip
_CAMPAIGN = ("ad_id", "ad_name", "adset_id", "adset_name", "adgroup_id", "campaign_id", "campaign_name")
_DASHBOARD_TEST = "444444444444"
"""The page and the form of the App Dashboard's "Test" button."""
_TESTING_TOOL = "<test lead: dummy data"
"""What the Lead Ads Testing Tool fills in."""
THIN = "Meta sent only the number of this lead: its answers are in the Leads Center of the page until they are fetched."


def _recognises(body: Body) -> bool:
    return bool(_leads(body)) or _is_full(body)


def _is_full(body: Body) -> bool:
    return "field_data" in body.roots and isinstance(at(body.tree, "field_data"), list)


def _leads(body: Body) -> list[dict[str, Json]]:
    if "entry" not in body.roots:
        return []
    changes = (change for entry in rows(at(body.tree, "entry")) for change in rows(entry.get("changes")))
    return [table(change.get("value")) for change in changes if at(change, "value", "leadgen_id")]


def _read(body: Body) -> Reading:
    if _is_full(body):
        return _read_full(table(body.tree))
    lead = _leads(body)[0]
    return Reading(
        answers=answers_of((f"utm_{name}", lead.get(name), Meaning.UTM) for name in _CAMPAIGN),
        sender_id=some(lead.get("leadgen_id")),
        test=_DASHBOARD_TEST in (said(lead.get("page_id")), said(lead.get("form_id"))),
        form_id=some(lead.get("form_id")),
        problems=(THIN,),
        wanted=some(lead.get("leadgen_id")),
    )


def _read_full(lead: dict[str, Json]) -> Reading:
    fields = rows(lead.get("field_data"))
    answers: list[tuple[str, Json, Meaning | None]] = []
    for field in fields:
        name = some(field.get("name")) or "?"
        answers.append((name, field.get("values"), _NAMES.get(name)))
    answers += [(f"utm_{name}", lead.get(name), Meaning.UTM) for name in _CAMPAIGN]
    return Reading(
        answers=answers_of(answers),
        sender_id=some(lead.get("id")),
        test=any(said(field.get("values")).startswith(_TESTING_TOOL) for field in fields),
        form_id=some(lead.get("form_id")),
    )


def _split(body: Body) -> Sequence[Json]:
    """Each lead in an envelope of its own."""
    return [{"object": "page", "entry": [{"changes": [{"field": "leadgen", "value": lead}]}]} for lead in _leads(body)]


def _verify(proof: Proof, secret: str) -> bool:
    return same(proof.header("x-hub-signature-256"), "sha256=" + hmac_hex(secret, proof.raw))


META = Preset(
    name="meta",
    cues=frozenset({"entry", "field_data"}),
    recognises=_recognises,
    read=_read,
    verify=_verify,
    split=_split,
    whole=True,
)
