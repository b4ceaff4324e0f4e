"""How the answers of a lead are fetched of which a webhook told only the number: Meta, Bitrix24, amoCRM, HubSpot.

Each fetcher asks its vendor and returns JSON that the vendor's preset reads. Tokens travel in headers or in the path
of an address that is never logged.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from gateway.core.errors import LeadgateError
from gateway.core.types import Json
from gateway.webforms.presets.amocrm import CONTACT as AMO_CONTACT
from gateway.webforms.presets.bitrix24 import COMPLETED, ENTITIES
from gateway.webforms.presets.hubspot import FETCHED
from gateway.webforms.settings import CrmAccess, FormSettings
from gateway.webforms.tree import at, rows, said, table

META_FIELDS = (
    "id,created_time,field_data,form_id,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,is_organic,platform"
)
HUBSPOT_URL = "https://api.hubapi.com"
MAX_ANSWER = 1 << 20


class NotFetched(LeadgateError):
    """The vendor gave no answers; the sentence says what it said."""

    code = "not_fetched"
    retryable = True


class Fetcher(ABC):
    """One vendor, for one form."""

    vendor: str
    """Its name, for people."""
    setting: str
    """What to look at when it gives nothing."""

    @abstractmethod
    async def fetch(self, session: aiohttp.ClientSession, wanted: str) -> bytes:
        """The answers of ``wanted`` (``Reading.wanted``). Raises NotFetched, aiohttp.ClientError, OSError."""

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Json:
        """GET, or POST of ``body`` as JSON. Redirects are not followed: they would carry the token elsewhere."""
        method = "GET" if body is None else "POST"
        asked = session.request(method, url, params=query, headers=headers, json=body, allow_redirects=False)
        async with asked as answer:
            raw = await answer.content.read(MAX_ANSWER)
        said_there = raw[:300].decode("utf-8", "replace")
        if answer.status != 200:
            raise NotFetched(
                "%(vendor)s answered %(status)s: %(words)s",
                vendor=self.vendor,
                status=answer.status,
                words=said_there,
            )
        try:
            told: Json = json.loads(raw)
        except ValueError:
            raise NotFetched("%(vendor)s answered no JSON: %(words)s", vendor=self.vendor, words=said_there) from None
        return told


class MetaFetcher(Fetcher):
    """Graph (developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving)."""

    vendor = "Meta"
    setting = "graph_token"

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}  # not in the address: addresses get logged

    async def fetch(self, session: aiohttp.ClientSession, wanted: str) -> bytes:
        """``wanted``: the leadgen_id."""
        url = f"{self._url}/{quote(wanted, safe='')}"
        told = await self._ask(session, url, headers=self._headers, query={"fields": META_FIELDS})
        if not isinstance(at(told, "field_data"), list):
            raise NotFetched("Graph's answer has no field_data.")
        return json.dumps(told).encode()


class BitrixFetcher(Fetcher):
    """``crm.item.get`` through an incoming webhook (apidocs.bitrix24.com). A deal's person is its contact."""

    vendor = "Bitrix24"
    setting = "crm.url"

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def fetch(self, session: aiohttp.ClientSession, wanted: str) -> bytes:
        """``wanted``: entity and number, ``lead:77``."""
        entity, _, number = wanted.partition(":")
        item = await self._item(session, entity, number)
        contact_id = said(item.get("contactId"))
        contact = await self._item(session, "contact", contact_id) if contact_id not in ("", "0") else None
        return json.dumps({COMPLETED: item, "entity": entity, "contact": contact}).encode()

    async def _item(self, session: aiohttp.ClientSession, entity: str, number: str) -> dict[str, Json]:
        asked = {"entityTypeId": ENTITIES[entity], "id": int(number)}
        told = await self._ask(session, f"{self._url}/crm.item.get.json", body=asked)
        item = at(told, "result", "item")
        if not isinstance(item, dict):
            problem = said(at(told, "error_description")) or said(at(told, "error")) or "no item"
            raise NotFetched(
                "Bitrix24 answered about %(entity)s %(number)s: %(words)s",
                entity=entity,
                number=number,
                words=problem[:200],
            )
        return item


class AmoFetcher(Fetcher):
    """API v4 (amocrm.ru/developers): the deal names its contacts, which have the phone."""

    vendor = "amoCRM"
    setting = "crm.token"

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def fetch(self, session: aiohttp.ClientSession, wanted: str) -> bytes:
        """``wanted``: the deal's number."""
        lead = table(await self._get(session, f"leads/{int(wanted)}", {"with": "contacts"}))
        contacts = rows(at(lead, "_embedded", "contacts"))
        main = next((one for one in contacts if one.get("is_main")), contacts[0] if contacts else None)
        if main is None:
            raise NotFetched("Deal %(deal)s of amoCRM has no contact yet.", deal=wanted)
        contact = table(await self._get(session, f"contacts/{int(said(main.get('id')))}", None))
        account = {"id": lead.get("account_id")}
        return json.dumps({"account": account, "leads": {"add": [lead]}, AMO_CONTACT: contact}).encode()

    async def _get(self, session: aiohttp.ClientSession, path: str, query: Mapping[str, str] | None) -> Json:
        return await self._ask(session, f"{self._url}/api/v4/{path}", headers=self._headers, query=query)


class HubSpotFetcher(Fetcher):
    """CRM objects (developers.hubspot.com/docs/api/crm/contacts)."""

    vendor = "HubSpot"
    setting = "crm.token"

    def __init__(self, url: str, token: str) -> None:
        self._url = (url or HUBSPOT_URL).rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def fetch(self, session: aiohttp.ClientSession, wanted: str) -> bytes:
        """``wanted``: the contact's number."""
        url = f"{self._url}/crm/v3/objects/contacts/{quote(wanted, safe='')}"
        told = await self._ask(session, url, headers=self._headers, query={"properties": ",".join(FETCHED)})
        properties = at(told, "properties")
        if not isinstance(properties, dict):
            raise NotFetched("HubSpot's answer has no properties.")
        return json.dumps({"objectId": at(told, "id"), "properties": properties}).encode()


def fetcher_of(form: FormSettings) -> Fetcher | None:
    """Who completes the leads of a form; None where nothing is configured: then they stay as they came."""
    if form.graph_token:
        return MetaFetcher(form.graph_url, form.graph_token)
    if form.crm is None:
        return None
    return _crm_fetcher(form.crm)


def _crm_fetcher(crm: CrmAccess) -> Fetcher:
    if crm.vendor == "bitrix24":
        return BitrixFetcher(crm.url)
    if crm.vendor == "amocrm":
        return AmoFetcher(crm.url, crm.token)
    return HubSpotFetcher(crm.url, crm.token)
