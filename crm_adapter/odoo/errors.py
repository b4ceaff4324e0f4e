"""What Odoo's errors mean. They are told apart by the name of the exception: the status says nothing (an unknown field
is a 500 over JSON-2, and everything is a 200 over JSON-RPC)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import CrmError, Misconfigured, Rejected, Unavailable
from crm_adapter.http import Answer, raise_for_status

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

BY_A_PERSON: Mapping[str, str] = {
    "Unauthorized": "the key is not accepted: it was deleted or has run out; make a new one in the user's preferences",
    "AccessDenied": "the login or its key is not accepted",
    "SessionExpired": "the login or its key is not accepted",
    "SessionExpiredException": "the login or its key is not accepted",
    "AccessError": "the gateway's user lacks a right: it needs Sales / User: All Documents, and Contact Creation",
    "Forbidden": "the gateway's user lacks a right",
}
"""Last word of the exception's name: what to do."""


def judge_json2(answer: Answer) -> None:
    """Return for a success of JSON-2, else raise what the error means."""
    if 200 <= answer.status < 300:
        return
    document = _document(answer)
    name = document.get("name")
    if isinstance(name, str):
        raise error_of(name, document.get("message"), answer.host)
    raise_for_status(answer)


def judge_jsonrpc(answer: Answer) -> None:
    """The same for JSON-RPC."""
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
    if remedy := BY_A_PERSON.get(word):
        return Misconfigured(f"{host} says {word}: {remedy}. {said}")
    if word.endswith(PASSING):
        return Unavailable(f"{host} says {word}: {said}")
    if word == "NotFound":
        return Misconfigured(f"{host} has no such model, method or database: {said}. Is the app CRM installed?")
    return Rejected(f"{host} refuses ({word or 'error'}): {said}")


def _document(answer: Answer) -> Mapping[str, Any]:
    """The error's JSON; empty where something before Odoo answered."""
    try:
        found = answer.json()
    except Unavailable:
        return {}
    return found if isinstance(found, Mapping) else {}
