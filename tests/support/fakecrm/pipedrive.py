"""Pipedrive over a socket: the part of API v1 and v2 that the adapter uses, by the models of its official client."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Missing, Table

TOKEN = "api-token-of-pipedrive"
TEXT, INT, FLAG = Field(), Field(type="int"), Field(type="flag")
OWNER = Field(type="int", allowed=[1, 7, 8])
CITY = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
"""Custom fields are named by a hash."""
HANDLES = Field(type="list", inner={"value": Field(required=True), "primary": FLAG, "label": TEXT})
PERSON = {"name": Field(required=True, longest=255), "owner_id": OWNER, "phones": HANDLES, "emails": HANDLES,
          "org_id": INT, "custom_fields": Field(type="object", inner={CITY: TEXT})}  # fmt: skip
LEAD = {"title": Field(required=True, longest=255), "person_id": INT, "organization_id": INT, "owner_id": OWNER,
        "origin_id": TEXT, "channel": INT, "channel_id": TEXT, "was_seen": FLAG, CITY: TEXT}  # fmt: skip
NOTE = {"content": Field(required=True, longest=100_000), "lead_id": TEXT, "person_id": INT, "deal_id": INT,
        "user_id": OWNER, "add_time": TEXT}  # fmt: skip


def _clock(value: str) -> str | None:
    return None if re.fullmatch(r"\d\d:[0-5]\d:[0-5]\d", value) else "is no time"


ACTIVITY = {
    "subject": TEXT,
    "type": Field(allowed=["call", "meeting", "task", "email"]),
    "done": FLAG,
    "owner_id": OWNER,
    "lead_id": TEXT,
    "due_date": Field(check=lambda value: None if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "is no date"),
    "due_time": Field(check=_clock),
    "duration": Field(check=_clock),
    "note": Field(longest=100_000),
    "participants": Field(type="list", inner={"person_id": Field(type="int", required=True), "primary": FLAG}),
}
USERS = [
    {"id": 1, "name": "Admin", "email": "a@x.example", "phone": None, "active_flag": True},
    {"id": 7, "name": "Анна", "email": "anna@example.com", "phone": None, "active_flag": True},
    {"id": 8, "name": "Олег", "email": "o@x.example", "phone": "102", "active_flag": True},
    {"id": 9, "name": "Gone", "email": "g@x.example", "phone": "102", "active_flag": False},
]


class FakePipedrive(FakeCrm):
    """Pages hold two records, to see them all."""

    def __init__(self) -> None:
        super().__init__()
        self.persons = self.table("persons", PERSON)
        self.leads = self.table("leads", LEAD)
        self.notes = self.table("notes", NOTE)
        self.activities = self.table("activities", ACTIVITY)
        self.is_admin = True

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        return asked.headers.get("x-api-token") == TOKEN

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
        if trouble is Trouble.FORBIDDEN:
            return self._error(401, "unauthorized access")
        return super().trouble(trouble, asked)

    def missing(self, problem: Missing) -> Reply:
        return self._error(404, f"{problem.name} not found")

    def invalid(self, problem: Invalid) -> Reply:
        return self._error(400, str(problem))

    def _error(self, status: int, said: str) -> Reply:
        return Reply(status=status, body={"success": False, "error": said, "error_info": "see the documentation"})

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        _, _api, version, *path = asked.path.split("/")
        found = self._read(asked, version, path) if asked.method == "GET" else self._write(asked, version, path)
        return found or self._error(404, "not found")

    def _read(self, asked: Asked, version: str, path: list[str]) -> Reply | None:
        match version, path:
            case "v1", ["users"]:
                return self._done(USERS)
            case "v1", ["users", "me"]:
                return self._done({**USERS[0], "is_admin": int(self.is_admin)})
            case "v2", ["personFields" | "dealFields" as name]:
                own = ["name", "owner_id"] if name == "personFields" else ["title", "value"]
                return self._page_v2(asked, [{"field_code": one} for one in [*own, CITY]])
            case "v2", ["persons", "search"]:
                return self._search(asked)
            case "v2", ["persons", record]:
                return self._done({"is_deleted": False, **self.persons.get(int(record))})
            case "v2", ["persons"]:
                since = asked.one("updated_since")
                return self._page_v2(asked, [row for row in self._people() if row["update_time"] >= since])
            case "v2", ["activities"]:
                return self._page_v2(asked, [row for row in self.activities.rows.values() if self._belongs(row, asked)])
            case "v1", ["leads", record]:
                lead = self._lead(record)
                return self._done({**self._shown(lead), "is_archived": bool(lead.get("archived"))}) if lead else None
            case "v1", ["leads" | "notes" as name]:
                rows = [self._shown(row) for row in self._table(name).rows.values() if self._belongs(row, asked)
                        and not row.get("archived")]  # fmt: skip
                return self._page_v1(asked, rows)
        return None

    def _write(self, asked: Asked, version: str, path: list[str]) -> Reply | None:
        body = asked.json()
        match asked.method, version, path:
            case "POST", "v2", ["persons"]:
                return self._done({"id": self.persons.add(body, system=self._system(body))}, status=201)
            case "PATCH", "v2", ["persons", record]:
                self._there(int(record))
                self.persons.change(int(record), body)
                return self._done({"id": int(record)})
            case "POST", "v1", ["leads"]:
                if "person_id" not in body:
                    raise Invalid("person_id", "or organization_id is required")
                self._there(body["person_id"])
                return self._done({"id": self._uuid(self.leads.add(body, system=self._system(body)))}, status=201)
            case "PATCH", "v1", ["leads", record]:
                lead = self._lead(record)
                if lead is None:
                    return None
                if lead.get("archived"):
                    return self._error(403, "Archived leads cannot be updated")
                self.leads.change(lead["id"], body)
                return self._done({"id": record})
            case "POST", "v1", ["notes"]:
                return self._add_history(self.notes, body)
            case "POST", "v2", ["activities"]:
                return self._add_history(self.activities, body)
        return None

    def _add_history(self, table: Table, body: Mapping[str, Any]) -> Reply:
        if body.get("lead_id"):
            lead = self._lead(body["lead_id"])
            if lead is None or lead.get("archived"):
                raise Invalid("lead_id", "is not found" if lead is None else "is archived")
        for person in [body.get("person_id"), *(one["person_id"] for one in body.get("participants") or ())]:
            if person is not None:
                self._there(person)
        return self._done({"id": table.add(body)}, status=201)

    def _there(self, person: int) -> None:
        """Refuse a person that never was. One with the mark is taken in silence, and nobody sees what it gets."""
        if person not in self.persons.rows:
            raise Invalid("person_id", "is not a valid person")

    def _people(self) -> list[dict[str, Any]]:
        return [row for row in self.persons.rows.values() if not row.get("is_deleted")]

    def _system(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"owner_id": body.get("owner_id", 1), "update_time": f"2026-11-22T12:00:{len(self.commits) % 60:02d}Z"}

    def _done(self, data: Any, *, status: int = 200) -> Reply:
        return Reply(status=status, body={"success": True, "data": data})

    def _page_v1(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        start = int(asked.one("start", "0"))
        more = start + 2 < len(rows)
        pagination = {"start": start, "more_items_in_collection": more, **({"next_start": start + 2} if more else {})}
        data = rows[start : start + 2] or None  # an empty list is null in v1
        return Reply(body={"success": True, "data": data, "additional_data": {"pagination": pagination}})

    def _page_v2(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        start = int(asked.one("cursor", "0"))
        mark = str(start + 2) if start + 2 < len(rows) else None
        body = {"success": True, "data": rows[start : start + 2], "additional_data": {"next_cursor": mark}}
        return Reply(body=body)

    def _table(self, name: str) -> Table:
        return {"leads": self.leads, "notes": self.notes, "activities": self.activities}[name]

    def _uuid(self, row_id: int) -> str:
        return f"00000000-0000-4000-8000-{row_id:012d}"

    def _lead(self, record: str) -> dict[str, Any] | None:
        return self.leads.rows.get(int(record.rpartition("-")[2]))

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "id": self._uuid(row["id"])} if "title" in row else dict(row)

    def _belongs(self, row: Mapping[str, Any], asked: Asked) -> bool:
        persons = [str(one["person_id"]) for one in row.get("participants") or ()] or [str(row.get("person_id"))]
        if "person_id" in asked.query and asked.one("person_id") not in persons:
            return False
        return "lead_id" not in asked.query or asked.one("lead_id") == row.get("lead_id")

    def _search(self, asked: Asked) -> Reply:
        term, field = asked.one("term").lower(), asked.one("fields")
        if len(term) < 2:
            raise Invalid("term", "is too short")
        items = []
        for row in self._people():
            phones = [str(one["value"]) for one in row.get("phones") or ()]
            emails = [str(one["value"]) for one in row.get("emails") or ()]
            places = {"phone": [re.sub(r"\D", "", one) for one in phones], "email": emails, "name": [row["name"]]}[
                field
            ]
            if any(term == one.lower() if "exact_match" in asked.query else term in one.lower() for one in places):
                owner = {"id": row["owner_id"]}
                items.append({"item": {"id": row["id"], "type": "person", "name": row["name"], "phones": phones,
                                       "emails": emails, "owner": owner}, "result_score": 0.5})  # fmt: skip
        return self._done({"items": items})

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        typed = typed or f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        row = {
            "name": name,
            "phones": [{"value": typed, "primary": True, "label": "mobile"}],
            "emails": [],
            "owner_id": 7,
        }
        if email:
            row["emails"] = [{"value": email, "primary": True, "label": "work"}]
        return str(self.persons.put(row, system={"update_time": "2026-11-22T12:00:00Z"}))

    def remove(self, kind: str, remote_id: str) -> None:
        """A person gets a mark, and its leads lose it; a lead is deleted, as one that is made a deal of."""
        if kind == "lead":
            del self.leads.rows[int(remote_id.rpartition("-")[2])]
            return
        self.persons.rows[int(remote_id)]["is_deleted"] = True
        for lead in self.leads.where(person_id=int(remote_id)):
            lead["person_id"] = None

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [self._contact(row) for row in self._people()],
            "lead": [
                {"title": row["title"], "contact": row["person_id"], "owner": str(row["owner_id"]),
                 "text": "\n".join(self._texts(self._uuid(row["id"])))}
                for row in self.leads.rows.values()
            ],
            "call": [
                {"number": row["subject"].partition(": ")[2].partition(",")[0], "owner": str(row.get("owner_id")),
                 "inbound": row["subject"].startswith("Incoming"), "seconds": self._seconds(row["duration"])}
                for row in self.activities.rows.values()
            ],
            "mail": self._notes("Letter"),
            "form": self._notes("Form"),
        }  # fmt: skip

    def _contact(self, row: Mapping[str, Any]) -> dict[str, Any]:
        digits = [re.sub(r"\D", "", str(one["value"])) for one in row.get("phones") or ()]
        return {"name": row["name"], "phones": [f"+7{one[1:]}" for one in digits], "owner": str(row["owner_id"]),
                "emails": [one["value"] for one in row.get("emails") or ()]}  # fmt: skip

    def _seconds(self, duration: str) -> int:
        hours, minutes, seconds = map(int, duration.split(":"))
        return hours * 3600 + minutes * 60 + seconds

    def _plain(self, row: Mapping[str, Any]) -> str:
        return html.unescape(str(row["content"]).replace("<br>", "\n"))

    def _texts(self, lead: str) -> list[str]:
        found = [self._plain(row) for row in self.notes.where(lead_id=lead)]
        return sorted(one for one in found if not one.startswith(("Letter", "Form")))

    def _notes(self, word: str) -> list[dict[str, Any]]:
        found = [self._plain(row) for row in self.notes.rows.values()]
        return [{"text": one} for one in found if one.startswith(word)]
