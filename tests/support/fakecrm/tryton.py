"""Tryton over a socket: the part of JSON-RPC that the adapter uses, by the models of trytond 8.2."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import phonenumbers

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Table, validate

LONG = 1400
DATABASE, USER, PASSWORD = "crm", "leadgate", "password-of-tryton"
TEXT, INT = Field(), Field(type="int")
MECHANISM = {"type": Field(required=True, allowed=["phone", "mobile", "fax", "email", "website"]),
             "value": Field(required=True), "party": INT}  # fmt: skip
CLOSED = ("converted", "won", "lost", "cancelled")
PARTY = {"name": TEXT, "code": TEXT, "contact_mechanisms": Field(type="list")}
OPPORTUNITY = {
    "reference": TEXT,
    "description": TEXT,
    "comment": TEXT,
    "party": INT,
    "company": Field(type="int", required=True, allowed=[1]),
    "employee": Field(type="int", allowed=[1, 7, 8]),
    "start_date": Field(type="object", inner={"__class__": Field(required=True, allowed=["date"]),
                                              **{name: Field(type="int", required=True)
                                                 for name in ("year", "month", "day")}}),
}  # fmt: skip
NOTE = {"resource": Field(required=True), "message": Field(required=True), "copy_to_resources": Field(type="list")}
EMPLOYEES = [{"id": 1, "rec_name": "Admin", "active": True, "party": 901},
             {"id": 7, "rec_name": "Анна", "active": True, "party": 907},
             {"id": 8, "rec_name": "Олег", "active": True, "party": 908}]  # fmt: skip
THEIR_MECHANISMS = [{"id": 9001, "party": 907, "type": "email", "value": "anna@example.com"},
                    {"id": 9002, "party": 908, "type": "sip", "value": "102@pbx.example.com"}]  # fmt: skip


class FakeTryton(FakeCrm):
    """``company`` None: the user has chosen none."""

    def __init__(self, *, company: int | None = 1) -> None:
        super().__init__()
        self.company = company
        self.parties = self.table("party.party", PARTY)
        self.mechanisms = self.table("party.contact_mechanism", MECHANISM)
        self.opportunities = self.table("sale.opportunity", OPPORTUNITY)
        self.notes = self.table("ir.note", NOTE)
        self.sessions = 0
        self.session = ""

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_sign_in(self, asked: Asked) -> bool:
        return b'"common.db.login"' in asked.body

    def is_signed_in(self, asked: Asked) -> bool:
        wanted = base64.b64encode(f"{USER}:5:{self.session}".encode()).decode()
        return self.is_sign_in(asked) or asked.headers.get("Authorization") == f"Session {wanted}"

    def expire(self) -> bool:
        self.session = "session-that-ended"
        return True

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        return Reply(body={"id": 0, "error": ["UserError", [str(problem), "", None]]})

    # -- methods -----------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if asked.path != f"/{DATABASE}/rpc/":
            return Reply(status=404)
        body = asked.json()
        validate({"id": INT, "method": TEXT, "params": Field(type="list")}, body)
        if self.is_sign_in(asked):
            return self._login(*body["params"])
        if body["method"] == "model.res.user.get_preferences":
            return self._result({"company": self.company, "language": "en", "employee": None})
        _, _, rest = body["method"].partition("model.")
        model, _, method = rest.rpartition(".")
        *params, context = body["params"]
        if not isinstance(context, dict):
            return Reply(status=422, body={"error": "Missing context argument"})
        return self._result(getattr(self, f"do_{method}")(model, *params))

    def _result(self, result: Any) -> Reply:
        """As trytond 8.2 does it: a long answer is called compressed, whether it is or not."""
        body = {"id": 0, "result": result}
        lies = len(json.dumps(body)) > LONG and "gzip" not in self.asked[-1].headers.get("Accept-Encoding", "")
        return Reply(body=body, headers={"Content-Encoding": "gzip"} if lies else {})

    def _login(self, user: str, parameters: Mapping[str, str], language: str) -> Reply:
        if (user, parameters.get("password")) != (USER, PASSWORD):
            return Reply(status=401)
        self.sessions += 1
        self.session = f"session-{self.sessions}"
        return self._result([5, self.session, None])

    def _table(self, model: str) -> Table:
        for table in (self.parties, self.mechanisms, self.opportunities, self.notes):
            if table.name == model:
                return table
        raise Invalid(model, "is not known")

    def do_create(self, model: str, records: list[dict[str, Any]]) -> list[int]:
        return [self._create(model, one) for one in records]

    def _create(self, model: str, values: dict[str, Any]) -> int:
        if model == "ir.note" and not self._is_there(str(values["resource"])):
            raise Invalid("resource", 'A value is required for field "Resource" in record "(1)" of "Note".')
        row_id = self._table(model).add(values)
        self._add_mechanisms(row_id, values)
        return row_id

    def do_write(self, model: str, ids: list[int], values: dict[str, Any]) -> None:
        for row_id in ids:
            row = self._table(model).rows.get(row_id)
            if row is None:
                raise Invalid(model, f'You are trying to write to records "{row_id}" that don\'t exist.')
            if row.get("state") in CLOSED and {"comment", "employee", "party", "description"} & values.keys():
                raise Invalid(model, f'You are not allowed to modify the field "Comment" in record "{row_id}"')
            self._table(model).change(row_id, values)
            self._add_mechanisms(row_id, values)

    def _add_mechanisms(self, party: int, values: Mapping[str, Any]) -> None:
        for action, found in values.get("contact_mechanisms") or ():
            if action != "create":
                raise Invalid("contact_mechanisms", f"can't {action} here")
            for one in found:
                self.mechanisms.add({**one, "party": party})

    def _is_there(self, resource: str) -> bool:
        model, _, row_id = resource.partition(",")
        return int(row_id) in self._table(model).rows

    def do_fields_get(self, model: str, names: list[str] | None) -> dict[str, Any]:
        fields = self._table(model).fields
        return {name: {"name": name} for name in fields if not names or name in names}

    def do_search_read(
        self, model: str, domain: list[Any], offset: int, limit: int | None, order: Any, fields: list[str]
    ) -> list[dict[str, Any]]:
        if model == "company.employee":
            return EMPLOYEES
        if model == "party.contact_mechanism" and domain[0][0] == "party" and domain[0][1] == "in":
            return THEIR_MECHANISMS
        all_of_them = any(clause[0] == "active" for clause in domain)
        rows = [row for row in self._table(model).rows.values() if all_of_them or row.get("active", True)]
        rows = [{"active": True, **row} for row in rows if self._fits(domain, {"active": True, **row})]
        return [{"id": row["id"], **{name: row.get(name) for name in fields}} for row in rows[offset:][:limit]]

    def _fits(self, domain: list[Any], row: Mapping[str, Any]) -> bool:
        if domain[:1] == ["OR"]:
            return any(self._fits([clause], row) for clause in domain[1:])
        return all(
            self._fits(clause, row) if clause[0] == "OR" else self._fits_clause(row, *clause) for clause in domain
        )

    def _fits_clause(self, row: Mapping[str, Any], name: str, operator: str, wanted: Any) -> bool:
        if name == "party.active":
            party = self.parties.rows.get(row["party"])
            return bool(party and party.get("active", True)) is wanted
        value = _compact(row["value"]) if name == "value_compact" else row.get(name)
        match operator:
            case "=":
                return bool(value == wanted)
            case "in":
                return value in wanted
            case "like":
                return fnmatchcase(str(value), str(wanted).replace("[", "[[]").replace("%", "*"))
            case "ilike":
                return str(value).lower() == str(wanted).replace("\\", "").lower()
        raise Invalid(name, f"knows no {operator}")

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        party = self.parties.put({"name": name})
        self.mechanisms.put({"party": party, "type": "mobile", "value": typed or f"8{phone[2:]}"})
        if email:
            self.mechanisms.put({"party": party, "type": "email", "value": email})
        return str(party)

    def remove(self, kind: str, remote_id: str) -> None:
        """Opportunities of a party that is deleted have none; notes go with what they belong to."""
        table, row_id = (self.parties if kind == "contact" else self.opportunities), int(remote_id)
        del table.rows[row_id]
        for note in self.notes.where(resource=f"{table.name},{row_id}"):
            del self.notes.rows[note["id"]]
        if kind == "contact":
            for mechanism in self.mechanisms.where(party=row_id):
                del self.mechanisms.rows[mechanism["id"]]
            for opportunity in self.opportunities.where(party=row_id):
                opportunity["party"] = None

    def replace(self, party: int, by: int) -> None:
        """Tryton's wizard: what belongs to the one goes to the other, its numbers and mails put away."""
        self.parties.rows[party] |= {"active": False, "replaced_by": by}
        for mechanism in self.mechanisms.where(party=party):
            mechanism |= {"active": False, "party": by}
        for opportunity in self.opportunities.where(party=party):
            opportunity["party"] = by

    def _values(self, party: int, *types: str) -> list[str]:
        there = [one for one in self.mechanisms.where(party=party) if one.get("active", True)]
        found = [one["value"] for one in there if one["type"] in types]
        return [f"+7{one[1:]}" if one[0] == "8" and one.isdigit() else one for one in found]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [
                {"name": row["name"], "phones": self._values(row["id"], "phone", "mobile"),
                 "emails": self._values(row["id"], "email"), "owner": None}
                for row in self.parties.rows.values() if row.get("active", True)
            ],
            "lead": [
                {"title": row["description"], "text": row["comment"], "contact": row.get("party"),
                 "owner": str(row.get("employee"))}
                for row in self.opportunities.rows.values()
            ],
            "call": [self._call(text) for text in self._notes("Incoming call")],
            "mail": [{"text": text} for text in self._notes("Letter")],
            "form": [{"text": text} for text in self._notes("Form")],
        }  # fmt: skip

    def _notes(self, word: str) -> list[str]:
        return [row["message"] for row in self.notes.rows.values() if row["message"].startswith(word)]

    def _call(self, text: str) -> dict[str, Any]:
        number = text.partition(": ")[2].partition("\n")[0].partition(",")[0]
        talked = int(text.rpartition("Talked: ")[2].partition("\n")[0])
        extension = text.partition("Extension: ")[2].partition("\n")[0]
        (party,) = [one["party"] for one in THEIR_MECHANISMS if str(one["value"]).startswith(f"{extension}@")]
        (owner,) = [str(one["id"]) for one in EMPLOYEES if one["party"] == party]
        return {"number": number, "inbound": True, "seconds": talked, "owner": owner}


def _compact(value: str) -> str:
    """As party.contact_mechanism keeps numbers: E.164 where the number says its country, else as it was typed."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    valid = phonenumbers.is_valid_number(number)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)) if valid else value
