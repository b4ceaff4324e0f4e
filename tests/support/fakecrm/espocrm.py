"""EspoCRM over a socket: the part of its REST API that the adapter uses, by its documentation and its metadata."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid

KEY, SECRET = "api-key-of-espocrm", "secret-key-of-espocrm"
MARKER, LINK = "cLeadgateId", "cLeadgateContact"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEXT, FLAG, LIST = Field(), Field(type="flag"), Field(type="list")


def _name(value: str) -> str | None:
    return "has bad characters" if re.search(r"[<>=]", value) else None


def _moment(value: str) -> str | None:
    return None if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value) else "is no date and time"


def _phone(value: str) -> str | None:
    return None if re.fullmatch(r"\+[1-9]\d{6,14}", value) else "is not valid"


def _mail(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}", value, re.ASCII) else "is not valid"


NAME = Field(required=True, longest=100, check=_name)
SUBJECT = Field(required=True, longest=255, check=_name)
MOMENT = Field(required=True, check=_moment)
USER = Field(allowed=["1", "7", "8", "robot"])
PHONES = Field(type="list", inner={"phoneNumber": Field(required=True, check=_phone), "primary": FLAG, "type": TEXT,
                                   "optOut": FLAG, "invalid": FLAG})  # fmt: skip
EMAILS = Field(type="list", inner={"emailAddress": Field(required=True, check=_mail), "primary": FLAG,
                                   "optOut": FLAG, "invalid": FLAG, "lower": TEXT})  # fmt: skip
PERSON = {"lastName": NAME, "firstName": Field(longest=100, check=_name), "description": TEXT, "assignedUserId": USER,
          "phoneNumberData": PHONES, "emailAddressData": EMAILS, "addressCity": TEXT,
          MARKER: Field(longest=36)}  # fmt: skip
LEAD = {**PERSON, "source": Field(allowed=["", "Call", "Email", "Web Site", "Other"]), f"{LINK}Id": TEXT}
PARENT = {"parentType": Field(allowed=["Account", "Lead", "Contact", "Opportunity", "Case"]), "parentId": TEXT}
CALL = {
    **PARENT,
    "name": SUBJECT,
    "status": Field(allowed=["Planned", "Held", "Not Held"]),
    "direction": Field(allowed=["Outbound", "Inbound"]),
    "dateStart": MOMENT,
    "dateEnd": MOMENT,
    "description": TEXT,
    "assignedUserId": Field(required=True, allowed=["1", "7", "8", "robot"]),
    "usersIds": LIST,
    "contactsIds": LIST,
    "leadsIds": LIST,
    MARKER: Field(longest=36),
}
EMAIL = {
    **PARENT,
    "name": Field(required=True, longest=255),
    "from": Field(required=True, check=_mail),
    "to": Field(required=True, check=_mail),
    "status": Field(required=True, allowed=["Archived"]),  # with Sending the letter would go out
    "dateSent": MOMENT,
    "isHtml": FLAG,
    "body": TEXT,
    "assignedUserId": USER,
}
NOTE = {**PARENT, "type": Field(required=True, allowed=["Post"]), "post": TEXT, "attachmentsIds": LIST}
ATTACHMENT = {
    "name": Field(required=True, longest=255),
    "type": Field(required=True),
    "role": Field(required=True, allowed=["Attachment"]),
    "parentType": Field(required=True, allowed=["Note"]),
    "field": Field(required=True, allowed=["attachments"]),
    "file": Field(required=True, check=lambda value: None if ";base64," in value else "is no data URL"),
}
USERS: list[dict[str, Any]] = [
    {"id": "1", "name": "Admin", "emailAddress": "admin@x.example", "phoneNumber": None, "isActive": True},
    {"id": "7", "name": "Анна", "emailAddress": "anna@example.com", "phoneNumber": "+74950000000", "isActive": True},
    {"id": "8", "name": "Олег", "emailAddress": "o@x.example", "phoneNumber": "102", "isActive": True},
    {"id": "9", "name": "Gone", "emailAddress": "g@x.example", "phoneNumber": "102", "isActive": False},
]
STREAMS = {"Contact", "Lead"}
"""Entities with a stream; Call has none."""


class FakeEspoCrm(FakeCrm):
    """``lacks``: fields that nobody made; ``forbids``: scopes that no role allows; ``hmac``: how it is signed;
    ``old_numbers``: what was typed before numbers were checked."""

    def __init__(self, *, hmac: bool = False) -> None:
        super().__init__()
        self.hmac = hmac
        self.lacks: set[str] = set()
        self.forbids: set[str] = set()
        self.old_numbers = False
        self.contacts, self.leads = self.table("Contact", PERSON), self.table("Lead", LEAD)
        self.calls, self.letters = self.table("Call", CALL), self.table("Email", EMAIL)
        self.posts, self.files = self.table("Note", NOTE), self.table("Attachment", ATTACHMENT)
        self.tables = {
            one.name: one for one in (self.contacts, self.leads, self.calls, self.letters, self.posts, self.files)
        }

    # -- signing in and errors ---------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        if not self.hmac:
            return asked.headers.get("X-Api-Key") == KEY
        key, _, given = base64.b64decode(asked.headers.get("X-Hmac-Authorization", "")).partition(b":")
        signed = f"{asked.method} {asked.path.removeprefix('/api/v1')}".encode()
        return (key, given) == (KEY.encode(), hmac.new(SECRET.encode(), signed, hashlib.sha256).digest())

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        if trouble is Trouble.REFUSED:
            return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
        if trouble is Trouble.FORBIDDEN:
            return Reply(status=401)
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        words = str(problem).removeprefix(problem.name).strip()
        return _error(400, f"Field validation failure; {problem}.", "validationFailure", field=problem.name, type=words)

    # -- routes ------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        _, _api, _version, *path = asked.path.split("/")
        if path[0] in self.forbids:
            return _error(403, f"No access to {path[0]}.", "")
        found = self._read(asked, path) if asked.method == "GET" else self._write(asked, path)
        return found or Reply(status=404, headers={"X-Status-Reason": "Record does not exist."})

    def _read(self, asked: Asked, path: list[str]) -> Reply | None:
        match path:
            case ["App", "user"]:
                return Reply(body={"user": {"id": "robot", "userName": "leadgate"}, "acl": {"table": self._acl()}})
            case ["Metadata"]:
                return Reply(body=self._fields(asked.one("key").split(".")[1]))
            case ["User"]:
                if asked.query.get("where[0][value][]") != ["regular", "admin"]:
                    raise Invalid("where", "leaves API users in")
                return self._page(asked, [{**one, "type": "regular"} for one in USERS])
            case [name, record, "stream"] if name in STREAMS:
                if self._row(name, record) is None:
                    return None
                posts = self.posts.where(parentType=name, parentId=record)
                return self._page(asked, [{"id": 0, "type": "Create"}, *reversed(posts)])
            case [name, record]:
                row = self._row(name, record)
                return Reply(body={**row, "id": str(row["id"])}) if row else None
            case [name]:
                return self._page(asked, [row for row in self.tables[name].rows.values() if _fits(row, asked)])
        return None

    def _write(self, asked: Asked, path: list[str]) -> Reply | None:
        body = asked.json()
        match asked.method, path:
            case "POST", [name]:
                refused = self._links_to_nothing(name, body) or self._duplicates(asked, name, body)
                return refused or self._add(name, body)
            case "PUT", [name, record]:
                row = self._row(name, record)
                if row is None:
                    return None
                self.tables[name].change(row["id"], body)
                row["modifiedAt"] = self._moment()
                return Reply(body={**row, "id": record})
        return None

    def _add(self, name: str, body: Mapping[str, Any]) -> Reply:
        if body.get("dateEnd", "") < body.get("dateStart", ""):
            raise Invalid("dateEnd", "is before dateStart")
        system = {"modifiedAt": self._moment(), **({} if "assignedUserId" in body else {"assignedUserId": None})}
        made = self.tables[name].add(body, system=system)
        return Reply(body={"id": str(made), **body})

    def _links_to_nothing(self, name: str, body: Mapping[str, Any]) -> Reply | None:
        """Links are checked; to a stream whose record is gone nobody has a right."""
        wanted = [("Contact", one) for one in body.get("contactsIds") or ()]
        wanted += [("Lead", one) for one in body.get("leadsIds") or ()]
        wanted += [("Contact", body[f"{LINK}Id"])] if body.get(f"{LINK}Id") else []
        if any(self._row(entity, one) is None for entity, one in wanted):
            return _error(403, "Can't relate with non-existing record.", "cannotRelateNonExisting")
        if name == "Note" and self._row(body["parentType"], body["parentId"]) is None:
            return _error(403, "No access to parent.", "")
        return None

    def _duplicates(self, asked: Asked, name: str, body: Mapping[str, Any]) -> Reply | None:
        """Contacts and leads of the same name or with the same mail, as the check is set up from the start."""
        if name not in STREAMS or asked.headers.get("X-Skip-Duplicate-Check") == "true":
            return None
        mails = _values(body, "emailAddress")
        same = [
            row for row in self.tables[name].rows.values()
            if row["lastName"] == body.get("lastName") or mails & _values(row, "emailAddress")
        ]  # fmt: skip
        if not same:
            return None
        found = [{"id": str(row["id"]), "name": row["lastName"]} for row in same]
        return Reply(status=409, body=found, headers={"X-Status-Reason": "duplicate"})

    def _page(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        most, offset = int(asked.one("maxSize", "20")), int(asked.one("offset", "0"))
        if most > 200:
            return _error(403, "Max size should not exceed 200.", "")
        if asked.one("orderBy") == "modifiedAt":
            rows = sorted(rows, key=lambda row: str(row["modifiedAt"]))
        page = [{**row, "id": str(row["id"])} for row in rows[offset : offset + most]]
        if select := asked.one("select"):
            page = [{name: row.get(name) for name in select.split(",")} for row in page]
        return Reply(body={"list": page, "total": -2 if asked.headers.get("X-No-Total") == "true" else len(rows)})

    def _row(self, name: str, record: str) -> dict[str, Any] | None:
        return self.tables[name].rows.get(int(record)) if record.isdecimal() else None

    def _acl(self) -> dict[str, Any]:
        given = {"read": "all", "edit": "all", "create": "yes"}
        return {name: (False if name in self.forbids else given) for name in (*self.tables, "User")}

    def _fields(self, scope: str) -> dict[str, Any]:
        names = self.tables[scope].fields
        found: dict[str, Any] = {name: {"type": "varchar"} for name in names}
        if f"{LINK}Id" in names:
            found[LINK] = {"type": "link"}
        return {name: one for name, one in found.items() if name not in self.lacks}

    def _moment(self) -> str:
        return f"{START + timedelta(seconds=len(self.commits)):%Y-%m-%d %H:%M:%S}"

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        usual = f"8 ({phone[2:5]}) {phone[5:8]}-{phone[8:10]}-{phone[10:]}"
        phones = [{"phoneNumber": typed or (usual if self.old_numbers else phone), "primary": True, "type": "Office"}]
        emails = [{"emailAddress": email, "primary": True}] if email else []
        row = {"lastName": name, "phoneNumberData": phones, "emailAddressData": emails, "assignedUserId": "7"}
        return str(self.contacts.put(row, system={"modifiedAt": self._moment()}))

    def remove(self, kind: str, remote_id: str) -> None:
        """What it belonged to, or what belonged to it, stays; nobody sees the link any more."""
        del (self.contacts if kind == "contact" else self.leads).rows[int(remote_id)]

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "contact": [
                {"name": row["lastName"], "owner": row["assignedUserId"],
                 "phones": [f"+7{_digits(one)[1:]}" for one in _list(row, "phoneNumber")],
                 "emails": _list(row, "emailAddress")}
                for row in self.contacts.rows.values()
            ],
            "lead": [
                {"title": row["description"].split("\n")[0], "text": row["description"], "owner": row["assignedUserId"],
                 "contact": row.get(f"{LINK}Id")}
                for row in self.leads.rows.values()
            ],
            "call": [self._call(row) for row in self.calls.rows.values()],
            "mail": [{"text": row["body"]} for row in self.letters.rows.values()],
            "form": [{"text": row["post"]} for row in self.posts.rows.values() if row["post"].startswith("Form")],
        }  # fmt: skip

    def _call(self, row: Mapping[str, Any]) -> dict[str, Any]:
        start, end = (datetime.fromisoformat(row[name]) for name in ("dateStart", "dateEnd"))
        recorded = [one for one in self.posts.rows.values() if f"{row[MARKER]}.recording" in one["post"]]
        files = [self.files.rows[int(file)]["name"] for one in recorded for file in one["attachmentsIds"]]
        return {"number": row["name"].partition(": ")[2].partition(",")[0], "inbound": row["direction"] == "Inbound",
                "seconds": int((end - start).total_seconds()), "owner": row["assignedUserId"],
                "recording": files}  # fmt: skip


def _digits(value: str) -> str:
    return "".join(sign for sign in value if sign.isdigit())


def _list(row: Mapping[str, Any], name: str) -> list[str]:
    return [one[name] for one in row.get(f"{name}Data") or ()]


def _values(row: Mapping[str, Any], name: str) -> set[str]:
    return set(_list(row, name))


def _fits(row: Mapping[str, Any], asked: Asked) -> bool:
    """Whether a row fits all where items; an attribute or type that is not known is refused."""
    place = 0
    while f"where[{place}][type]" in asked.query:
        kind, attribute = asked.one(f"where[{place}][type]"), asked.one(f"where[{place}][attribute]")
        if not _matches(kind, _attribute(row, attribute), asked.one(f"where[{place}][value]")):
            return False
        place += 1
    return True


def _attribute(row: Mapping[str, Any], name: str) -> list[str]:
    if name == "phoneNumberNumeric":
        return [_digits(one) for one in _list(row, "phoneNumber")]
    if name == "emailAddress":
        return [one.lower() for one in _list(row, "emailAddress")]
    if name not in (MARKER, "parentType", "parentId", "body", "modifiedAt"):
        raise Invalid("where", f"has the attribute {name}")
    return [str(row.get(name) or "")]


def _matches(kind: str, values: list[str], wanted: str) -> bool:
    match kind:
        case "equals":
            return wanted in values
        case "endsWith":
            return any(one.endswith(wanted) for one in values)
        case "contains":
            return any(wanted in one for one in values)
        case "greaterThanOrEquals":
            return any(one >= wanted for one in values)
    raise Invalid("where", f"has the type {kind}")


def _error(status: int, reason: str, label: str, **data: str) -> Reply:
    body = {"messageTranslation": {"label": label, "scope": None, "data": data}} if label else None
    return Reply(status=status, body=body, headers={"X-Status-Reason": reason})
