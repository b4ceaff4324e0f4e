"""Bitrix24 over a socket: the methods that the adapter uses, with the fields of the vendor's own schemas
(b24-rest-docs). Stricter than the vendor in one thing: it refuses an unknown field, where Bitrix24 ignores it silently.
Where the vendor's pages do not say what becomes of an id that is not there any more, it is taken in silence, and nobody
sees what was made: the worst that may be.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping
from typing import Any

from crm_adapter.testkit.fakecrm import REASON, Asked, FakeCrm, Reply, Trouble
from crm_adapter.testkit.schema import Field, Invalid, Missing, validate

CODE = "webhookcode0123"
SECRET, REFRESH = "client-secret-of-bitrix", "refresh-token-0"
LEAD, DEAL, CONTACT = 1, 2, 3

TEXT, INT = Field(), Field(type="int")
MULTIFIELD = {"id": INT, "typeId": Field(required=True, allowed=["PHONE", "EMAIL"]), "valueType": TEXT, "value": TEXT}
ITEM = {
    **dict.fromkeys(("lastName", "secondName", "comments", "post", "companyTitle"), TEXT),
    "name": Field(longest=50),
    "title": Field(longest=255),
    "sourceId": Field(allowed=["CALL", "EMAIL", "WEB"]),
    "sourceDescription": TEXT,
    "originatorId": Field(longest=255),
    "originId": Field(longest=255),
    **dict.fromkeys(("assignedById", "contactId", "companyId"), INT),
    **dict.fromkeys(("utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm"), Field(longest=255)),
    "fm": Field(type="list", inner=MULTIFIELD),
    "ufCrm_1": TEXT,
}
COMMUNICATION = {"TYPE": Field(allowed=["PHONE"]), "VALUE": TEXT, "ENTITY_ID": INT, "ENTITY_TYPE_ID": INT}
ACTIVITY = {
    **{name: Field(type="int", required=True) for name in ("OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "RESPONSIBLE_ID")},
    "SUBJECT": Field(required=True, longest=512),
    "COMMUNICATIONS": Field(type="list", required=True, inner=COMMUNICATION),
    "DESCRIPTION": TEXT,
    "DESCRIPTION_TYPE": INT,
    "DIRECTION": Field(type="int", allowed=[1, 2]),
    "START_TIME": Field(type="moment"),
    "END_TIME": Field(type="moment"),
    "COMPLETED": Field(allowed=["Y", "N"]),
    "ORIGINATOR_ID": TEXT,
    "ORIGIN_ID": TEXT,
    "FILES": Field(type="list", inner={"fileData": Field(type="list", required=True)}),
}
COMMENT = {
    "ENTITY_ID": Field(type="int", required=True),
    "ENTITY_TYPE": Field(required=True, allowed=["lead", "deal", "contact"]),
    "COMMENT": Field(required=True, longest=65_000),
}
REGISTER = {
    "USER_ID": Field(type="int", required=True),
    "PHONE_NUMBER": Field(required=True),
    "TYPE": Field(type="int", required=True, allowed=[1, 2, 3, 4, 5]),
    "CALL_START_DATE": Field(type="moment"),
    **dict.fromkeys(("CRM_CREATE", "SHOW", "ADD_TO_CHAT"), Field(type="int", allowed=[0, 1])),
    "CRM_ENTITY_TYPE": Field(allowed=["CONTACT", "COMPANY", "LEAD"]),
    "CRM_ENTITY_ID": INT,
    "LINE_NUMBER": TEXT,
    "EXTERNAL_CALL_ID": TEXT,
}
CODES = ["200", "304", "603", "603-S", "403", "404", "486", "484", "503", "480", "402", "423", "OTHER"]
FINISH = {
    "CALL_ID": Field(required=True),
    "USER_ID": Field(type="int", required=True),
    "DURATION": INT,
    "STATUS_CODE": Field(allowed=CODES),
    "FAILED_REASON": TEXT,
    "ADD_TO_CHAT": INT,
}
CARD = {"CALL_ID": Field(required=True), "USER_ID": Field(type="list", required=True)}
USERS = [
    {"ID": "1", "ACTIVE": True, "NAME": "Admin", "EMAIL": "a@x.example", "USER_TYPE": "employee", "UF_PHONE_INNER": ""},
    {"ID": "7", "ACTIVE": True, "NAME": "Анна", "EMAIL": "anna@example.com", "USER_TYPE": "employee",
     "UF_PHONE_INNER": None},
    {"ID": "8", "ACTIVE": True, "NAME": "Олег", "EMAIL": "o@x.example", "USER_TYPE": "employee",
     "UF_PHONE_INNER": "102"},
    {"ID": "9", "ACTIVE": False, "NAME": "Gone", "EMAIL": "g@x.example", "USER_TYPE": "employee",
     "UF_PHONE_INNER": "102"},
]  # fmt: skip


class FakeBitrix24(FakeCrm):
    """``is_app``: calls must be signed by a token, and telephony works. ``mode`` 2: without leads."""

    sends_retry_after = False

    def __init__(self, *, is_app: bool = False, mode: int = 1, scopes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.is_app = is_app
        self.mode = mode
        self.scopes = scopes or ("crm", "user", *(("telephony",) if is_app else ()))
        self.forbidden: set[int] = set()
        """Kinds of records that the user may not see."""
        self.required: set[str] = set()
        """Fields that the administrator made obligatory."""
        self.shows_statistics = True
        self.items = {kind: self.table(str(kind), ITEM) for kind in (LEAD, DEAL, CONTACT)}
        self.activities = self.table("activity", ACTIVITY)
        self.comments = self.table("comment", COMMENT)
        self.calls: dict[str, dict[str, Any]] = {}
        self.cards: dict[str, set[int]] = {}
        """Who sees the card of a call that is not over."""
        self.bound: list[dict[str, Any]] = []
        self.statistics = self.table("call", FINISH | REGISTER | {"CALL_ID": TEXT, "recording": TEXT})
        self._tokens = itertools.count(1)
        self.token: str | None = None
        self.refresh = REFRESH

    # -- signing in --------------------------------------------------------------------------------------------------

    def is_signed_in(self, asked: Asked) -> bool:
        if asked.path == "/oauth/token/":
            return True
        if self.is_app:
            return asked.path.count("/") == 2 and asked.json().get("auth") == self.token is not None
        return asked.path.startswith(f"/rest/1/{CODE}/")

    def is_sign_in(self, asked: Asked) -> bool:
        return asked.path == "/oauth/token/"

    def expire(self) -> bool:
        self.token = "run-out" if self.is_app else None
        return self.is_app

    def _renew(self, asked: Asked) -> Reply:
        form = asked.form()
        if form.get("client_secret") != SECRET or form.get("grant_type") != "refresh_token":
            return Reply(status=401, body={"error": "invalid_client"})
        if form.get("refresh_token") != self.refresh:
            return Reply(status=400, body={"error": "invalid_grant"})
        number = next(self._tokens)
        self.token, self.refresh = f"access-token-{number}", f"refresh-token-{number}"
        return Reply(body={"access_token": self.token, "refresh_token": self.refresh, "expires_in": 3600})

    # -- errors ------------------------------------------------------------------------------------------------------

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:
        match trouble:
            case Trouble.THROTTLED:
                return self._error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
            case Trouble.REFUSED:
                return self._error(400, "ERROR_CORE", REASON)
            case Trouble.FORBIDDEN if self.is_app and asked.path != "/oauth/token/":
                return self._error(401, "expired_token", "The access token provided has expired")
            case Trouble.FORBIDDEN:
                return self._error(401, "NO_AUTH_FOUND", "Wrong authorization data")
            case Trouble.BROKEN:
                return self._error(500, "INTERNAL_SERVER_ERROR", "Internal server error")
        return super().trouble(trouble, asked)

    def invalid(self, problem: Invalid) -> Reply:
        return self._error(400, "INVALID_ARGUMENT", f'Field "{problem.name}": {problem}')

    def missing(self, problem: Missing) -> Reply:
        return self._error(400, "NOT_FOUND", "Элемент не найден")

    def _error(self, status: int, code: str, said: str) -> Reply:
        return Reply(status=status, body={"error": code, "error_description": said})

    # -- methods -----------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/oauth/token/":
            return self._renew(asked)
        method = asked.path.rpartition("/")[2].removesuffix(".json")
        params = {key: value for key, value in asked.json().items() if key != "auth"}
        if method.startswith("telephony.") and not self.is_app:
            return self._error(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
        handler = getattr(self, "do_" + method.replace(".", "_"), None)
        if handler is None:
            return self._error(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        found = handler(params)
        return found if isinstance(found, Reply) else Reply(body={"result": found, "time": {"operating": 0.1}})

    def do_scope(self, _: Any) -> Any:
        return list(self.scopes)

    def do_profile(self, _: Any) -> Any:
        return {"ID": "1", "ADMIN": True, "NAME": "Admin"}

    def do_crm_settings_mode_get(self, _: Any) -> Any:
        return self.mode

    def do_user_get(self, params: Mapping[str, Any]) -> Any:
        validate({"sort": TEXT, "order": TEXT, "start": INT}, dict(params))
        start = params.get("start", 0)
        page: dict[str, Any] = {
            "result": USERS[start : start + 2],
            "total": len(USERS),
        }  # a small page, to see them all
        if start + 2 < len(USERS):
            page["next"] = start + 2
        return Reply(body=page)

    def do_crm_item_fields(self, params: Mapping[str, Any]) -> Any:
        if denied := self._denied(params):
            return denied
        fields = {name: {"type": "string", "isRequired": False, "isReadOnly": False, "title": name,
                         "upperName": _upper(name)} for name in ITEM}  # fmt: skip
        for name in self.required:
            fields[name] = {**fields[name], "isRequired": True, "title": "Регион"}
        return {"fields": fields}

    def _denied(self, params: Mapping[str, Any]) -> Reply | None:
        """What a user without rights for this kind of record is told."""
        if params["entityTypeId"] not in self.forbidden:
            return None
        return self._error(400, "ACCESS_DENIED", "Доступ запрещен")

    def do_crm_item_add(self, params: Mapping[str, Any]) -> Any:
        validate({"entityTypeId": INT, "fields": Field(type="object", required=True)}, dict(params))
        if denied := self._denied(params):
            return denied
        for name in self.required - set(params["fields"]):
            return self._error(400, "CRM_FIELD_ERROR_REQUIRED", f'Поле "{name}" обязательно для заполнения')
        table = self.items[params["entityTypeId"]]
        system = {"updatedTime": f"2026-11-22T12:00:{len(self.commits) % 60:02d}+03:00", "assignedById": 1}
        fields = dict(params["fields"])
        row_id = table.add(fields, system={key: value for key, value in system.items() if key not in fields})
        self._number_multifields(table.rows[row_id])
        return {"item": table.rows[row_id]}

    def do_crm_item_get(self, params: Mapping[str, Any]) -> Any:
        validate({"entityTypeId": INT, "id": INT}, dict(params))
        return {"item": self.items[params["entityTypeId"]].get(params["id"])}

    def do_crm_item_update(self, params: Mapping[str, Any]) -> Any:
        validate({"entityTypeId": INT, "id": INT, "fields": Field(type="object")}, dict(params))
        table = self.items[params["entityTypeId"]]
        row = table.get(params["id"])
        fields = dict(params["fields"])
        if "fm" in fields:  # entries without a known id are added, the others stay
            fields["fm"] = [*row.get("fm", []), *fields["fm"]]
        table.change(params["id"], fields)
        self._number_multifields(table.rows[params["id"]])
        return {"item": row}

    def _number_multifields(self, row: dict[str, Any]) -> None:
        for number, one in enumerate(row.get("fm") or [], start=1):
            one["id"] = row["id"] * 100 + number

    def do_crm_item_list(self, params: Mapping[str, Any]) -> Any:
        known = {"entityTypeId": INT, "select": Field(type="list"), "filter": Field(type="object"),
                 "order": Field(type="object"), "start": INT}  # fmt: skip
        validate(known, dict(params))
        if denied := self._denied(params):
            return denied
        rows = list(self.items[params["entityTypeId"]].rows.values())
        for key, wanted in params["filter"].items():
            if key.startswith(">="):
                rows = [row for row in rows if row[key[2:]] >= wanted]
            else:
                rows = [row for row in rows if row.get(key) == wanted]
        for name in reversed([*params.get("order", {})]):
            rows.sort(key=operator.itemgetter(name))
        return {"items": rows[params.get("start", 0) :][:50]}

    def do_crm_duplicate_findbycomm(self, params: Mapping[str, Any]) -> Any:
        known = {"type": Field(allowed=["PHONE", "EMAIL"]), "values": Field(type="list"), "entity_type": TEXT}
        validate(known, dict(params))
        if len(params["values"]) > 20:
            raise Invalid("values", "has more than 20 entries")
        wanted = {_index(one) for one in params["values"]}
        found = [
            row["id"]
            for row in self.items[CONTACT].rows.values()
            if any(one["typeId"] == params["type"] and _index(one["value"]) in wanted for one in row.get("fm", []))
        ]
        return {"CONTACT": found} if found else []

    def do_crm_activity_add(self, params: Mapping[str, Any]) -> Any:
        """An owner that is not there is taken without a word: no page of the vendor's says that it is looked for. A
        communication must lead to somebody (the documented refusal, which has no code)."""
        validate({"fields": Field(type="object", required=True)}, dict(params))
        for one in params["fields"]["COMMUNICATIONS"]:
            if one["ENTITY_ID"] not in self.items[one["ENTITY_TYPE_ID"]].rows:
                said = "Could not build binding. Please ensure that owner info and communications are defined correctly"
                return self._error(400, "", said)
        return self.activities.add(params["fields"])

    def do_crm_activity_update(self, params: Mapping[str, Any]) -> Any:
        validate({"id": INT, "fields": Field(type="object", required=True)}, dict(params))
        if self.statistics.rows.get(params["id"] - 500) is not None:  # the activity of a call of telephony
            self.statistics.change(params["id"] - 500, {"recording": params["fields"]["FILES"][0]["fileData"][0]})
            return True
        if params["id"] not in self.activities.rows:
            return self._error(400, "", "Activity is not found.")
        self.activities.change(params["id"], params["fields"])
        return True

    def do_crm_activity_list(self, params: Mapping[str, Any]) -> Any:
        return [{"ID": str(row["id"])} for row in self.activities.where(**params["filter"])]

    def do_crm_timeline_comment_add(self, params: Mapping[str, Any]) -> Any:
        validate({"fields": Field(type="object", required=True)}, dict(params))
        type_id = {"lead": LEAD, "deal": DEAL, "contact": CONTACT}[params["fields"]["ENTITY_TYPE"]]
        if params["fields"]["ENTITY_ID"] not in self.items[type_id].rows:
            return self._error(400, "OWNER_NOT_FOUND", "Владелец элемента не найден")
        return self.comments.add(params["fields"])

    def do_crm_timeline_comment_list(self, params: Mapping[str, Any]) -> Any:
        found = self.comments.where(**params["filter"])
        return [{"ID": str(row["id"]), "COMMENT": row["COMMENT"]} for row in reversed(found)]

    def do_telephony_externalCall_register(self, params: Mapping[str, Any]) -> Any:  # noqa: N802 - the vendor's name
        validate(REGISTER, dict(params))
        if away := self._user_away(params):
            return away
        if not params["PHONE_NUMBER"].startswith("+"):
            return self._error(400, "ERROR_CORE", "Unsupported phone number format")
        for call_id, call in self.calls.items():
            if call["EXTERNAL_CALL_ID"] == params.get("EXTERNAL_CALL_ID"):
                return {"CALL_ID": call_id}
        call_id = f"externalCall.{len(self.calls) + 1}"
        self.calls[call_id] = dict(params)
        self.cards[call_id] = {params["USER_ID"]} if params.get("SHOW", 1) else set()
        return {"CALL_ID": call_id, "CRM_CREATED_LEAD": None}

    def do_telephony_externalCall_finish(self, params: Mapping[str, Any]) -> Any:  # noqa: N802
        validate(FINISH, dict(params))
        if away := self._user_away(params):
            return away
        call = self.calls.get(params["CALL_ID"])
        if call is None:
            return self._error(400, "ERROR_CORE", "Call is not found (call should be registered prior to finishing)")
        self.cards.pop(params["CALL_ID"], None)
        return {"CALL_ID": params["CALL_ID"], "CRM_ACTIVITY_ID": 500 + self.statistics.add({**call, **params})}

    def _user_away(self, params: Mapping[str, Any]) -> Reply | None:
        active = {int(str(one["ID"])) for one in USERS if one["ACTIVE"] is True}
        if params["USER_ID"] in active:
            return None
        return self._error(400, "ERROR_CORE", "User is not found or is not active")

    def do_telephony_externalCall_show(self, params: Mapping[str, Any]) -> Any:  # noqa: N802
        validate(CARD, dict(params))
        self.cards[params["CALL_ID"]] |= set(params["USER_ID"])
        return True

    def do_telephony_externalCall_hide(self, params: Mapping[str, Any]) -> Any:  # noqa: N802
        validate(CARD, dict(params))
        self.cards[params["CALL_ID"]] -= set(params["USER_ID"])
        return True

    def do_crm_activity_binding_add(self, params: Mapping[str, Any]) -> Any:
        validate(dict.fromkeys(("activityId", "entityTypeId", "entityId"), Field(type="int", required=True)), params)
        self.bound.append(dict(params))
        return True

    def do_telephony_externalCall_attachRecord(self, params: Mapping[str, Any]) -> Any:  # noqa: N802
        validate({"CALL_ID": TEXT, "FILENAME": TEXT, "FILE_CONTENT": TEXT}, dict(params))
        if not params["FILENAME"].endswith((".wav", ".mp3")):
            return self._error(400, "ERROR_CORE", "Wrong file extension. Only wav and mp3 are allowed")
        if not params["FILE_CONTENT"]:
            return self._error(400, "ERROR_CORE", "File content is empty.")
        (row,) = self.statistics.where(CALL_ID=params["CALL_ID"])
        self.statistics.change(row["id"], {"recording": params["FILENAME"]})
        return {"FILE_ID": 1}

    def do_voximplant_statistic_get(self, params: Mapping[str, Any]) -> Any:
        if "telephony" not in self.scopes:
            return self._error(403, "insufficient_scope", "The request requires higher privileges")
        if not self.shows_statistics:
            return self._error(403, "ACCESS_DENIED", "Access denied!")
        return [{**row, "CRM_ACTIVITY_ID": str(500 + row["id"])} for row in self.statistics.where(**params["FILTER"])]

    # -- what it has -------------------------------------------------------------------------------------------------

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        handles = [{"typeId": "PHONE", "valueType": "MOBILE", "value": typed or f"8{phone[2:]}"}]
        if email:
            handles.append({"typeId": "EMAIL", "valueType": "WORK", "value": email})
        row_id = self.items[CONTACT].put({"name": name, "fm": handles, "assignedById": 1})
        self._number_multifields(self.items[CONTACT].rows[row_id])
        return str(row_id)

    def remove(self, kind: str, remote_id: str) -> None:
        """Into the bin. Leads and activities of a contact stay, without it; calls stay in the statistics."""
        leads = self.items[DEAL if self.mode == 2 else LEAD]
        del (self.items[CONTACT] if kind == "contact" else leads).rows[int(remote_id)]
        if kind == "contact":
            for row in leads.rows.values():
                if row.get("contactId") == int(remote_id):
                    row["contactId"] = None

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        leads = self.items[DEAL if self.mode == 2 else LEAD]
        return {
            "contact": [self._contact(row) for row in self.items[CONTACT].rows.values()],
            "lead": [
                {"title": row["title"], "text": row["comments"], "contact": row.get("contactId"),
                 "owner": str(row["assignedById"])}
                for row in leads.rows.values()
            ],
            "call": [self._call(row) for row in self.statistics.rows.values()]
            + [self._activity(row) for row in self.activities.rows.values() if self._is_seen(row)],
            "mail": self._comments("Letter"),
            "form": self._comments("Form"),
        }  # fmt: skip

    def _contact(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {"PHONE": [], "EMAIL": []}  # type: dict[str, list[str]]
        for one in row["fm"]:
            value = one["value"]
            values[one["typeId"]].append(f"+7{value[1:]}" if one["typeId"] == "PHONE" and value[0] == "8" else value)
        return {"name": row["name"], "phones": values["PHONE"], "emails": values["EMAIL"],
                "owner": str(row["assignedById"])}  # fmt: skip

    def _call(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"number": row["PHONE_NUMBER"], "inbound": row["TYPE"] == 2, "seconds": row["DURATION"],
                "owner": str(row["USER_ID"]), "recording": row.get("recording")}  # fmt: skip

    def _activity(self, row: Mapping[str, Any]) -> dict[str, Any]:
        talked = int(row["DESCRIPTION"].rpartition("Talked: ")[2].partition("\n")[0])
        return {"number": row["COMMUNICATIONS"][0]["VALUE"], "inbound": row["DIRECTION"] == 1, "seconds": talked,
                "owner": str(row["RESPONSIBLE_ID"]), "recording": bool(row.get("FILES"))}  # fmt: skip

    def _is_seen(self, activity: Mapping[str, Any]) -> bool:
        """Activities are shown in the card of their owner."""
        return activity["OWNER_ID"] in self.items[activity["OWNER_TYPE_ID"]].rows

    def _comments(self, word: str) -> list[dict[str, Any]]:
        rows = [row for row in self.comments.rows.values() if row["COMMENT"].startswith(word)]
        return [{"text": row["COMMENT"], "contact": row["ENTITY_ID"]} for row in rows]


def _upper(name: str) -> str:
    """``ufCrm_1`` as the settings of Bitrix24 show it: ``UF_CRM_1``."""
    return "UF_CRM_1" if name == "ufCrm_1" else name.upper()


def _index(value: str) -> str:
    """As Bitrix24 keeps numbers and mails to find doubles by: digits, an 8 of Russia as 7."""
    digits = "".join(sign for sign in value if sign.isdigit())
    if "@" in value or not digits:
        return value.strip().lower()
    return f"7{digits[1:]}" if len(digits) >= 10 and digits[0] == "8" else digits
