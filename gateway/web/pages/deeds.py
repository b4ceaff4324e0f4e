"""What forms of the pages do: the operations of the API, asked by a form instead of JSON, answered by a page.

So a button and a program do the same, with the same rights, checks and log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from gateway.core.errors import LeadgateError, StoreUnavailable
from gateway.web.access import viewer_of
from gateway.web.api.writes import WriteCall, WriteMeans, perform, refusal, who_asks
from gateway.web.guard import local_path, session_info
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused


class Deeds:
    """Operations by their names."""

    def __init__(self, means: PageMeans) -> None:
        self._means = WriteMeans(store=means.store, clock=means.clock, new_id=means.new_id, after=means.after_write)
        self._by_name = {operation.name: operation for operation in means.writes}

    def offers(self, request: web.Request) -> frozenset[str]:
        """The names of what whoever sent ``request`` can do here: a page shows no form for anything else."""
        viewer, session = viewer_of(request), session_info(request)
        role = session.role if session is not None else None
        return frozenset(
            name
            for name, operation in self._by_name.items()
            if viewer.may(operation.right) and (role is None or role in operation.roles)
        )

    async def do(
        self,
        request: web.Request,
        name: str,
        *,
        ids: Mapping[str, str] | None = None,
        body: Any = None,
        version: int | None = None,
    ) -> Any:
        """Do ``name`` for whoever sent ``request``; what the operation returns. Raises Refused as the API would."""
        operation = self._by_name[name]
        if not viewer_of(request).may(operation.right):
            raise Refused(403, "forbidden", "Your role does not allow this. The owner can change it.")
        if any("\x00" in value for value in (ids or {}).values()):
            raise Refused(404, "not_found", "There is nothing with this id.")
        call = WriteCall(who=who_asks(request, self._means, operation.roles), ids=ids or {}, body=body, version=version)
        try:
            done = await perform(operation, self._means, call)
        except StoreUnavailable:
            raise
        except LeadgateError as error:
            raise refusal(error) from None
        self._means.after()
        return done


def back(form: Mapping[str, str], **told: str) -> web.HTTPSeeOther:
    """The page from which a form was sent (its field ``next``), with what is to be told there in the address."""
    target = urlsplit(local_path(form.get("next")))
    query = [(name, value) for name, value in parse_qsl(target.query) if name not in {"done", "undo"}]
    query += list(told.items())
    return web.HTTPSeeOther(f"{target.path}?{urlencode(query)}" if query else target.path)
