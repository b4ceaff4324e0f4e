"""What ``leadgate crm check`` looks at in HubSpot: rights, the stage of new deals, our marker, mapped properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from crm_adapter.base import Gone
from crm_adapter.hubspot.bodies import MARKER
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.records import Kind
from crm_adapter.said import Said

ABOUT = "oauth/v2/private-apps/get/access-token-info"
OBJECTS = {
    Kind.CONTACT: "contacts",
    Kind.LEAD: "deals",
    Kind.CALL: "calls",
    Kind.MAIL: "emails",
    Kind.FORM: "notes",
}
SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.owners.read",
    "sales-email-read",
)
"""What is needed always."""
MARKED = ("contacts", "deals")


class Setup:
    """Looks, and makes nothing."""

    def __init__(self, http: JsonClient, fields: FieldMapping, *, pipeline: str, stage: str, token: str) -> None:
        self._http = http
        self._fields = fields
        self._pipeline = pipeline
        self._stage = stage
        self._token = token

    async def examine(self) -> Sequence[Examined]:
        """One by one. Raises CrmError where the token is not accepted, or may not even read."""
        for objects in MARKED:
            await self._http.get(f"crm/v3/objects/{objects}", {"limit": 1})
        markers = {objects: await self._get(f"crm/v3/properties/{objects}/{MARKER}") for objects in MARKED}
        to_make = [objects for objects, marker in markers.items() if marker is None]
        found = await self._rights(to_make)
        found += [_marker(objects, marker) for objects, marker in markers.items()]
        found.append(await self._examine_stage())
        for kind, objects in OBJECTS.items():
            if names := self._fields.names(kind.value):
                found += await self._mapped(objects, names)
        return found

    async def _rights(self, to_make: Sequence[str]) -> list[Examined]:
        """The scopes of the token, where HubSpot tells them; it does for private apps."""
        answer = await self._http.exchange("POST", ABOUT, {"tokenKey": self._token})
        told: Any = answer.json() if answer.status == 200 else None
        scopes = told.get("scopes") if isinstance(told, Mapping) else None
        subject = Said("rights")
        if not isinstance(scopes, list):
            said = Said("HubSpot does not list the rights of this kind of token; reading contacts and deals works.")
            return [Examined(subject=subject, said=said)]
        wanted = [*SCOPES, *(f"crm.schemas.{one}.{way}" for one in to_make for way in ("read", "write"))]
        missing = [one for one in wanted if one not in scopes]
        if not missing:
            return [Examined(subject=subject, said=Said("are given."))]
        said = Said("are missing: %(scopes)s.", scopes=", ".join(missing))
        remedy = Said("Give them to the token (Settings, Integrations, Private Apps; or Development, Keys).")
        return [Examined(subject=subject, said=said, ok=False, remedy=remedy)]

    async def _examine_stage(self) -> Examined:
        found = await self._get(f"crm/v3/pipelines/deals/{quote(self._pipeline, safe='')}")
        subject = Said("stage %(stage)s", stage=self._stage)
        if found is None:
            known = await self._get("crm/v3/pipelines/deals")
            names = ", ".join(str(one["id"]) for one in (known or {}).get("results") or ()) or "-"
            said = Said("there is no pipeline %(pipeline)s.", pipeline=self._pipeline)
            remedy = Said("Set pipeline; there are: %(names)s.", names=names)
            return Examined(subject=subject, said=said, ok=False, remedy=remedy)
        stages = [str(one["id"]) for one in found.get("stages") or ()]
        if self._stage in stages:
            said = Said("is in the pipeline %(pipeline)s.", pipeline=self._pipeline)
            return Examined(subject=subject, said=said)
        said = Said("is not in the pipeline %(pipeline)s.", pipeline=self._pipeline)
        remedy = Said("Set stage; stages there are: %(names)s.", names=", ".join(stages) or "-")
        return Examined(subject=subject, said=said, ok=False, remedy=remedy)

    async def _mapped(self, objects: str, names: Sequence[str]) -> list[Examined]:
        document = await self._get(f"crm/v3/properties/{objects}")
        known = {str(one["name"]): one for one in (document or {}).get("results") or ()}
        return [_property(objects, name, known.get(name)) for name in names]

    async def _get(self, path: str) -> Any:
        """The answer; None for 404."""
        try:
            return await self._http.get(path)
        except Gone:
            return None


def _marker(objects: str, marker: Mapping[str, Any] | None) -> Examined:
    subject = Said("property %(name)s of %(objects)s", name=MARKER, objects=objects)
    if marker is None:
        return Examined(subject=subject, said=Said("will be made at the first need."))
    if not marker.get("hasUniqueValue"):
        said, remedy = Said("allows the same value twice."), Said("Delete it; the gateway makes it anew.")
        return Examined(subject=subject, said=said, ok=False, remedy=remedy)
    return Examined(subject=subject, said=Said("is there."))


def _property(objects: str, name: str, known: Mapping[str, Any] | None) -> Examined:
    subject = Said("property %(name)s of %(objects)s", name=name, objects=objects)
    if known is None:
        remedy = Said("Make it in HubSpot, or take it out of fields. The inner name counts, not the label.")
        return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)
    if (known.get("modificationMetadata") or {}).get("readOnlyValue"):
        remedy = Said("Map another property.")
        return Examined(subject=subject, said=Said("can't be written."), ok=False, remedy=remedy)
    return Examined(subject=subject, said=Said("is there."))
