"""Google Ads lead forms (developers.google.com/google-ads/webhook): the proof is ``google_key`` in the body.

"Send test data" in Google Ads sends ``is_test: true``.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, same
from gateway.webforms.tree import at, rows, said, table

_COLUMNS = {
    "FULL_NAME": Meaning.NAME, "FIRST_NAME": Meaning.FIRST_NAME, "LAST_NAME": Meaning.LAST_NAME,
    "EMAIL": Meaning.EMAIL, "WORK_EMAIL": Meaning.EMAIL, "PHONE_NUMBER": Meaning.PHONE, "WORK_PHONE": Meaning.PHONE,
    "COMPANY_NAME": Meaning.COMPANY,
}  # fmt: skip
_CAMPAIGN = ("campaign_id", "adgroup_id", "creative_id", "asset_group_id")
"""Google's own numbers of what was advertised: kept with the source, under these names."""


def _recognises(body: Body) -> bool:
    return "lead_id" in body.roots and isinstance(at(body.tree, "user_column_data"), list)


def _read(body: Body) -> Reading:
    lead = table(body.tree)
    return Reading(
        answers=answers_of(_answers(lead)),
        sender_id=some(lead.get("lead_id")),
        test=lead.get("is_test") is True,
        form_id=some(lead.get("form_id")),
    )


def _answers(lead: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for column in rows(lead.get("user_column_data")):
        key = some(column.get("column_id")) or ""
        value = next((column[name] for name in column if name.endswith("_value")), None)
        yield some(column.get("column_name")) or key, value, _COLUMNS.get(key)
    yield "gclid", lead.get("gcl_id"), Meaning.CLICK_ID
    for name in _CAMPAIGN:
        yield f"utm_{name}", lead.get(name), Meaning.UTM


def _verify(proof: Proof, secret: str) -> bool:
    return same(said(at(proof.body.tree, "google_key")), secret)


GOOGLE_ADS = Preset(
    name="google_ads",
    cues=frozenset({"user_column_data"}),
    recognises=_recognises,
    read=_read,
    verify=_verify,
    whole=True,
)
