"""HubSpot over a socket: the part of CRM API v3 that the adapter uses, by developers.hubspot.com."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Missing, Table, validate

TOKEN = "pat-eu1-token-of-hubspot"
SCOPES = [
    *(f"crm.objects.{one}.{way}" for one in ("contacts", "deals") for way in ("read", "write")),
    *(f"crm.schemas.{one}.{way}" for one in ("contacts", "deals") for way in ("read", "write")),
    "crm.objects.owners.read",
    "sales-email-read",
]
MOST_SEARCH = 3_000
MOST_FOUND = 10_000
TEXT = Field()
OWNER = Field(allowed=["5", "7", "8"])
CONTACT = {
    **{name: Field(longest=65_536) for name in ("firstname", "lastname", "city", "lastmodifieddate")},
    **dict.fromkeys(("phone", "mobilephone", "hs_additional_emails"), TEXT),
    "email": Field(check=lambda value: None if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) else "is no mail"),
    "hubspot_owner_id": OWNER,
}
DEAL = {
    "dealname": Field(required=True, longest=65_536),
    "description": Field(longest=65_536),
    "pipeline": Field(required=True, allowed=["default"]),
    "dealstage": Field(required=True, allowed=["appointmentscheduled", "closedwon"]),
    "hubspot_owner_id": OWNER,
    "campaign": TEXT,
}
MOMENT = Field(type="moment", required=True)
CALL = {
    "hs_timestamp": MOMENT,
    **dict.fromkeys(("hs_call_title", "hs_call_from_number", "hs_call_to_number", "hs_call_disposition"), TEXT),
    "hs_call_body": Field(longest=65_536),
    "hs_call_direction": Field(allowed=["INBOUND", "OUTBOUND"]),
    "hs_call_duration": Field(check=lambda value: None if value.isdigit() else "is no number"),
    "hs_call_status": Field(allowed=["BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED",
                                     "IN_PROGRESS", "NO_ANSWER", "QUEUED", "RINGING"]),
    "hs_call_recording_url": Field(check=lambda value: None if value.startswith("https://") else "is not https"),
    "hubspot_owner_id": OWNER,
}  # fmt: skip
EMAIL = {
    "hs_timestamp": MOMENT,
    "hs_email_direction": Field(required=True, allowed=["EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"]),
    "hs_email_status": Field(allowed=["BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT"]),
    **dict.fromkeys(("hs_email_subject", "hs_email_headers"), TEXT),
    "hs_email_text": Field(longest=65_536),
    "hubspot_owner_id": OWNER,
}
NOTE = {"hs_timestamp": MOMENT, "hs_note_body": Field(longest=65_536), "hubspot_owner_id": OWNER}
TYPE_IDS = {("deals", 3): "contacts", ("calls", 194): "contacts", ("calls", 206): "deals", ("emails", 198): "contacts",
            ("emails", 210): "deals", ("notes", 202): "contacts", ("notes", 214): "deals"}  # fmt: skip
OWNERS = [
    {"id": "5", "email": "a@x.example", "firstName": "Admin", "lastName": "", "archived": False},
    {"id": "7", "email": "anna@example.com", "firstName": "Анна", "lastName": "П", "archived": False},
    {"id": "8", "email": "oleg@x.example", "firstName": "Олег", "lastName": "К", "archived": False},
]
ASSOCIATION = Field(type="list", inner={
    "to": Field(type="object", required=True, inner={"id": Field(required=True)}),
    "types": Field(type="list", required=True, inner={
        "associationCategory": Field(required=True, allowed=["HUBSPOT_DEFINED", "USER_DEFINED"]),
        "associationTypeId": Field(type="int", required=True)}),
})  # fmt: skip


class FakeHubSpot(FakeCrm):
    """Records; unique properties; a search that knows a new record only after the next request."""

    def __init__(self) -> None:
        super().__init__()
        kinds = {"contacts": CONTACT, "deals": DEAL, "calls": CALL, "emails": EMAIL, "notes": NOTE}
        self.tables = {name: self.table(name, dict(fields)) for name, fields in kinds.items()}
        self.groups: dict[str, set[str]] = {"contacts": set(), "deals": set()}
        self.properties: dict[str, dict[str, dict[str, Any]]] = {"contacts": {}, "deals": {}}
        self.links: list[tuple[str, int, str, int]] = []
        """From a type and id to a type and id."""
        self.late_search = False
        """True: the search does not know contacts yet."""
        self.scopes: list[str] | None = list(SCOPES)
        """None: HubSpot does not tell them, as for service keys."""
        self.became: dict[int, int] = {}
        """A contact that was merged, and what it became."""
        self.found_at_most = MOST_FOUND
        self.held: dict[str, int] = {}
        """Markers of contacts that were deleted, where the recycling bin holds them."""
        self.bin_holds_markers = False

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        return asked.headers.get("Authorization") == f"Bearer {TOKEN}"

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
        if trouble is Trouble.FORBIDDEN:
            return self._error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found")
        return super().trouble(trouble, asked)

    def missing(self, problem: Missing) -> Reply:
        return self._error(404, "OBJECT_NOT_FOUND", f"resource not found: {problem.name}")

    def invalid(self, problem: Invalid) -> Reply:
        if problem.name.startswith("associations "):
            said = problem.name.removeprefix("associations ")
            context = {"INVALID_OBJECT_IDS": [f"{said} is not valid"]}
            return self._error(400, "VALIDATION_ERROR", "One or more associations are invalid", context=context)
        if str(problem).endswith("is not known"):
            said = f'Property "{problem.name}" does not exist'
            error = {"isValid": False, "message": said, "error": "PROPERTY_DOESNT_EXIST", "name": problem.name}
            return self._error(400, "VALIDATION_ERROR", f"Property values were not valid: {json.dumps([error])}")
        error = {"message": str(problem), "code": "INVALID", "context": {"propertyName": [problem.name]}}
        return self._error(400, "VALIDATION_ERROR", f"Property values were not valid: {problem}", errors=[error])

    def _error(self, status: int, category: str, said: str, **more: Any) -> Reply:
        return Reply(status=status, body={"status": "error", "message": said, "category": category, **more})

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        body = asked.json()
        match asked.method, asked.path.strip("/").split("/"):
            case _, ["crm", "v3", "properties", objects, *rest]:
                return self._property(objects, rest, body)
            case "GET", ["crm", "v4", "objects", objects, record, "associations", wanted]:
                self.tables[objects].get(int(record))
                found = [one[1] for one in self.links if one[0] == wanted and one[2:] == (objects, int(record))]
                return Reply(body={"results": [{"toObjectId": one} for one in found]})
            case "POST", ["crm", "v3", "objects", "contacts", "search"]:
                return self._search(asked, body)
            case "POST", ["crm", "v3", "objects", objects, "batch", "read"]:
                rows = [self.tables[objects].rows.get(int(one["id"])) for one in body["inputs"]]
                return Reply(body={"results": [self._shown(row) for row in rows if row]})
            case "POST", ["crm", "v3", "objects", objects]:
                return self._create(objects, body)
            case "GET", ["crm", "v3", "objects", objects]:
                return Reply(body={"results": []})
            case "GET", ["crm", "v3", "objects", objects, record]:
                row = self._row(objects, record, asked.one("idProperty"))
                return Reply(body=self._shown(row)) if row else self._missing()
            case "PATCH", ["crm", "v3", "objects", objects, record]:
                return self._change(objects, record, body)
        return self._about(asked, body)

    def _about(self, asked: Asked, body: Any) -> Reply:
        """What is no record."""
        match asked.method, asked.path.strip("/").split("/"):
            case "POST", ["oauth", "v2", "private-apps", "get", "access-token-info"]:
                return self._token_info(body)
            case "GET", ["crm", "v3", "owners"]:
                return self._owners(asked)
            case "GET", ["crm", "v3", "pipelines", "deals"]:
                return Reply(body={"results": [{"id": "default"}]})
            case "GET", ["crm", "v3", "pipelines", "deals", "default"]:
                return Reply(body={"id": "default", "stages": [{"id": one} for one in DEAL["dealstage"].allowed or ()]})
        return self._missing()

    def _token_info(self, body: Mapping[str, Any]) -> Reply:
        if body != {"tokenKey": TOKEN} or self.scopes is None:
            return self._error(400, "VALIDATION_ERROR", "invalid token key")
        return Reply(body={"userId": 1, "hubId": 123, "appId": 2, "scopes": self.scopes})

    def _missing(self) -> Reply:
        return self._error(404, "OBJECT_NOT_FOUND", "resource not found")

    def _owners(self, asked: Asked) -> Reply:
        start = int(asked.one("after", "0"))
        page: dict[str, Any] = {"results": OWNERS[start : start + 2]}  # a small page, to see them all
        if start + 2 < len(OWNERS):
            page["paging"] = {"next": {"after": str(start + 2)}}
        return Reply(body=page)

    def _property(self, objects: str, rest: list[str], body: Mapping[str, Any] | None) -> Reply:
        if body is None and not rest:
            names = [{"name": name} for name in self.tables[objects].fields]
            read_only = {"name": "hs_object_id", "modificationMetadata": {"readOnlyValue": True}}
            return Reply(body={"results": [*names, read_only]})
        if body is None:
            found = self.properties.get(objects, {}).get(rest[0])
            return Reply(body=found) if found else self._missing()
        if rest == ["groups"]:
            if body["name"] in self.groups[objects]:
                return self._error(409, "OBJECT_ALREADY_EXISTS", "group exists")
            self.groups[objects].add(str(body["name"]))
            return Reply(status=201, body=dict(body))
        if body["groupName"] not in self.groups[objects]:
            raise Invalid("groupName", "is not known")
        if body["name"] in self.properties[objects]:
            return self._error(409, "OBJECT_ALREADY_EXISTS", "property exists")
        self.properties[objects][body["name"]] = dict(body)
        self.tables[objects].fields = {**self.tables[objects].fields, body["name"]: TEXT}
        return Reply(status=201, body=dict(body))

    def _create(self, objects: str, body: Mapping[str, Any]) -> Reply:
        validate({"properties": Field(type="object", required=True), "associations": ASSOCIATION}, dict(body))
        table, properties = self.tables[objects], body["properties"]
        for row in table.rows.values():
            if objects == "contacts" and properties.get("email") and row.get("email") == properties["email"]:
                return self._error(409, "CONFLICT", f"Contact already exists. Existing ID: {row['id']}")
            if properties.get("leadgate_id") and row.get("leadgate_id") == properties["leadgate_id"]:
                return self._error(409, "CONFLICT", "leadgate_id already has that value")
        if objects == "contacts" and (held := self.held.get(properties.get("leadgate_id", ""))):
            return self._error(400, "VALIDATION_ERROR", f"Cannot set leadgate_id. {held} already has that value.")
        places = [(self._place(objects, one), int(one["to"]["id"])) for one in body.get("associations") or ()]
        row_id = table.add(properties, system={"lastmodifieddate": "2026-11-22T12:00:00Z"})
        self.links += [(objects, row_id, place, record) for place, record in places]
        return Reply(status=201, body=self._shown(table.rows[row_id]))

    def _place(self, objects: str, association: Mapping[str, Any]) -> str:
        (kind,) = association["types"]
        place = TYPE_IDS.get((objects, kind["associationTypeId"]))
        if place is None:
            raise Invalid("associations", "has a type that is not there")
        record = int(association["to"]["id"])
        if record not in self.tables[place].rows:
            raise Invalid(f"associations {place.removesuffix('s').upper()}={record}", "is not valid")
        return place

    def _change(self, objects: str, record: str, body: Mapping[str, Any]) -> Reply:
        row, properties = self.tables[objects].get(self._now(objects, int(record))), body["properties"]
        wanted = {properties.get("email"), *str(properties.get("hs_additional_emails") or "").split(";")} - {None, ""}
        for other in self.tables["contacts"].rows.values() if objects == "contacts" and wanted else ():
            mails = {other.get("email"), *str(other.get("hs_additional_emails") or "").split(";")}
            if other["id"] != row["id"] and wanted & mails:
                return self._error(409, "CONFLICT", f"Contact already exists. Existing ID: {other['id']}")
        self.tables[objects].change(row["id"], properties)
        return Reply(body=self._shown(row))

    def _now(self, objects: str, record: int) -> int:
        """The id of what it became: HubSpot answers with that for the ids of merged contacts."""
        return self._now(objects, self.became[record]) if objects == "contacts" and record in self.became else record

    def _row(self, objects: str, record: str, unique: str) -> dict[str, Any] | None:
        if not unique:
            return self.tables[objects].rows.get(self._now(objects, int(record)))
        if unique not in self.properties[objects]:
            raise Invalid("idProperty", "is no unique property")
        found = self.tables[objects].where(**{unique: record})
        return found[0] if found else None

    def _search(self, asked: Asked, body: Mapping[str, Any]) -> Reply:
        if len(asked.body.decode()) > MOST_SEARCH:
            raise Invalid("query", f"exceeds the maximum of {MOST_SEARCH} characters")
        known = {"filterGroups": Field(type="list", required=True), "sorts": Field(type="list"), "after": TEXT,
                 "properties": Field(type="list"), "limit": Field(type="int")}  # fmt: skip
        validate(known, dict(body))
        if not 1 <= len(body["filterGroups"]) <= 5:
            raise Invalid("filterGroups", "must be one to five")
        rows = [] if self.late_search else [
            row for row in self.tables["contacts"].rows.values()
            if any(all(self._fits(row, one) for one in group["filters"]) for group in body["filterGroups"])
        ]  # fmt: skip
        for sort in body.get("sorts") or ():
            rows.sort(key=lambda row: str(row.get(sort["propertyName"]) or ""))
        start, limit = int(body.get("after") or 0), body["limit"]
        if start >= self.found_at_most or not 1 <= limit <= 200:
            raise Invalid("after", f"is beyond the {self.found_at_most} results of a search")
        page: dict[str, Any] = {"results": [self._shown(row) for row in rows[start:][:limit]], "total": len(rows)}
        if start + limit < len(rows):
            page["paging"] = {"next": {"after": str(start + limit)}}
        return Reply(body=page)

    def _fits(self, row: Mapping[str, Any], clause: Mapping[str, Any]) -> bool:
        name, operator = clause["propertyName"], clause["operator"]
        value, values = str(clause.get("value", "")), clause.get("values", ())
        if name == "hs_searchable_calculated_phone_number":
            numbers = [re.sub(r"\D", "", str(row.get(key) or "")) for key in ("phone", "mobilephone")]
            return any(one.endswith(value.lstrip("*")) for one in numbers if one)
        has = str(row.get(name) or "")
        match operator:
            case "IN":
                return has in values
            case "CONTAINS_TOKEN":
                return value in has.split(";")
            case "GTE":
                return int(datetime.fromisoformat(has).timestamp() * 1000) >= int(value)
        raise Invalid(name, f"knows no {operator}")

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": str(row["id"]), "properties": {key: value for key, value in row.items() if key != "id"}}

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        typed = typed or f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        row = {"firstname": name, "phone": typed, "hubspot_owner_id": "7", **({"email": email} if email else {})}
        return str(self.tables["contacts"].put(row, system={"lastmodifieddate": "2026-11-22T12:00:00Z"}))

    def remove(self, kind: str, remote_id: str) -> None:
        """To the recycling bin; with the associations, and nothing else."""
        name, record = f"{kind}s".replace("leads", "deals"), int(remote_id)
        row = self.tables[name].rows.pop(record)
        if self.bin_holds_markers and name == "contacts":
            self.held[row["leadgate_id"]] = record
        self.links = [one for one in self.links if (name, record) not in (one[:2], one[2:])]

    def merge(self, first: int, second: int) -> int:
        """A new contact of both; the ids of both lead to it."""
        rows = self.tables["contacts"].rows
        row = {**rows.pop(second), **rows.pop(first)}
        now = self.tables["contacts"].put({key: value for key, value in row.items() if key != "id"})
        self.became |= {first: now, second: now}
        self.links = [(kind, record, place, self._now(place, to)) for kind, record, place, to in self.links]
        return now

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        rows = {name: list(table.rows.values()) for name, table in self.tables.items()}
        return {
            "contact": [self._contact(row) for row in rows["contacts"]],
            "lead": [
                {"title": row["dealname"], "text": row["description"], "owner": row.get("hubspot_owner_id"),
                 "contact": self._linked("deals", row["id"], "contacts")}
                for row in rows["deals"]
            ],
            "call": [
                {"number": row.get("hs_call_from_number"), "inbound": row["hs_call_direction"] == "INBOUND",
                 "seconds": int(row["hs_call_duration"]) // 1000, "owner": row["hubspot_owner_id"]}
                for row in rows["calls"]
            ],
            "mail": [{"text": row["hs_email_text"]} for row in rows["emails"]],
            "form": [{"text": html.unescape(row["hs_note_body"].replace("<br>", "\n"))} for row in rows["notes"]],
        }  # fmt: skip

    def _linked(self, objects: str, record: int, place: str) -> int | None:
        return next((one[3] for one in self.links if one[:3] == (objects, record, place)), None)

    def _contact(self, row: Mapping[str, Any]) -> dict[str, Any]:
        name = " ".join(str(row[key]) for key in ("firstname", "lastname") if row.get(key))
        digits = [re.sub(r"\D", "", str(row[key])) for key in ("phone", "mobilephone") if row.get(key)]
        emails = [row.get("email"), *str(row.get("hs_additional_emails") or "").split(";")]
        return {"name": name, "phones": [f"+7{one[1:]}" for one in digits], "emails": [one for one in emails if one],
                "owner": row.get("hubspot_owner_id")}  # fmt: skip


def table_of(fake: Any, name: str) -> Table:
    """A table of the fake, for tests."""
    found: Table = fake.tables[name]
    return found
