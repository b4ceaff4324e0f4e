"""SuiteCRM over a socket: the part of the V8 API that the adapter uses, as its own code does it."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, validate

CLIENT, SECRET = "client-of-suitecrm", "secret-of-suitecrm"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEXT, INT = Field(), Field(type="int")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ANNA, OLEG, ADMIN = "7", "8", "1"
MEDIA_TYPE = "application/vnd.api+json"


def _moment(value: str) -> str | None:
    return None if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value) else "is no date and time"


def _text(value: str) -> str | None:
    """A column of MySQL of the type TEXT."""
    return None if len(value.encode()) <= 65_535 else "is too long"


def _phone(value: str) -> str | None:
    return None if len(value) <= 100 else "is too long"


USER = Field(allowed=[ADMIN, ANNA, OLEG])
PERSON = {
    "last_name": Field(required=True, longest=100),
    "first_name": Field(longest=100),
    "title": Field(longest=100),
    "description": Field(check=_text),
    "primary_address_city": Field(longest=100),
    "assigned_user_id": USER,
    "email1": TEXT,
    "email2": TEXT,
    **{name: Field(check=_phone) for name in ("phone_mobile", "phone_work", "phone_home", "phone_other")},
}
LEAD = {**PERSON, "lead_source": Field(allowed=["Other", "Email", "Web Site", "Cold Call"]),
        "lead_source_description": TEXT, "contact_id": TEXT, "status": TEXT}  # fmt: skip
PARENT = {"parent_type": Field(allowed=["Leads", "Contacts", "Calls"]), "parent_id": TEXT, "contact_id": TEXT,
          "assigned_user_id": USER, "description": Field(check=_text)}  # fmt: skip
CALL = {
    **PARENT,
    "name": Field(required=True, longest=50),
    "status": Field(required=True, allowed=["Planned", "Held", "Not Held"]),
    "direction": Field(allowed=["Inbound", "Outbound"]),
    "date_start": Field(required=True, check=_moment),
    "date_end": Field(check=_moment),
    "duration_hours": Field(type="int", required=True),
    "duration_minutes": INT,
}
NOTE = {**PARENT, "name": Field(required=True, longest=255), "filename": TEXT, "filecontents": TEXT}
MODULES: Mapping[str, Mapping[str, Field]] = {"Contacts": PERSON, "Leads": LEAD, "Calls": CALL, "Notes": NOTE}
USERS = {
    ADMIN: {"last_name": "Admin", "status": "Active", "email1": "admin@x.example"},
    ANNA: {"first_name": "Анна", "last_name": "И", "status": "Active", "email1": "anna@example.com"},
    OLEG: {"last_name": "Олег", "status": "Active", "email1": "o@x.example", "phone_work": "102"},
    "9": {"last_name": "Gone", "status": "Inactive", "email1": "g@x.example", "phone_work": "102"},
}


class FakeSuiteCrm(FakeCrm):
    """``finds_mails``: False before 7.12.3; ``likes``: False before 7.12; ``wide``: False for a
    database of ``utf8``. Ids are given by the client, or made up."""

    sends_retry_after = False

    def __init__(self) -> None:
        super().__init__()
        self.finds_mails = True
        self.likes = True
        self.wide = True
        self.lists_fields = True
        self.forbids: set[str] = set()
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in MODULES}
        self.deleted: set[str] = set()
        self._tables = {name: self.table(name, fields) for name, fields in MODULES.items()}
        self._tokens = itertools.count(1)
        self.token = ""

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_sign_in(self, asked: Asked) -> bool:
        return asked.path == "/Api/access_token"

    def is_signed_in(self, asked: Asked) -> bool:
        signed = bool(self.token) and asked.headers.get("Authorization") == f"Bearer {self.token}"
        return self.is_sign_in(asked) or (signed and asked.headers.get("Accept") == MEDIA_TYPE)

    def expire(self) -> bool:
        self.token = ""
        return True

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
        if trouble is Trouble.FORBIDDEN:
            error = "invalid_client" if self.is_sign_in(asked) else "access_denied"
            return Reply(status=401, body={"error": error, "error_description": "The server denied the request."})
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        return _error(str(problem))

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if self.is_sign_in(asked):
            return self._give_token(asked)
        _, _api, _v8, kind, *path = asked.path.split("/")
        if kind == "meta":
            return self._meta(path)
        module = path[0] if path else asked.json()["data"]["type"]
        if module in self.forbids:
            return _error("[SuiteCRM] [API] Access Denied")
        match asked.method, path:
            case "GET", [_]:
                return self._list(module, asked)
            case "GET", [_, record]:
                return self._show(module, record)
            case "POST", []:
                return self._create(module, asked.json()["data"])
            case "PATCH", []:
                return self._change(module, asked.json()["data"])
        return Reply(status=404, body={"message": "Not Found"})

    def _meta(self, path: list[str]) -> Reply:
        if path[0] != "fields" or not self.lists_fields:
            return Reply(status=404, body={"message": "Not Found"})
        names = {name: {"type": "varchar", "required": False} for name in MODULES[path[1]]}
        return Reply(body={"data": {"type": "fields", "id": "", "attributes": names}})

    def _give_token(self, asked: Asked) -> Reply:
        form = asked.form()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return Reply(status=401, body={"error": "invalid_client", "message": "Client authentication failed"})
        if form.get("grant_type") != "client_credentials":
            return Reply(status=400, body={"error": "unsupported_grant_type"})
        self.token = f"access-of-suitecrm-{next(self._tokens)}"
        return Reply(body={"token_type": "Bearer", "expires_in": 3600, "access_token": self.token})

    def _show(self, module: str, record: str) -> Reply:
        row = self.rows[module].get(record)
        if row is None or record in self.deleted:
            return _error(f"{module} module with id {record} is not found")
        return Reply(body={"data": _document(module, record, row)})

    def _create(self, module: str, data: Mapping[str, Any]) -> Reply:
        record = data.get("id") or f"00000000-0000-4000-8000-{len(self.rows[module]):012d}"
        if not UUID.fullmatch(record):
            return _error('The option "id" with value is invalid.')
        if record in self.rows[module]:  # a deleted one is there too
            return _error(f"Bean {module} with id {record} is already exist")
        attributes = self._taken(module, data)
        validate(MODULES[module], attributes)
        self.put(module, record, attributes)
        return self._show(module, record)

    def _change(self, module: str, data: Mapping[str, Any]) -> Reply:
        record = data["id"]
        shown = self._show(module, record)
        if shown.status == 200:
            attributes = self._taken(module, data)
            validate(MODULES[module], attributes, whole=False)
            row = self.rows[module][record]
            row |= attributes | {"date_modified": self._moment()}
            self._tables[module].put(attributes)
        return shown

    def _taken(self, module: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Attributes as they are kept: without tags, with entities."""
        attributes: dict[str, Any] = {}
        for name, value in data["attributes"].items():
            if name not in MODULES[module]:
                raise Invalid("Property", f"{name} in {module[:-1]} module is invalid")
            if value is None or value is False or value == "":
                raise Invalid('The option "attributes"', "with value array is invalid.")
            if not self.wide and isinstance(value, str) and any(sign > "\uffff" for sign in value):
                raise Invalid("Database failure.", "Please refer to suitecrm.log for details.")
            attributes[name] = _cleaned(value) if isinstance(value, str) and name != "filecontents" else value
        return attributes

    def put(self, module: str, record: str, attributes: Mapping[str, Any]) -> None:
        """Keep a record."""
        self._tables[module].put(attributes)
        self.rows[module][record] = {**attributes, "date_entered": self._moment(), "date_modified": self._moment()}

    def _list(self, module: str, asked: Asked) -> Reply:
        if unknown := [
            name for name in asked.query if name.partition("[")[0] not in ("filter", "page", "fields", "sort")
        ]:
            raise Invalid("The option", f'"{unknown[0]}" does not exist.')
        if asked.one("sort", "date_entered").lstrip("-") not in (*MODULES["Contacts"], "date_modified", "date_entered"):
            raise Invalid("Sort", f"field {asked.one('sort')} in {module} module is not found")
        rows = dict(USERS) if module == "Users" else self.rows[module]
        found = [(one, row) for one, row in rows.items() if one not in self.deleted and self._fits(module, row, asked)]
        sort = asked.one("sort")
        if sort in ("date_modified", "date_entered"):
            found.sort(key=lambda one: str(one[1].get(sort)))
        size, number = int(asked.one("page[size]")), int(asked.one("page[number]"))
        page = found[(number - 1) * size : number * size]
        if not page:
            return Reply(body={"meta": {"message": "Request was successful, but there is no result"}, "data": []})
        return Reply(body={"data": [_document(module, one, row) for one, row in page]})

    def _fits(self, module: str, row: Mapping[str, Any], asked: Asked) -> bool:
        """As Filter::parseWhere joins them: "not deleted" is one of the conditions unless there is another of it; later
        it stands outside. Of two values of one field PHP keeps the last."""
        fitting, any_of = [], False
        for name, values in asked.query.items():
            if not name.startswith("filter["):
                continue
            if name == "filter[operator]":
                any_of = {"or": True, "and": False}[values[-1].lower()]
                continue
            field, how = name.removeprefix("filter[").removesuffix("]").split("][")
            if field == "deleted" and self.likes:
                continue
            if field == "email1" and not self.finds_mails:
                raise Invalid("Database failure.", "Please refer to suitecrm.log for details.")
            if field not in (*MODULES[module], "date_modified", "deleted"):
                raise Invalid("Filter", f"field {field} in {module} module is not found")
            fitting.append(self._compares(how, "0" if field == "deleted" else str(row.get(field) or ""), values[-1]))
        if "filter[deleted][gt]" not in asked.query and not self.likes:
            fitting.append(True)
        return any(fitting) if any_of else all(fitting)

    def _compares(self, how: str, theirs: str, wanted: str) -> bool:
        match how:
            case "eq":
                return theirs == wanted
            case "gte":
                return theirs >= wanted
            case "gt":
                return theirs > wanted
            case "like" if self.likes:
                return fnmatchcase(theirs.lower(), wanted.lower().replace("[", "[[]").replace("%", "*"))
        raise Invalid("Filter", f"operator {how} is invalid")

    def _moment(self) -> str:
        return f"{START + timedelta(seconds=len(self.commits)):%Y-%m-%d %H:%M:%S}"

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        record = f"11111111-0000-4000-8000-{len(self.rows['Contacts']):012d}"
        typed = typed or (f"8{phone[2:]}" if phone.startswith("+7") else phone)
        mails = {"email1": email} if email else {}
        self.put("Contacts", record, {"last_name": name, "phone_work": typed, "assigned_user_id": ANNA, **mails})
        return record

    def remove(self, kind: str, remote_id: str) -> None:
        """It is marked: the id stays taken, and what points to it points there still."""
        assert remote_id in self.rows["Contacts" if kind == "contact" else "Leads"]
        self.deleted.add(remote_id)

    def kept(self, module: str) -> list[dict[str, Any]]:
        """Records that are not deleted, the oldest first."""
        return [{**row, "id": one} for one, row in self.rows[module].items() if one not in self.deleted]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        notes = [row for row in self.kept("Notes") if row.get("parent_type") != "Calls"]
        return {
            "contact": [
                {"name": _seen(row, "last_name"), "owner": row.get("assigned_user_id"),
                 "phones": [f"+7{digits[1:]}" for name in row if name.startswith("phone_")
                            if (digits := "".join(sign for sign in row[name] if sign.isdigit()))],
                 "emails": [row[name] for name in ("email1", "email2") if row.get(name)]}
                for row in self.kept("Contacts")
            ],
            "lead": [
                {"title": _seen(row, "title"), "text": _seen(row, "description"), "owner": row.get("assigned_user_id"),
                 "contact": row.get("contact_id")}
                for row in self.kept("Leads")
            ],
            "call": [self._call(row) for row in self.kept("Calls")],
            "mail": [{"text": _seen(row, "description")} for row in notes if row["name"].startswith("Letter")],
            "form": [{"text": _seen(row, "description")} for row in notes if row["name"].startswith("Form")],
        }  # fmt: skip

    def _call(self, row: Mapping[str, Any]) -> dict[str, Any]:
        talked = re.search(r"^Talked: (\d+)$", row["description"], re.MULTILINE)
        files = [note["filename"] for note in self.kept("Notes") if note.get("parent_id") == row["id"]]
        return {"number": row["name"].partition(": ")[2].partition(",")[0], "inbound": row["direction"] == "Inbound",
                "seconds": int(talked[1]) if talked else None, "owner": row.get("assigned_user_id"),
                "recording": files}  # fmt: skip


def _cleaned(text: str) -> str:
    """SugarBean::cleanBean: entities decoded, tags taken out, entities made."""
    return html.escape(re.sub(r"<[^>]*>?", "", html.unescape(text)), quote=False)


def _seen(row: Mapping[str, Any], name: str) -> str:
    return html.unescape(str(row.get(name) or ""))


def _document(module: str, record: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Every date and time is given as ISO 8601 with a zone."""
    attributes = {
        name: f"{value.replace(' ', 'T')}+00:00" if name.startswith("date_") else value for name, value in row.items()
    }
    attributes = dict.fromkeys(MODULES.get(module, {}), "") | attributes
    return {"type": module[:-1], "id": record, "attributes": attributes, "relationships": {}}


def _error(detail: str) -> Reply:
    return Reply(status=400, body={"errors": {"status": 400, "title": None, "detail": detail}})
