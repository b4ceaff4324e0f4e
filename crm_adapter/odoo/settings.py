"""The keys of the adapter ``odoo``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.ids import check_user_ids
from crm_adapter.jsonclient import guard_for
from crm_adapter.odoo.adapter import LEAD, PARTNER, OdooCrm
from crm_adapter.odoo.rpc import Caller, Json2, JsonRpc, Odoo
from crm_adapter.options import Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``database``, ``api_key``; ``api`` (``json2``, or ``jsonrpc``, which needs ``login``);
    ``target``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    database, key = reader.text("database"), reader.text("api_key")
    api = reader.choice("api", "json2", ("json2", "jsonrpc"))
    login = reader.text("login") if api == "jsonrpc" else reader.text_or_none("login")
    target = reader.choice("target", "opportunity", ("opportunity", "lead"))
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    check_user_ids(shared)
    guard = guard_for(url, context)
    caller: Caller = Json2(url, guard, database=database, key=key, timeout=timeout)
    if api == "jsonrpc":
        caller = JsonRpc(url, guard, database=database, login=str(login), key=key, timeout=timeout)
    mapped = {PARTNER: shared.fields.names("contact"), LEAD: shared.fields.names("lead")}
    return RecordAdapter(OdooCrm(Odoo(caller), target=target, mapped=mapped), context, shared)
