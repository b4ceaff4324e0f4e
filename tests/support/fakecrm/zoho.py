"""Zoho CRM over a socket: the part of API v8 that the adapter uses, by its documentation."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Table
from tests.support.fakecrm.soql import select

CLIENT, SECRET, REFRESH = "1000.client-of-zoho", "secret-of-zoho", "1000.refresh-of-zoho"
MARKER, LINK = "Leadgate_ID", "Leadgate_Contact"
TEXT = Field()
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def _mail(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}", value, re.ASCII) else "is no valid email"


def _seconds(value: str) -> str | None:
    return None if re.fullmatch(r"\d{2,}:[0-5]\d", value) else "is no duration"


def _moment(value: str) -> str | None:
    return None if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", value) else "is no date and time"


REFERENCE = Field(type="object", inner={"id": Field(required=True)})
OWNER = Field(type="object", inner={"id": Field(required=True, allowed=["1", "7", "8"])})
PERSON = {
    MARKER: Field(longest=36),
    "Owner": OWNER,
    "Last_Name": Field(required=True, longest=80),
    "Description": Field(longest=32_000),
    "Phone": Field(longest=30),
    "Mobile": Field(longest=30),
    "Email": Field(longest=100, check=_mail),
    "Secondary_Email": Field(longest=100, check=_mail),
    "City": Field(longest=100),
}
CONTACT = {**PERSON, "Other_Phone": Field(longest=30)}
LEAD = {
    **PERSON,
    "Company": Field(required=True, longest=100),
    "Designation": Field(longest=100),
    "Lead_Source": TEXT,
    LINK: REFERENCE,
}
CALL = {
    MARKER: Field(longest=36),
    "Owner": OWNER,
    "Subject": Field(required=True, longest=120),
    "Call_Type": Field(required=True, allowed=["Inbound", "Outbound", "Missed"]),
    "Call_Start_Time": Field(required=True, check=_moment),
    "Call_Duration": Field(check=_seconds),
    "Outbound_Call_Status": Field(allowed=["Completed", "Scheduled"]),
    "Description": Field(longest=32_000),
    "Who_Id": REFERENCE,
    "What_Id": REFERENCE,
    "$se_module": Field(allowed=["Leads", "Accounts", "Deals"]),
}
NOTE = {"Note_Title": Field(longest=120), "Note_Content": Field(required=True, longest=32_000)}
USERS = [
    {"id": "1", "full_name": "Admin", "email": "admin@x.example", "phone": None, "status": "active"},
    {"id": "7", "full_name": "Анна", "email": "anna@example.com", "phone": "+7 495 000-00-00", "status": "active"},
    {"id": "8", "full_name": "Олег", "email": "o@x.example", "phone": "102", "status": "active"},
    {"id": "9", "full_name": "Gone", "email": "g@x.example", "phone": "102", "status": "disabled"},
]
CODES = {"is required": "MANDATORY_NOT_FOUND", "is taken": "DUPLICATE_DATA"}


class FakeZoho(FakeCrm):
    """``lacks``: modules whose marker field nobody made unique."""

    sends_retry_after = False

    def __init__(self, *, lacks: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.lacks = lacks
        self.forbidden: tuple[str, ...] = ()
        """Modules that the profile may not write."""
        self.unique_mails = False
        """True: the mail of a contact must not be another's, which an account may ask for."""
        self.scopes = True
        """False: that for queries is missing."""
        ids = itertools.count(1)

        def table(name: str, fields: Mapping[str, Field]) -> Table:
            return Table(name=name, fields=fields, commits=self.commits, ids=ids)

        self.contacts, self.leads, self.calls = table("Contacts", CONTACT), table("Leads", LEAD), table("Calls", CALL)
        self.notes = table("Notes", NOTE)
        self.tables = {one.name: one for one in (self.contacts, self.leads, self.calls, self.notes)}
        self._tokens = itertools.count(1)
        self.token = ""

    # -- signing in --------------------------------------------------------------------------------------------------

    def is_sign_in(self, asked: Asked) -> bool:
        return asked.path == "/oauth/v2/token"

    def is_signed_in(self, asked: Asked) -> bool:
        signed = bool(self.token) and asked.headers.get("Authorization") == f"Zoho-oauthtoken {self.token}"
        return signed or self.is_sign_in(asked)

    def expire(self) -> bool:
        self.token = ""
        return True

    def _give_token(self, asked: Asked) -> Reply:
        """Zoho says what is wrong with a status of 200."""
        form = asked.form()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return Reply(body={"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH:
            return Reply(body={"error": "invalid_code"})
        self.token = f"1000.access-{next(self._tokens)}"
        return Reply(body={"access_token": self.token, "api_domain": self.url, "expires_in": 3600})

    # -- errors ------------------------------------------------------------------------------------------------------

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        match trouble:
            case Trouble.THROTTLED:
                return _error(429, "TOO_MANY_REQUESTS", "Too many requests fired in concurrent than the allowed limit")
            case Trouble.REFUSED:
                return Reply(status=202, body={"data": [_record_error("INVALID_DATA", REASON, "Phone")]})
            case Trouble.FORBIDDEN if self.is_sign_in(asked):
                return Reply(body={"error": "invalid_client"})
            case Trouble.FORBIDDEN:
                return _error(401, "INVALID_TOKEN", "invalid oauth token")
            case Trouble.BROKEN:
                return _error(500, "INTERNAL_ERROR", "Internal Server Error")
            case _:
                return Reply(status=503)

    def invalid(self, problem: Invalid) -> Reply:
        """A record is refused in ``data``, a query as a whole."""
        said = str(problem).removeprefix(f"{problem.name} ")
        if problem.name == "query":
            return _error(400, "SYNTAX_ERROR", str(problem))
        code = CODES.get(said, "INVALID_DATA")
        return Reply(status=202, body={"data": [_record_error(code, str(problem), problem.name.partition(".")[0])]})

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if self.is_sign_in(asked):
            return self._give_token(asked)
        path = asked.path.removeprefix("/crm/v8/").split("/")
        match asked.method, path:
            case "POST", ["coql"] if not self.scopes:
                return _error(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
            case (("POST" | "PUT"), [name, *_]) if name in self.forbidden:
                said = "User does not have sufficient privilege to perform this action"
                error = {"code": "AUTHORIZATION_FAILED", "details": {"resource_path_index": 0}, "message": said}
                return Reply(status=400, body={"data": [{**error, "status": "error"}]})
            case "POST", ["coql"]:
                return self._page(select(asked.json()["select_query"], self._rows))
            case "GET", ["users"]:
                return self._users(int(asked.one("page", "1")))
            case "GET", ["settings", "fields"]:
                return self._fields(asked.one("module"))
            case "GET", ["Contacts", "search"]:
                return self._search(asked)
            case "POST", [name, "upsert"] if name in ("Contacts", "Leads"):
                return self._upsert(name, asked.json())
            case "POST", ["Calls"]:
                return self._add_call(self._one(asked.json()))
            case (method, [name, record, "Notes"]) if name in ("Contacts", "Leads"):
                return self._notes(method, name, record, asked)
            case (method, [name, record]) if name in self.tables:
                return self._record(method, name, record, asked)
        return _error(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return [self._row(row) for row in self.tables[name].rows.values()]

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "id": str(row["id"])}

    def _page(self, rows: list[dict[str, Any]]) -> Reply:
        """Nothing is 204 without a body."""
        return Reply(body={"data": rows, "info": {"more_records": False}}) if rows else Reply(status=204)

    def _users(self, page: int) -> Reply:
        found = USERS[2 * (page - 1) :][:2]
        return Reply(body={"users": found, "info": {"more_records": page == 1}})

    def _fields(self, module: str) -> Reply:
        known = [one for one in self.tables[module].fields if not (one == LINK and module in self.lacks)]
        fields = [{"api_name": one, "unique": {"casesensitive": True} if one == MARKER and module not in self.lacks
                   else {}} for one in known]  # fmt: skip
        return Reply(body={"fields": [*fields, {"api_name": "Created_By", "unique": {}, "field_read_only": True}]})

    def _search(self, asked: Asked) -> Reply:
        """By words that are alike, as Zoho does it: the end of the number, whatever is between the digits."""
        rows = self._rows("Contacts")
        if "phone" in asked.query:
            wanted = _digits(asked.one("phone"))[-7:]
            found = [row for row in rows if any(_digits(row.get(one)).endswith(wanted) for one in _PHONES)]
        else:
            wanted = asked.one("email").lower()
            found = [row for row in rows if wanted in (row.get("Email"), row.get("Secondary_Email"))]
        return self._page(found)

    def _one(self, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict) or not isinstance(document.get("data"), list) or len(document["data"]) != 1:
            raise Invalid("data", "is required")
        one: dict[str, Any] = document["data"][0]
        return one

    def _upsert(self, name: str, document: dict[str, Any]) -> Reply:
        if set(document) - {"data", "duplicate_check_fields", "trigger"}:
            return _error(400, "INVALID_DATA", "unknown key")
        if document.get("duplicate_check_fields") != [MARKER] or name in self.lacks:
            return _error(400, "INVALID_DATA", "the duplicate check field is not unique")
        one, table = self._one(document), self.tables[name]
        self._check(one)
        found = table.where(**{MARKER: one.get(MARKER)})
        if found:
            table.change(found[0]["id"], one)
            return _success(found[0]["id"], "update")
        return _success(self._add(table, one), "insert")

    def _add(self, table: Table, one: dict[str, Any]) -> int:
        return table.add(one, system={"Owner": one.get("Owner", {"id": "1"}), "Modified_Time": self._moment()})

    def _add_call(self, one: dict[str, Any]) -> Reply:
        if "What_Id" in one and "Who_Id" in one:
            raise Invalid("Who_Id", "is not for a call of a lead")
        if ("What_Id" in one) != ("$se_module" in one):
            raise Invalid("$se_module", "is required")
        if (one.get("Call_Type") == "Missed") == ("Call_Duration" in one):
            raise Invalid("Call_Duration", "is for calls that were answered")
        self._check(one)
        taken = self.calls.where(**{MARKER: one[MARKER]}) if MARKER in one else []
        if taken:
            error = _record_error("DUPLICATE_DATA", "duplicate data", MARKER)
            error["details"]["duplicate_record"] = {"id": str(taken[0]["id"]), "module": {"api_name": "Calls"}}
            return Reply(status=202, body={"data": [error]})
        return _success(self._add(self.calls, one), "insert")

    def _check(self, document: Mapping[str, Any]) -> None:
        """References have to lead somewhere."""
        for name, table in ((LINK, self.contacts), ("Who_Id", self.contacts), ("What_Id", self.leads)):
            if name in document and int(document[name]["id"]) not in table.rows:
                raise Invalid(name, "is gone")

    def _notes(self, method: str, name: str, record: str, asked: Asked) -> Reply:
        if int(record) not in self.tables[name].rows:
            return _no_record()
        if method == "GET":
            if "fields" not in asked.query:
                return _error(400, "REQUIRED_PARAM_MISSING", "fields")
            return self._page([self._row(one) for one in self.notes.where(parent=f"{name}/{record}")])
        return _success(self.notes.add(self._one(asked.json()), system={"parent": f"{name}/{record}"}), "insert")

    def _record(self, method: str, name: str, record: str, asked: Asked) -> Reply:
        table = self.tables[name]
        if int(record) not in table.rows:
            return Reply(status=204) if method == "GET" else _no_record()
        if method == "GET":
            return Reply(body={"data": [self._row(table.rows[int(record)])]})
        one = self._one(asked.json())
        self._check(one)
        taken = self.contacts.where(Email=one.get("Email")) if one.get("Email") and self.unique_mails else []
        if name == "Contacts" and taken and taken[0]["id"] != int(record):
            error = _record_error("DUPLICATE_DATA", "duplicate data", "Email")
            error["details"]["duplicate_record"] = {"id": str(taken[0]["id"])}
            return Reply(status=400, body={"data": [error]})
        table.change(int(record), one)
        table.rows[int(record)]["Modified_Time"] = self._moment()
        return _success(int(record), "update")

    def _moment(self) -> str:
        return (START + timedelta(seconds=len(self.commits))).isoformat()

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        typed = typed or f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        row = {"Last_Name": name, "Mobile": typed, "Email": email, "Owner": {"id": "7"}}
        return str(self.contacts.put(row, system={"Modified_Time": self._moment()}))

    def remove(self, kind: str, remote_id: str) -> None:
        """To the recycle bin, with its notes and calls; a lead of a contact stays, and leads nowhere."""
        module = "Contacts" if kind == "contact" else "Leads"
        del self.tables[module].rows[int(remote_id)]
        for lead in self.leads.where(**{LINK: {"id": remote_id}}):
            lead[LINK] = None
        for note in self.notes.where(parent=f"{module}/{remote_id}"):
            del self.notes.rows[note["id"]]
        for call in self.calls.where(**{"Who_Id" if kind == "contact" else "What_Id": {"id": remote_id}}):
            del self.calls.rows[call["id"]]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [
                {"name": row["Last_Name"], "owner": row["Owner"]["id"],
                 "phones": [f"+7{_digits(row[one])[1:]}" for one in _PHONES if row.get(one)],
                 "emails": [row[one] for one in ("Email", "Secondary_Email") if row.get(one)]}
                for row in self.contacts.rows.values()
            ],
            "lead": [
                {"title": row["Designation"], "text": row["Description"], "owner": row["Owner"]["id"],
                 "contact": (row.get(LINK) or {}).get("id")}
                for row in self.leads.rows.values()
            ],
            "call": [
                {"number": row["Subject"].split(": ")[1].split(",")[0], "inbound": row["Call_Type"] != "Outbound",
                 "seconds": _in_seconds(row.get("Call_Duration", "00:00")), "owner": row["Owner"]["id"]}
                for row in self.calls.rows.values()
            ],
            "mail": self._texts("Letter"),
            "form": self._texts("Form"),
        }  # fmt: skip

    def _texts(self, word: str) -> list[dict[str, Any]]:
        return [{"text": row["Note_Content"]} for row in self.notes.rows.values() if row["Note_Title"].startswith(word)]


_PHONES = ("Phone", "Mobile", "Other_Phone")


def _digits(value: Any) -> str:
    return "".join(sign for sign in str(value or "") if sign.isdigit())


def _in_seconds(text: str) -> int:
    minutes, _, seconds = text.partition(":")
    return int(minutes) * 60 + int(seconds)


def _success(row_id: int, action: str) -> Reply:
    details = {"id": str(row_id), "Modified_Time": START.isoformat()}
    result = {"code": "SUCCESS", "status": "success", "message": "record added", "action": action, "details": details}
    return Reply(status=201 if action == "insert" else 200, body={"data": [result]})


def _record_error(code: str, message: str, field: str) -> dict[str, Any]:
    return {"code": code, "status": "error", "message": message, "details": {"api_name": field}}


def _no_record() -> Reply:
    """What a record in the address that is not there leads to."""
    details = {"resource_path_index": 1}
    error = {"code": "INVALID_DATA", "details": details, "message": "the id given seems to be invalid"}
    return Reply(status=400, body={**error, "status": "error"})


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status=status, body={"code": code, "details": {}, "message": message, "status": "error"})
