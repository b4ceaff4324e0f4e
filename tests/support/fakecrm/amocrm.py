"""amoCRM over a socket: the part of API v4 that the adapter uses, by the models of amocrm.ru/developers.

Where these say nothing it is as hard on the adapter as may be: a lead that waits in the unsorted inbox is neither found
nor shown among the leads; a contact that was deleted is 204, a lead in the bin is shown with ``is_deleted``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Missing, Table

TOKEN, SECRET, REFRESH = "long-lived-token-of-amo", "client-secret-of-amo", "amo-refresh-0"
TEXT, INT = Field(), Field(type="int")
VALUE = {"value": Field(type="any", required=True), "enum_code": TEXT}
CUSTOM = {
    "field_id": INT,
    "field_code": Field(),
    "values": Field(type="list", required=True, inner=VALUE),
}
FIELDS = {
    "contacts": {11: "PHONE", 12: "EMAIL", 13: "CITY"},
    "leads": {21: "UTM_SOURCE", 22: "UTM_MEDIUM", 23: "UTM_CAMPAIGN", 24: "UTM_CONTENT", 25: "UTM_TERM", 26: "CITY"},
}
"""Fields by their numbers and codes."""
KNOWN_CODES = {code for fields in FIELDS.values() for code in fields.values()}
COMMON = {
    "name": Field(longest=255),
    "responsible_user_id": Field(type="int", allowed=[1, 7, 8]),
    "custom_fields_values": Field(type="list", inner=CUSTOM),
    "created_at": INT,
    "request_id": TEXT,
    "_embedded": Field(type="object"),
}
CONTACT = {**COMMON}
LEAD = {**COMMON, "pipeline_id": INT, "price": INT, "status_id": INT}
NOTE = {
    "note_type": Field(required=True, allowed=["common", "call_in", "call_out"]),
    "params": Field(type="object", required=True, inner={"text": Field(required=True, longest=20_000)}),
}
CALL = {
    "direction": Field(required=True, allowed=["inbound", "outbound"]),
    "duration": Field(type="int", required=True),
    "source": Field(required=True),
    "phone": Field(required=True),
    "uniq": Field(longest=255),
    "link": TEXT,
    "call_result": TEXT,
    "call_status": Field(type="int", allowed=[1, 2, 3, 4, 5, 6, 7, 8]),
    "responsible_user_id": Field(type="int", allowed=[1, 7, 8]),
    "call_responsible": INT,
    "created_at": INT,
    "request_id": TEXT,
}
FORM_METADATA = {
    "form_id": Field(required=True),
    "form_name": Field(required=True),
    "form_page": Field(required=True),
    "form_sent_at": INT,
}
SIP_METADATA = {
    **{name: Field(required=True) for name in ("from", "phone", "service_code", "uniq")},
    **{name: Field(type="int", required=True) for name in ("called_at", "duration")},
    "link": TEXT,
    "is_call_event_needed": Field(type="flag"),
}
UNSORTED = {
    "request_id": TEXT,
    "source_name": Field(required=True),
    "source_uid": Field(required=True),
    "pipeline_id": INT,
    "metadata": Field(type="object", required=True, inner={**FORM_METADATA}),
    "_embedded": Field(type="object"),
}
USERS = [
    {"id": 1, "name": "Admin", "email": "a@x.example", "phone_number": None, "rights": {"is_active": True}},
    {"id": 7, "name": "Анна", "email": "anna@example.com", "phone_number": None, "rights": {"is_active": True}},
    {"id": 8, "name": "Олег", "email": "o@x.example", "phone_number": "102", "rights": {"is_active": True}},
    {"id": 9, "name": "Gone", "email": "g@x.example", "phone_number": "102", "rights": {"is_active": False}},
]


class FakeAmoCrm(FakeCrm):
    """``oauth``: tokens that run out instead of the long-lived one."""

    def __init__(self, *, oauth: bool = False, compares_digits: bool = True) -> None:
        """``compares_digits``: the search finds a number by any part of its digits, as several clients of amoCRM rely
        on; False: by parts of its text only, as the documentation can be read, too."""
        super().__init__()
        self.compares_digits = compares_digits
        self.waiting: set[int] = set()
        """Leads that nobody has taken out of the unsorted inbox yet."""
        self.bin: set[int] = set()
        """Leads that people deleted."""
        self.lists_users = True
        self.oauth = oauth
        self.contacts = self.table("contacts", CONTACT)
        self.leads = self.table("leads", LEAD)
        self.notes = self.table("notes", NOTE | {"entity": TEXT, "text": TEXT})
        self.calls = self.table("calls", CALL)
        self.unsorted = self.table("unsorted", UNSORTED)
        self.sip = self.table("sip", UNSORTED | {"metadata": Field(type="object", required=True, inner=SIP_METADATA)})
        self.fields: list[dict[str, Any]] = []
        self._tokens = itertools.count(1)
        self.token = None if oauth else TOKEN
        self.refresh = REFRESH

    # -- signing in --------------------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        if self.is_sign_in(asked):
            return True
        return asked.headers.get("Authorization") == f"Bearer {self.token}"

    def is_sign_in(self, asked: Asked) -> bool:
        return asked.path == "/oauth2/access_token"

    def expire(self) -> bool:
        self.token = "run-out" if self.oauth else self.token
        return self.oauth

    def _renew(self, asked: Asked) -> Reply:
        form = asked.json()
        if (
            form.get("client_secret") != SECRET
            or form.get("refresh_token") != self.refresh
            or "redirect_uri" not in form
        ):
            return Reply(status=400, body={"title": "Bad Request", "detail": "Cannot decrypt the refresh token"})
        number = next(self._tokens)
        self.token, self.refresh = f"amo-access-{number}", f"amo-refresh-{number}"
        return Reply(body={"token_type": "Bearer", "expires_in": 86400, "access_token": self.token,
                           "refresh_token": self.refresh})  # fmt: skip

    # -- errors ------------------------------------------------------------------------------------------------------

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("name", REASON))
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        error = {"code": "InvalidValue", "path": problem.name, "detail": str(problem)}
        body = {"validation-errors": [{"request_id": "0", "errors": [error]}], "title": "Bad Request", "status": 400}
        return Reply(status=400, body=body)

    def missing(self, problem: Missing) -> Reply:
        return Reply(status=404, body={"title": "Not Found", "status": 404, "detail": str(problem)})

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if self.is_sign_in(asked):
            return self._renew(asked)
        _, _api, _v4, *path = asked.path.split("/")
        found = self._read(asked, path) if asked.method == "GET" else self._write(asked, path)
        return found or Reply(status=404, body={"title": "Not Found", "status": 404})

    def _read(self, asked: Asked, path: list[str]) -> Reply | None:
        match path:
            case ["account"]:
                return Reply(body={"id": 1, "name": "Окна и двери"})
            case ["users"]:
                return self._page("users", USERS) if self.lists_users else Reply(status=403)
            case ["contacts" | "leads" as entity, "custom_fields"]:
                own = [{"id": number, "code": code} for number, code in FIELDS[entity].items()]
                return self._page("custom_fields", [*own, *(self.fields if entity == "leads" else [])])
            case ["leads", "unsorted"]:
                return self._page("unsorted", self._unsorted(asked.one("filter[category][]")))
            case ["contacts" | "leads" as entity]:
                return self._search(entity, asked)
            case ["contacts" | "leads" as entity, record]:
                return self._show(entity, int(record))
            case ["contacts" | "leads" as entity, record, "notes"]:
                return self._page("notes", self._notes(f"{entity}/{record}"))
        return None

    def _show(self, entity: str, row_id: int) -> Reply:
        if entity == "leads" and row_id in self.bin:
            return Reply(body={"id": row_id, "name": None, "is_deleted": True})
        row = self._table(entity).rows.get(row_id)
        return Reply(body=row) if row and not self._is_waiting(entity, row_id) else Reply(status=204)

    def _is_waiting(self, entity: str, row_id: int) -> bool:
        return entity == "leads" and row_id in self.waiting

    def _unsorted(self, category: str) -> list[dict[str, Any]]:
        """The newest first."""
        if category == "sip":
            found = [{"uid": f"sip-{row['id']}", "source_uid": row["source_uid"]} for row in self.sip.rows.values()]
        else:
            found = [{"uid": f"form-{row['id']}", "source_uid": row["source_uid"],
                      "_embedded": {"leads": [{"id": row["lead"]}]}}
                     for row in self.unsorted.rows.values() if row["lead"] in self.waiting]  # fmt: skip
        return found[::-1]

    def _write(self, asked: Asked, path: list[str]) -> Reply | None:
        match path:
            case ["leads", "custom_fields"]:
                return self._add_fields(asked.json())
            case ["contacts"]:
                return self._made("contacts", [self._add(self.contacts, one) for one in asked.json()])
            case ["leads", "complex"]:
                ids = [self._add(self.leads, one) for one in asked.json()]
                return Reply(body=[{"id": one, "merged": False} for one in ids])
            case ["leads", "unsorted", "forms"]:
                return self._add_form(asked.json())
            case ["leads", "unsorted", "sip"]:
                ids = [self.sip.add(one) for one in asked.json()]
                return Reply(body={"_embedded": {"unsorted": [{"uid": f"sip-{one}"} for one in ids]}})
            case ["calls"]:
                return self._add_calls(asked.json())
            case ["contacts" | "leads" as entity, record] if asked.method == "PATCH":
                return self._patch(self._table(entity), int(record), asked.json())
            case ["contacts" | "leads" as entity, record, "notes"]:
                return self._made("notes", [self._add_note(f"{entity}/{record}", one) for one in asked.json()])
        return None

    def _made(self, name: str, ids: list[int]) -> Reply:
        return Reply(body={"_embedded": {name: [{"id": one} for one in ids]}})

    def _page(self, name: str, rows: list[dict[str, Any]]) -> Reply:
        """An empty list is 204 without a body, as amoCRM does it."""
        return Reply(body={"_embedded": {name: rows}}) if rows else Reply(status=204)

    def _table(self, entity: str) -> Table:
        return self.contacts if entity == "contacts" else self.leads

    def _add_fields(self, fields: list[dict[str, Any]]) -> Reply:
        for one in fields:
            if any(known["code"] == one["code"] for known in self.fields):
                raise Invalid("code", "is taken")
            self.fields.append({"id": len(self.fields) + 100, **one})
        return Reply(body={"_embedded": {"custom_fields": self.fields}})

    def _check_codes(self, document: Mapping[str, Any]) -> None:
        known = KNOWN_CODES | {str(one["code"]) for one in self.fields}
        for one in document.get("custom_fields_values") or ():
            if one.get("field_code") is not None and one["field_code"] not in known:
                raise Invalid("custom_fields_values", f"has no field {one['field_code']}")

    def _add(self, table: Table, document: dict[str, Any]) -> int:
        self._check_codes(document)
        for contact in (document.get("_embedded") or {}).get("contacts", ()):
            if contact["id"] not in self.contacts.rows:
                raise Invalid("_embedded.contacts", "is not found")
        owner = document.get("responsible_user_id", 1)
        return table.add(document, system={"responsible_user_id": owner, "updated_at": 1763800000 + len(self.commits)})

    def _patch(self, table: Table, row_id: int, document: dict[str, Any]) -> Reply:
        self._check_codes(document)
        before = table.get(row_id).get("custom_fields_values") or []
        table.change(row_id, document)
        if "custom_fields_values" in document:  # fields that are not named stay, named ones are replaced as a whole
            named = {one.get("field_code") for one in document["custom_fields_values"]}
            kept = [one for one in before if one.get("field_code") not in named]
            table.rows[row_id]["custom_fields_values"] = [*kept, *document["custom_fields_values"]]
        return Reply(body={"id": row_id})

    def _search(self, entity: str, asked: Asked) -> Reply:
        rows = [row for row in self._table(entity).rows.values() if not self._is_waiting(entity, row["id"])]
        if "query" in asked.query:
            wanted = asked.one("query").lower()
            rows = [row for row in rows if wanted in str(row).lower() or self._has_digits(row, wanted)]
        if "filter[updated_at][from]" in asked.query:
            rows = [row for row in rows if row["updated_at"] >= int(asked.one("filter[updated_at][from]"))]
        if asked.one("order[updated_at]") == "asc":
            rows.sort(key=lambda row: int(row["updated_at"]))
        limit, page = int(asked.one("limit", "50")), int(asked.one("page", "1"))
        return self._page(entity, rows[limit * (page - 1) :][:limit])

    def _has_digits(self, row: Mapping[str, Any], wanted: str) -> bool:
        return (
            self.compares_digits
            and wanted.isdigit()
            and any(wanted in "".join(sign for sign in one if sign.isdigit()) for one in self._values(row, "PHONE"))
        )

    def _add_note(self, entity: str, document: dict[str, Any]) -> int:
        name, _, row_id = entity.partition("/")
        self._table(name).get(int(row_id))
        return self.notes.add(document, system={"entity": entity})

    def _notes(self, entity: str) -> list[dict[str, Any]]:
        found = list(reversed(self.notes.where(entity=entity)))
        if entity.startswith("contacts/"):
            calls = self.calls.where(contact=int(entity.partition("/")[2]))
            found += [{"id": one["id"], "note_type": "call_in", "params": {"uniq": one["uniq"]}} for one in calls]
        return found

    def _add_form(self, forms: list[dict[str, Any]]) -> Reply:
        made = []
        for one in forms:
            row_id = self.unsorted.add(one)
            (lead,) = one["_embedded"]["leads"]
            contacts = {"_embedded": {"contacts": one["_embedded"].get("contacts", [])}}
            try:
                lead_id = self._add(self.leads, {**lead, **contacts})
            except Invalid:  # all or nothing
                del self.unsorted.rows[row_id]
                raise
            self.waiting.add(lead_id)
            self.unsorted.rows[row_id]["lead"] = lead_id
            made.append({"uid": f"form-{row_id}", "_embedded": {"leads": [{"id": lead_id}]}})
        return Reply(body={"_embedded": {"unsorted": made}})

    def _add_calls(self, calls: list[dict[str, Any]]) -> Reply:
        made, errors = [], []
        for one in calls:
            contact = self._by_phone(one["phone"])
            if contact is None:
                errors.append({"title": "Entity not found", "status": 263, "request_id": one.get("request_id")})
            else:
                made.append({"id": self.calls.add(one, system={"contact": contact})})
        status = 200 if made else 400  # github.com/amocrm/amocrm-api-php/issues/52
        return Reply(status=status, body={"_total_items": len(made), "errors": errors, "_embedded": {"calls": made}})

    def _by_phone(self, phone: str) -> int | None:
        for row in self.contacts.rows.values():
            if any(one[-10:] == phone[-10:] for one in self._values(row, "PHONE")):
                return int(row["id"])
        return None

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        typed = typed or f"8{phone[2:]}"
        fields = [{"field_code": "PHONE", "values": [{"value": typed, "enum_code": "MOB"}]}]
        if email:
            fields.append({"field_code": "EMAIL", "values": [{"value": email}]})
        system = {"responsible_user_id": 7, "updated_at": 1763800000}
        return str(self.contacts.put({"name": name, "custom_fields_values": fields}, system=system))

    def remove(self, kind: str, remote_id: str) -> None:
        """A lead goes into the bin, with its notes; a contact goes for good, and its leads stay without it."""
        row_id = int(remote_id)
        del self._table(f"{kind}s").rows[row_id]
        if kind == "lead":
            self.bin |= {row_id} - self.waiting
            self.waiting.discard(row_id)
            return
        for row in self.leads.rows.values():
            row["_embedded"] = {"contacts": [one for one in (row.get("_embedded") or {}).get("contacts", ())
                                             if one["id"] != row_id]}  # fmt: skip

    def _values(self, row: Mapping[str, Any], code: str) -> list[str]:
        for one in row.get("custom_fields_values") or ():
            if one.get("field_code") == code:
                return [str(value["value"]) for value in one["values"]]
        return []

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [
                {"name": row["name"], "owner": str(row["responsible_user_id"]),
                 "phones": [f"+7{one[1:]}" if one[0] == "8" else one for one in self._values(row, "PHONE")],
                 "emails": self._values(row, "EMAIL")}
                for row in self.contacts.rows.values()
            ],
            "lead": [self._lead(row) for row in self.leads.rows.values()],
            "call": [
                {"number": row["phone"], "inbound": row["direction"] == "inbound", "seconds": row["duration"],
                 "owner": str(row["responsible_user_id"]), "status": row["call_status"]}
                for row in self.calls.rows.values()
            ],
            "mail": self._texts("Letter"),
            "form": self._texts("Form"),
        }  # fmt: skip

    def _lead(self, row: Mapping[str, Any]) -> dict[str, Any]:
        contacts = (row.get("_embedded") or {}).get("contacts") or []
        texts = [one["params"]["text"] for one in self.notes.where(entity=f"leads/{row['id']}")]
        lead_texts = sorted(one for one in texts if "[leadgate " not in one)
        return {"title": row["name"], "text": "\n".join(lead_texts), "owner": str(row["responsible_user_id"]),
                "contact": contacts[0]["id"] if contacts else None}  # fmt: skip

    def _texts(self, word: str) -> list[dict[str, Any]]:
        return [{"text": row["params"]["text"]} for row in self.notes.rows.values()
                if row["params"]["text"].startswith(word)]  # fmt: skip
