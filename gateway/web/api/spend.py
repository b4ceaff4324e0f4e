"""What sources of leads cost, entered by people and programs."""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.leads import spend as room
from gateway.views.work import SpendView
from gateway.web.access import Right
from gateway.web.api.leadwork import told
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.web.queries import work
from gateway.web.queries.filters import Filters


def spend_writes(currency: str) -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``. ``currency``: where none is named."""

    def add(connection: Connection, call: WriteCall) -> SpendView:
        return _told(connection, room.add_spend(connection, call.body, currency, call.who))

    def change(connection: Connection, call: WriteCall) -> SpendView:
        room.change_spend(connection, call.ids["id"], call.body, currency, call.who, version=call.version)
        return _told(connection, call.ids["id"])

    def remove(connection: Connection, call: WriteCall) -> None:
        room.remove_spend(connection, call.ids["id"], call.who)

    return (
        WriteOperation(
            method="POST",
            path="/api/v1/spend",
            name="addSpend",
            summary="Enter what a source cost in a period. 409 where that source has an amount for some of these days.",
            body=room.NewSpend,
            answer=SpendView,
            status=201,
            unit=add,
            right=Right.LEAD,
        ),
        WriteOperation(
            method="PUT",
            path="/api/v1/spend/{id}",
            name="setSpend",
            summary="Set all of an amount anew.",
            body=room.NewSpend,
            answer=SpendView,
            unit=change,
            conditional=True,
            right=Right.LEAD,
        ),
        WriteOperation(
            method="DELETE",
            path="/api/v1/spend/{id}",
            name="removeSpend",
            summary="Remove an amount.",
            unit=remove,
            right=Right.LEAD,
        ),
    )


def _told(connection: Connection, spend_id: str) -> SpendView:
    return told(work.spend(connection, spend_id, Filters()))
