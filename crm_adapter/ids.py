"""Ids of CRMs that count their records: numbers, checked before they are sent. Pure."""

from __future__ import annotations

from crm_adapter.base import Misconfigured
from crm_adapter.options import BadOption
from crm_adapter.recordadapter import RecordOptions
from crm_adapter.said import Said


def number(text: str, what: str) -> int:
    """``text`` as an id. Raises Misconfigured for one that is none."""
    if not text.isascii() or not text.isdigit():
        raise Misconfigured(
            Said("%(what)s %(number)s is no id of this CRM: ids are numbers", what=what, number=repr(text))
        )
    return int(text)


def check_user_ids(shared: RecordOptions) -> None:
    """Raise BadOption for a user in the configuration who is no number."""
    named = {"default_user": shared.default_user, **{f"users.{login}": one for login, one in shared.users.items()}}
    for key, user_id in named.items():
        if user_id is not None and not (user_id.isascii() and user_id.isdigit()):
            raise BadOption(key, "must be the number of a user")
