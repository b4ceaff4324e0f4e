"""What Odoo's errors mean. They are told apart by the name of the exception: the status says nothing (an unknown field
is a 500 over JSON-2, and everything is a 200 over JSON-RPC)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import CrmError, Gone, Misconfigured, Rejected, Unavailable
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

PASSING = (
    "OperationalError",
    "SerializationFailure",
    "DeadlockDetected",
    "LockNotAvailable",
    "QueryCanceled",
    "TransactionRollbackError",
    "InterfaceError",
    "PoolError",
    "ServiceUnavailable",
    "TooManyRequests",
    "RetryableJobError",
    "MemoryError",
    "TimeoutError",
    "ConnectionError",
)
"""Ends of the names of exceptions that a later try may get over: the database was busy, or gone for a moment."""

_LOGIN = Said("the login or its key is not accepted")
BY_A_PERSON: Mapping[str, Said] = {
    "Unauthorized": Said(
        "the key is not accepted: it was deleted or has run out; make a new one in the user's preferences"
    ),
    "AccessDenied": _LOGIN,
    "SessionExpired": _LOGIN,
    "SessionExpiredException": _LOGIN,
    "AccessError": Said("the gateway's user lacks a right: it needs Sales / User: All Documents, and Contact Creation"),
    "Forbidden": Said("the gateway's user lacks a right"),
}
"""Last word of the exception's name: what to do."""
NO_DATABASE = ("does not exist", "не существует")
"""PostgreSQL's words for a database that is not there, which JSON-RPC hands on as an OperationalError."""


def judge_json2(answer: Answer) -> None:
    """Return for a success of JSON-2, else raise what the error means."""
    if 200 <= answer.status < 300:
        return
    document = _document(answer)
    name = document.get("name")
    if isinstance(name, str):
        raise error_of(name, document.get("message"), answer.host)
    if answer.status == 404:  # Odoo's own page: no such database, or a release without JSON-2
        said = Said(
            "%(host)s has no JSON-2 for this database at this address: look at url and database; "
            'Odoo before 19 needs api = "jsonrpc"',
            host=answer.host,
        )
        raise Misconfigured(said)
    raise_for_status(answer)


def judge_jsonrpc(answer: Answer) -> None:
    """The same for JSON-RPC."""
    if answer.status == 404:
        raise Misconfigured(Said("%(host)s has no JSON-RPC at this address: look at url", host=answer.host))
    raise_for_status(answer)
    error = answer.json().get("error") if isinstance(answer.json(), Mapping) else None
    if not isinstance(error, Mapping):
        return
    data = error.get("data")
    data = data if isinstance(data, Mapping) else {}
    raise error_of(str(data.get("name") or ""), data.get("message") or error.get("message"), answer.host)


def error_of(name: str, message: Any, host: str) -> CrmError:
    """The error for an exception of Odoo's. ``name``: with its module."""
    said = " ".join(str(message or name or "an error without words").split())[:300]
    word = name.rpartition(".")[2]
    values = {"host": host, "error": word or "error", "words": said}
    if remedy := BY_A_PERSON.get(word):
        return Misconfigured(Said("%(host)s says %(error)s: %(remedy)s. %(words)s", remedy=remedy, **values))
    if word == "OperationalError" and "database" in said and any(words in said for words in NO_DATABASE):
        return Misconfigured(Said("%(host)s has no such database: look at database. %(words)s", host=host, words=said))
    if word.endswith(PASSING):
        return Unavailable(Said("%(host)s says %(error)s: %(words)s", **values))
    if word == "NotFound":
        return Misconfigured(
            Said(
                "%(host)s has no such model, method or database: %(words)s. Is the app CRM installed?",
                host=host,
                words=said,
            )
        )
    if word == "MissingError":
        return Gone(Said("%(host)s has the record no more: %(words)s", host=host, words=said))
    return Rejected(Said("%(host)s refuses (%(error)s): %(words)s", **values))


def _document(answer: Answer) -> Mapping[str, Any]:
    """The error's JSON; empty where something before Odoo answered."""
    try:
        found = answer.json()
    except Unavailable:
        return {}
    return found if isinstance(found, Mapping) else {}
