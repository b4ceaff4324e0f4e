"""What pages ask of rooms besides the database: the reading operations of the API, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.core.errors import LeadgateError, StoreUnavailable
from gateway.web.access import viewer_of
from gateway.web.api.reads import EVERYBODY, ReadCall
from gateway.web.api.writes import WriteMeans, refusal, who_asks
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused


class Asks:
    """Operations by their names."""

    def __init__(self, means: PageMeans) -> None:
        self._means = WriteMeans(store=means.store, clock=means.clock, new_id=means.new_id, after=means.after_write)
        self._by_name = {operation.name: operation for operation in means.reads}

    def can(self, name: str) -> bool:
        """Whether there is such an operation here."""
        return name in self._by_name

    async def ask(
        self,
        request: web.Request,
        name: str,
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer for whoever sent ``request``. Raises Refused as the API would."""
        operation = self._by_name[name]
        if not viewer_of(request).may(operation.right):
            raise Refused(403, "forbidden", "Your role does not allow this. The owner can change it.")
        values = [*(ids or {}).values(), *(query or {}).values()]
        if any("\x00" in value for value in values):
            raise Refused(404, "not_found", "There is nothing with this id.")
        who = who_asks(request, self._means, EVERYBODY)
        try:
            return await operation.act(ReadCall(who=who, ids=ids or {}, query=query or {}))
        except StoreUnavailable:
            raise
        except LeadgateError as error:
            raise refusal(error) from None
