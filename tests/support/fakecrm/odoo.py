"""Odoo over a socket, by JSON-2 or JSON-RPC: the models that the adapter uses, as Odoo 19 and 18 showed them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Missing, Table, validate

DATABASE, LOGIN, KEY, USER = "crm", "leadgate", "api-key-of-odoo", 5
TEXT, INT = Field(), Field(type="int")
USER_ID = Field(type="int", allowed=[2, 7, 8])
PARTNER = {
    "name": Field(required=True),
    "phone": TEXT,
    "email": TEXT,
    "comment": TEXT,
    "city": TEXT,
    "user_id": USER_ID,
}
LEAD = {
    "name": Field(required=True),
    "type": Field(required=True, allowed=["lead", "opportunity"]),
    "description": TEXT,
    "partner_id": INT,
    "user_id": USER_ID,
    **{f"{name}_id": INT for name in ("source", "medium", "campaign")},
    "referred": TEXT,
}
MESSAGE = {
    "model": Field(required=True, allowed=["res.partner", "crm.lead"]),
    "res_id": Field(type="int", required=True),
    "body": TEXT,
    "subject": TEXT,
    "message_type": Field(required=True, allowed=["comment", "email", "notification"]),
    "subtype_id": Field(type="int", allowed=[2]),
    "message_id": TEXT,
    "date": Field(check=lambda value: None if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value) else "is no date"),
    "email_from": TEXT,
    "author_id": INT,
    "attachment_ids": Field(type="list"),
}
ATTACHMENT = {
    "name": Field(required=True),
    "description": TEXT,
    "mimetype": TEXT,
    "datas": Field(required=True),
    "res_model": Field(required=True, allowed=["res.partner", "crm.lead"]),
    "res_id": Field(type="int", required=True),
}
USERS = [
    {"id": 2, "login": "admin", "name": "Administrator", "email": False, "phone": False, "active": True},
    {"id": 7, "login": "anna", "name": "Анна", "email": "anna@example.com", "phone": False, "active": True},
    {"id": 8, "login": "oleg", "name": "Олег", "email": False, "phone": "102", "active": True},
    {"id": 9, "login": "gone", "name": "Gone", "email": False, "phone": "102", "active": False},
]


class Forbidden(Exception):
    """AccessError."""


class FakeOdoo(FakeCrm):
    """``old``: JSON-RPC and the fields of 14 to 18, where partners have a mobile; else JSON-2."""

    def __init__(self, *, old: bool = False) -> None:
        super().__init__()
        self.old = old
        self.may_create = True
        self.partners = self.table("res.partner", PARTNER | ({"mobile": TEXT} if old else {}))
        self.leads = self.table("crm.lead", LEAD)
        self.messages = self.table("mail.message", MESSAGE)
        self.files = self.table("ir.attachment", ATTACHMENT)
        self.utm = {f"utm.{one}": self.table(f"utm.{one}", {"name": Field(required=True)})
                    for one in ("source", "medium", "campaign")}  # fmt: skip
        self.external: dict[str, tuple[str, int]] = {}

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        if self.old:
            return True  # authenticate and execute_kw look at the key themselves
        return asked.headers.get("Authorization") == f"bearer {KEY}"

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        match trouble:
            case Trouble.REFUSED:
                return self._error("builtins.ValueError", REASON)
            case Trouble.FORBIDDEN if self.old:
                return self._error("odoo.exceptions.AccessDenied", "Access Denied")
            case Trouble.FORBIDDEN:
                return self._error("werkzeug.exceptions.Unauthorized", "Invalid apikey", status=401)
            case Trouble.BROKEN:
                return self._error("psycopg2.errors.SerializationFailure", "could not serialize access")
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        return self._error("builtins.ValueError", f"Invalid field name {problem}")

    def missing(self, problem: Missing) -> Reply:
        said = f"Record does not exist or has been deleted.\n(Record: {problem.name}, User: {USER})"
        return self._error("odoo.exceptions.MissingError", said, status=404)

    def _error(self, name: str, said: str, *, status: int = 500) -> Reply:
        about = {"name": name, "message": said, "arguments": [said], "context": {}, "debug": "Traceback ..."}
        if not self.old:
            return Reply(status=status, body=about)
        error = {"code": 200, "message": "Odoo Server Error", "data": about}
        return Reply(body={"jsonrpc": "2.0", "id": 0, "error": error})

    # -- calls -------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        try:
            return self._answer_jsonrpc(asked) if self.old else self._answer_json2(asked)
        except Forbidden:
            return self._error("odoo.exceptions.AccessError", "You are not allowed to access this document", status=403)

    def _answer_json2(self, asked: Asked) -> Reply:
        _, _, _, model, method = asked.path.split("/")
        if asked.headers.get("X-Odoo-Database", DATABASE) != DATABASE:
            return Reply(status=404, body="<!DOCTYPE html><title>404 Not Found</title><h1>Not Found</h1>")
        body = asked.json()
        ids = body.pop("ids", None)
        found = self._call(model, method, ids, body)
        return found if isinstance(found, Reply) else Reply(body=found)

    def _answer_jsonrpc(self, asked: Asked) -> Reply:
        params = asked.json()["params"]
        database, who, key, *rest = params["args"]
        if database != DATABASE:
            said = (
                f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "{database}" does not exist\n'
            )
            return self._error("psycopg2.OperationalError", said)
        if params["method"] == "authenticate":
            fits = (database, who, key) == (DATABASE, LOGIN, KEY)
            return Reply(body={"jsonrpc": "2.0", "id": 0, "result": USER if fits else False})
        if (database, who, key) != (DATABASE, USER, KEY):
            return self._error("odoo.exceptions.AccessDenied", "Access Denied")
        model, method, places = rest
        ids = places.pop(0) if method == "write" else None
        names = {"create": ["vals_list"], "write": ["vals"], "load": ["fields", "data"],
                 "fields_get": ["allfields", "attributes"],
                 "check_object_reference": ["module", "xml_id", "raise_on_access_error"],
                 "search_read": ["domain", "fields", "offset", "limit", "order"],
                 "check_access_rights": ["operation", "raise_exception"]}[method]  # fmt: skip
        found = self._call(model, method, ids, dict(zip(names, places, strict=False)))
        return found if isinstance(found, Reply) else Reply(body={"jsonrpc": "2.0", "id": 0, "result": found})

    def _call(self, model: str, method: str, ids: Sequence[int] | None, named: dict[str, Any]) -> Any:
        match method:
            case "fields_get":
                types = {name: {"type": "char"} for name in self._table(model).fields}
                if model == "res.partner" and not self.old:
                    types["phone_mobile_search"] = {"type": "char"}
                return types | (
                    {"description": {"type": "text" if self.old else "html"}} if model == "crm.lead" else {}
                )
            case "has_access" | "check_access_rights":
                return self.may_create
            case "check_object_reference":
                return self._reference(**named)
            case "search_read":
                return USERS if model == "res.users" else self._search(model, **named)
            case "load":
                return self._load(model, named["fields"], named["data"])
            case "create":
                return [self._create(model, one) for one in named["vals_list"]]
            case "write":
                for row_id in ids or ():
                    self._table(model).get(row_id)
                    vals = dict(named["vals"])
                    if commands := vals.get("attachment_ids"):  # a set: what is there stays, and is there once
                        there = self._table(model).rows[row_id].get("attachment_ids") or []
                        vals["attachment_ids"] = [*there, *(one for one in commands if one not in there)]
                    self._table(model).change(row_id, vals)
                return True
        return self._error("werkzeug.exceptions.NotFound", f"The method {model}.{method} does not exist", status=404)

    def _table(self, model: str) -> Table:
        tables = {table.name: table for table in (self.partners, self.leads, self.messages, self.files)} | self.utm
        return tables[model]

    def _fields_of(self, model: str) -> Mapping[str, Field]:
        """What an import takes: the id of a partner must be one."""
        fields = self._table(model).fields
        if model != "crm.lead":
            return fields
        return {**fields, "partner_id": Field(type="int", allowed=list(self.partners.rows))}

    def _create(self, model: str, values: Mapping[str, Any]) -> int:
        """A message needs the record that it is shown with, and its author; before 16 Odoo says it in other words."""
        if model == "mail.message":
            if values["res_id"] not in self._table(values["model"]).rows:
                if self.old:
                    raise Forbidden
                raise Missing(f"{values['model']}({values['res_id']},)", "is not there")
            if values.get("author_id", 0) not in (0, *self.partners.rows):
                if self.old:
                    raise Invalid("author_id", "is not present in table res_partner")
                raise Missing(f"res.partner({values['author_id']},)", "is not there")
        return self._table(model).add(values)

    def _reference(self, module: str, xml_id: str, raise_on_access_error: bool = False) -> Any:
        """The model and the id; False where people archived the record."""
        if f"{module}.{xml_id}" == "mail.mt_note":
            return ["mail.message.subtype", 2]
        found = self.external.get(f"{module}.{xml_id}")
        if found is None:
            return self._error("builtins.ValueError", f"External ID not found in the system: {module}.{xml_id}")
        is_seen = self._table(found[0]).rows[found[1]].get("active", True)
        if not is_seen and raise_on_access_error:
            raise Forbidden
        return [found[0], found[1] if is_seen else False]

    def _load(self, model: str, fields: list[str], data: list[list[str]]) -> Any:
        """The import: cells are texts; ``x/.id`` is the id of a many2one; what is wrong comes as messages."""
        ids = []
        for row in data:
            external, *cells = row
            values: dict[str, Any] = {}
            for name, cell in zip(fields[1:], cells, strict=True):
                values[name.removesuffix("/.id")] = int(cell) if name.endswith("/.id") else cell
            try:
                validate(self._fields_of(model), values)
                known = self.external.get(external)
                if known is None:
                    self.external[external] = known = (model, self._table(model).add(values))
                else:
                    self._table(model).change(known[1], values)
            except Invalid as problem:
                return {"ids": False, "messages": [{"type": "error", "field": problem.name, "message": str(problem)}]}
            ids.append(known[1])
        return {"ids": ids, "messages": [], "nextrow": 0}

    def _search(
        self,
        model: str,
        domain: list[Any],
        fields: list[str],
        offset: int = 0,
        limit: int | None = None,
        order: str = "",
    ) -> list[dict[str, Any]]:
        any_of = bool(domain) and domain[0] == "|"
        clauses = [one for one in domain if one != "|"]
        if any_of and len(clauses) != len(domain) - len(clauses) + 1:
            raise Invalid("domain", "has too few or too many |")
        archived_too = any(clause[0] == "active" for clause in clauses)
        rows = [
            row for row in self._table(model).rows.values() if archived_too or row.get("active", True)
        ]  # fmt: skip
        rows = [
            row for row in rows
            if (any if any_of else all)(self._fits(row, *clause) for clause in clauses)
        ]  # fmt: skip
        return [self._shown(row, fields) for row in rows[offset:][:limit]]

    def _fits(self, row: Mapping[str, Any], name: str, operator: str, wanted: Any) -> bool:
        if name == "phone_mobile_search":
            if len(str(wanted)) < 3:
                raise Invalid(name, "Please enter at least 3 characters when searching a Phone/Mobile number.")
            return re.sub(r"[^\d+]", "", str(row.get("phone") or "")) == str(wanted)
        value = row.get(name, True) if name == "active" else row.get(name)
        match operator:
            case "=":
                return bool(value == wanted)
            case "=like":
                return fnmatchcase(str(value or ""), str(wanted).replace("%", "*"))
            case "in":
                return value in wanted
            case ">=":
                return bool(value and value >= wanted)
            case "ilike":
                return str(wanted).lower() in str(value or "").lower()
            case "=ilike":
                return str(value or "").lower() == str(wanted).replace("\\", "").lower()
        raise Invalid(name, f"knows no {operator}")

    def _shown(self, row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
        """As Odoo shows values: False where there is none, a pair for a many2one."""
        shown = {"id": row["id"]}
        for name in fields:
            value = row.get(name)
            is_link = name.endswith("_id") and name != "res_id" and isinstance(value, int)
            shown[name] = [value, "somebody"] if is_link else value or False
        return shown

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        usual = f"8{phone[2:]}" if self.old else f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        row = {"name": name, "phone": typed or usual, "user_id": 7, **({"email": email} if email else {})}
        return str(self.partners.put(row, system={"write_date": "2026-11-22 12:00:00.5"}))

    def remove(self, kind: str, remote_id: str) -> None:
        """Its messages and its external id go with it; what pointed to it points nowhere."""
        table, row_id = (self.partners if kind == "contact" else self.leads), int(remote_id)
        del table.rows[row_id]
        self.external = {name: at for name, at in self.external.items() if at != (table.name, row_id)}
        for message in self.messages.where(model=table.name, res_id=row_id):
            del self.messages.rows[message["id"]]
        for lead in self.leads.rows.values() if kind == "contact" else ():
            lead["partner_id"] = None if lead.get("partner_id") == row_id else lead.get("partner_id")

    def archive(self, kind: str, remote_id: str) -> None:
        """People put a contact away, or mark a lead as lost."""
        (self.partners if kind == "contact" else self.leads).rows[int(remote_id)]["active"] = False

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [
                {"name": row["name"], "owner": str(row.get("user_id")), "emails": (row.get("email") or "").split(", "),
                 "phones": [self._e164(row[name]) for name in ("phone", "mobile") if row.get(name)]}
                for row in self.partners.rows.values() if row.get("active", True)
            ],
            "lead": [
                {"title": row["name"], "contact": row.get("partner_id"), "owner": str(row.get("user_id")),
                 "text": "\n".join([row["description"], *self._bodies(row["id"])])}
                for row in self.leads.rows.values()
            ],
            "call": [
                self._call_of(_text(row["body"])) | {"recording": row.get("attachment_ids")}
                for row in self.messages.rows.values() if row["body"].startswith("Incoming call")
            ],
            "mail": [{"text": body} for body in self._all("Letter")],
            "form": [{"text": body} for body in self._all("Form")],
        }  # fmt: skip

    def _e164(self, phone: str) -> str:
        digits = re.sub(r"\D", "", phone)
        return f"+7{digits[1:]}" if digits.startswith("8") else f"+{digits}"

    def _bodies(self, lead: int) -> list[str]:
        """Texts of the lead that came later: messages that are no call, letter or form."""
        found = [row["body"] for row in self.messages.where(model="crm.lead", res_id=lead)]
        return sorted(one for one in found if not one.startswith(("Incoming call", "Letter", "Form")))

    def _all(self, word: str) -> list[str]:
        bodies = [row["body"] for row in self.messages.rows.values() if row["body"].startswith(word)]
        return [_text(body) for body in bodies]

    def _call_of(self, body: str) -> dict[str, Any]:
        facts = dict(line.split(": ", 1) for line in body.splitlines() if ": " in line)
        (owner,) = [str(one["id"]) for one in USERS if one["active"] and one["phone"] == facts["Extension"]]
        number = facts["Incoming call"].partition(",")[0]
        return {"number": number, "inbound": True, "seconds": int(facts["Talked"]), "owner": owner}


def _text(body: str) -> str:
    return html.unescape(body.replace("<br>", "\n"))
