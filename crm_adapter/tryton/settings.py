"""The keys of the adapter ``tryton``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.ids import check_user_ids
from crm_adapter.jsonclient import guard_for
from crm_adapter.options import Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options
from crm_adapter.tryton.adapter import OPPORTUNITY, PARTY, TrytonCrm
from crm_adapter.tryton.server import TrytonServer


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``database``, ``user``, ``password``, ``timeout``, and those that all adapters for records
    share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    database, user, password = reader.text("database"), reader.text("user"), reader.text("password")
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    check_user_ids(shared)
    server = TrytonServer(
        url, guard_for(url, context), database=database, user=user, password=password, timeout=timeout
    )
    mapped = {PARTY: shared.fields.names("contact"), OPPORTUNITY: shared.fields.names("lead")}
    return RecordAdapter(TrytonCrm(server, mapped=mapped), context, shared)
