"""Salesforce over a socket: the part of its REST API that the adapter uses, by the Object Reference."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Table
from tests.support.fakecrm.soql import select

CLIENT, SECRET, REFRESH = "client-of-sf", "secret-of-sf", "refresh-of-sf"
MARKER, LINK = "Leadgate_Id__c", "Leadgate_Contact__c"
DATA = "/services/data/v62.0"
TEXT = Field()


def _mail(value: str) -> str | None:
    return None if re.fullmatch(r"[\x21-\x7e]+@[\w.-]+\.[a-z]{2,}", value) else "is no valid email"


def _date(value: str) -> str | None:
    return None if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "is no date"


COMMON = {
    MARKER: Field(longest=36),
    "OwnerId": Field(allowed=["1", "7", "8"]),
    "Description": Field(longest=32_000),
}
PERSON = {
    **COMMON,
    "FirstName": Field(longest=40),
    "LastName": Field(required=True, longest=80),
    "Phone": Field(longest=40),
    "MobilePhone": Field(longest=40),
    "Email": Field(longest=80, check=_mail),
    "City__c": Field(longest=100),
}
CONTACT = {**PERSON, "OtherPhone": Field(longest=40), "AccountId": Field(longest=18)}
LEAD = {
    **PERSON,
    "Company": Field(required=True, longest=255),
    "Title": Field(longest=128),
    "LeadSource": Field(allowed=["Web", "Phone Inquiry", "Email", "Other"]),
    LINK: TEXT,
}
TASK = {
    **COMMON,
    "Subject": Field(longest=255),
    "TaskSubtype": Field(allowed=["Task", "Email", "Call"]),
    "Status": Field(required=True, allowed=["Not Started", "In Progress", "Completed"]),
    "ActivityDate": Field(check=_date),
    "CallType": Field(allowed=["Internal", "Inbound", "Outbound"]),
    "CallDurationInSeconds": Field(type="int"),
    "CallDisposition": Field(longest=255),
    "CallObject": Field(longest=255),
    "WhoId": TEXT,
}
VERSION = {
    "Title": Field(required=True, longest=255),
    "PathOnClient": Field(required=True, longest=500),
    "VersionData": Field(required=True),
    "FirstPublishLocationId": TEXT,
}
USERS: list[dict[str, Any]] = [
    {"Id": "1", "Name": "Admin", "Email": "admin@x.example", "Extension": None, "IsActive": True},
    {"Id": "7", "Name": "Анна", "Email": "anna@example.com", "Extension": None, "IsActive": True},
    {"Id": "8", "Name": "Олег", "Email": "o@x.example", "Extension": "102", "IsActive": True},
    {"Id": "9", "Name": "Gone", "Email": "g@x.example", "Extension": "102", "IsActive": False},
]
CODES = {
    "is required": "REQUIRED_FIELD_MISSING",
    "is too long": "STRING_TOO_LONG",
    "is not known": "INVALID_FIELD",
    "is no valid email": "INVALID_EMAIL_ADDRESS",
    "is none of the allowed values": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "is gone": "ENTITY_IS_DELETED",
    "is purged": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "is converted": "FIELD_INTEGRITY_EXCEPTION",
}
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Duplicate(Invalid):
    """A rule of the organisation says that there is one."""


class FakeSalesforce(FakeCrm):
    """``lacks``: objects whose external id field nobody made; ``forbidden``: those that may not be written."""

    sends_retry_after = False

    def __init__(self, *, lacks: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.lacks = lacks
        self.forbidden: tuple[str, ...] = ()
        self.purged = False
        """True: what is removed is removed from the recycle bin too."""
        self.zone = "Europe/Moscow"
        self.rule = "warns"
        """What the duplicate rule does with a lead or contact whose mail another has: ``warns`` or ``blocks``."""
        self.upload_seconds = 0.0
        self.assigned_to: str | None = None
        """The owner that an active assignment rule gives to leads."""
        ids = itertools.count(1)

        def table(name: str, fields: Mapping[str, Field]) -> Table:
            return Table(name=name, fields=fields, commits=self.commits, ids=ids)

        self.contacts, self.leads, self.tasks = table("Contact", CONTACT), table("Lead", LEAD), table("Task", TASK)
        self.files = table("ContentVersion", VERSION)
        self.tables = {one.name: one for one in (self.contacts, self.leads, self.tasks, self.files)}
        self.links = Table(name="ContentDocumentLink", fields={}, commits=[])
        self._tokens = itertools.count(1)
        self.token = ""
        self.refresh = REFRESH

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("ContentVersion"):
            await asyncio.sleep(self.upload_seconds)
        return await super()._serve(request)

    # -- signing in --------------------------------------------------------------------------------------------------

    def is_sign_in(self, asked: Asked) -> bool:
        return asked.path == "/services/oauth2/token"

    def is_signed_in(self, asked: Asked) -> bool:
        return self.is_sign_in(asked) or (
            bool(self.token) and asked.headers.get("Authorization") == f"Bearer {self.token}"
        )

    def expire(self) -> bool:
        self.token = ""
        return True

    def _give_token(self, asked: Asked) -> Reply:
        form = asked.form()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return Reply(
                status=400, body={"error": "invalid_client", "error_description": "invalid client credentials"}
            )
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") != self.refresh:
            return Reply(
                status=400, body={"error": "invalid_grant", "error_description": "expired access/refresh token"}
            )
        self.token = f"00D-access-{next(self._tokens)}"
        return Reply(body={"access_token": self.token, "instance_url": self.url, "token_type": "Bearer"})

    # -- errors ------------------------------------------------------------------------------------------------------

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        said = {
            Trouble.THROTTLED: (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            Trouble.REFUSED: (400, "STRING_TOO_LONG", REASON),
            Trouble.FORBIDDEN: (401, "INVALID_SESSION_ID", "Session expired or invalid"),
            Trouble.BROKEN: (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
        }.get(trouble, (503, "SERVER_UNAVAILABLE", "The server is too busy."))
        if self.is_sign_in(asked) and trouble is Trouble.FORBIDDEN:
            return Reply(status=400, body={"error": "invalid_client", "error_description": "invalid client"})
        return _error(*said)

    def invalid(self, problem: Invalid) -> Reply:
        if isinstance(problem, Duplicate):
            return _error(400, "DUPLICATES_DETECTED", "Use one of these records?")
        said = str(problem).removeprefix(f"{problem.name} ")
        return _error(400, CODES.get(said, "FIELD_CUSTOM_VALIDATION_EXCEPTION"), str(problem), problem.name)

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if self.is_sign_in(asked):
            return self._give_token(asked)
        if not asked.path.startswith(f"{DATA}/"):
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        path = asked.path.removeprefix(f"{DATA}/").split("/")
        match asked.method, path:
            case "GET", ["query"]:
                return self._query(asked.one("q"))
            case "GET", ["sobjects", name, "describe"]:
                may = name not in self.forbidden
                described = {"name": name, "createable": may, "updateable": may, "fields": self._described(name)}
                return Reply(body=described)
            case "GET", ["sobjects", name, record]:
                return self._read(name, record, asked.one("fields").split(","))
            case "POST", ["sobjects", "ContentVersion"]:
                return self._add_file(asked.json())
            case "PATCH", ["sobjects", name, record]:
                return self._change(name, record, self._ruled(name, asked, own=int(record)))
            case "PATCH", ["sobjects", name, field, value]:
                own = next((row["id"] for row in self.tables[name].where(**{MARKER: value})), 0)
                return self._upsert(name, field, value, self._ruled(name, asked, own=own))
        return _error(404, "NOT_FOUND", "The requested resource does not exist")

    def _described(self, name: str) -> list[dict[str, Any]]:
        known = [one for one in self.tables[name].fields if not (one == MARKER and name in self.lacks)]
        own = {"name": "CreatedById", "createable": False}
        return [own, *({"name": one, "externalId": one == MARKER, "unique": one == MARKER} for one in known)]

    def _rows(self, name: str) -> list[dict[str, Any]]:
        if name == "Organization":
            return [{"TimeZoneSidKey": self.zone}]
        if name == "User":
            return [dict(one, UserType="Standard") for one in USERS]
        table = self.links if name == "ContentDocumentLink" else self.tables[name]
        return [{**row, "Id": str(row["id"])} for row in table.rows.values()]

    def _query(self, query: str) -> Reply:
        """Users come in two pages, so that the way to the second is walked."""
        found = select(query, self._rows)
        if "FROM User" in query:
            if query.endswith(" "):
                return Reply(body={"totalSize": len(found), "done": True, "records": found[2:]})
            more = f"{DATA}/query?q={query.replace(' ', '+').replace(chr(39), '%27').replace('=', '%3D')}+"
            return Reply(body={"totalSize": len(found), "done": False, "records": found[:2], "nextRecordsUrl": more})
        return Reply(body={"totalSize": len(found), "done": True, "records": found})

    def _read(self, name: str, record: str, fields: list[str]) -> Reply:
        row = self.tables[name].rows.get(int(record))
        if row is None:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        return Reply(body={"Id": record, **{field: row.get(field) for field in fields}})

    def _change(self, name: str, record: str, document: dict[str, Any]) -> Reply:
        if int(record) not in self.tables[name].rows:
            return _error(404, "ENTITY_IS_DELETED", "entity is deleted")
        if self.tables[name].rows[int(record)].get("IsConverted"):
            return _error(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self._check(document)
        self.tables[name].change(int(record), document)
        self.tables[name].rows[int(record)]["SystemModstamp"] = self._moment()
        return Reply(status=204)

    def _upsert(self, name: str, field: str, value: str, document: dict[str, Any]) -> Reply:
        if field != MARKER or name in self.lacks:
            said = f"Provided external ID field does not exist or is not accessible: {field}"
            return _error(404, "NOT_FOUND", said)
        if MARKER in document:
            return _error(400, "INVALID_FIELD", "The external id stands in the address", MARKER)
        self._check(document)
        table = self.tables[name]
        found = table.where(**{MARKER: value})
        if found:
            table.change(found[0]["id"], document)
            return Reply(body={"id": str(found[0]["id"]), "success": True, "errors": [], "created": False})
        system = {"CreatedDate": self._moment(), "SystemModstamp": self._moment(), "IsConverted": False}
        row_id = table.add({**document, MARKER: value}, system={"OwnerId": document.get("OwnerId", "1"), **system})
        return Reply(status=201, body={"id": str(row_id), "success": True, "errors": [], "created": True})

    def _ruled(self, name: str, asked: Asked, *, own: int) -> dict[str, Any]:
        """The document, by the rules for duplicates and for owners."""
        document: dict[str, Any] = asked.json()
        mail = document.get("Email")
        others = [*self.contacts.where(Email=mail), *self.leads.where(Email=mail)] if mail else []
        saves = asked.headers.get("Sforce-Duplicate-Rule-Header") == "allowSave=true" and self.rule == "warns"
        if name in ("Contact", "Lead") and any(row["id"] != own for row in others) and not saves:
            raise Duplicate("Email", "duplicates detected")
        if name == "Lead" and self.assigned_to and asked.headers.get("Sforce-Auto-Assign") != "FALSE":
            document["OwnerId"] = self.assigned_to
        return document

    def _check(self, document: Mapping[str, Any]) -> None:
        """References have to lead somewhere."""
        who, contact = document.get("WhoId"), document.get(LINK)
        gone = "is purged" if self.purged else "is gone"
        if contact is not None and int(contact) not in self.contacts.rows:
            raise Invalid(LINK, gone)
        if who is None or int(who) in self.contacts.rows:
            return
        if int(who) not in self.leads.rows:
            raise Invalid("WhoId", gone)
        if self.leads.rows[int(who)].get("IsConverted"):
            raise Invalid("WhoId", "is converted")

    def _add_file(self, document: dict[str, Any]) -> Reply:
        if int(document["FirstPublishLocationId"]) not in self.tasks.rows:
            raise Invalid("FirstPublishLocationId", "is gone")
        row_id = self.files.add(document)
        self.links.put({"LinkedEntityId": document["FirstPublishLocationId"]})
        return Reply(status=201, body={"id": str(row_id), "success": True, "errors": []})

    def _moment(self) -> str:
        return (START + timedelta(seconds=len(self.commits))).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        typed = typed or f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        row = {"LastName": name, "MobilePhone": typed, "Email": email, "OwnerId": "7", "CreatedDate": "2020-01-01"}
        return str(self.contacts.put(row, system={"SystemModstamp": self._moment()}))

    def remove(self, kind: str, remote_id: str) -> None:
        """To the recycle bin, with its tasks; a lead of a contact stays, and leads nowhere."""
        del (self.contacts if kind == "contact" else self.leads).rows[int(remote_id)]
        for lead in self.leads.where(**{LINK: remote_id}):
            lead[LINK] = None
        for task in self.tasks.where(WhoId=remote_id):
            del self.tasks.rows[task["id"]]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        tasks = list(self.tasks.rows.values())
        return {
            "contact": [self._contact(row) for row in self.contacts.rows.values()],
            "lead": [
                {"title": row["Title"], "text": row["Description"], "owner": row["OwnerId"], "contact": row.get(LINK)}
                for row in self.leads.rows.values()
            ],
            "call": [
                {"number": row["Subject"].split(": ")[1].split(",")[0], "inbound": row["CallType"] == "Inbound",
                 "seconds": row["CallDurationInSeconds"], "owner": row["OwnerId"],
                 "recording": bool(self.links.where(LinkedEntityId=str(row["id"])))}
                for row in tasks if row["TaskSubtype"] == "Call"
            ],
            "mail": [{"text": row["Description"]} for row in tasks if row["TaskSubtype"] == "Email"],
            "form": [{"text": row["Description"]} for row in tasks if row["TaskSubtype"] == "Task"],
        }  # fmt: skip

    def _contact(self, row: Mapping[str, Any]) -> dict[str, Any]:
        typed = [row[name] for name in ("Phone", "MobilePhone", "OtherPhone") if row.get(name)]
        phones = [f"+7{''.join(filter(str.isdigit, one))[1:]}" for one in typed]
        lines = (row.get("Description") or "").splitlines()
        emails = [one for one in [row.get("Email"), *lines] if one and "@" in one]
        return {"name": row["LastName"], "owner": row["OwnerId"], "phones": phones, "emails": emails}


def _error(status: int, code: str, message: str, field: str | None = None) -> Reply:
    error = {"message": message, "errorCode": code, **({"fields": [field]} if field else {})}
    return Reply(status=status, body=[error])
