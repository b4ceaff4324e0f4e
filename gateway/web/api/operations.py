"""Every operation of the API as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.views import shapes
from gateway.views import work as workviews
from gateway.views.callbacks import CallbackDetails, CallbackView
from gateway.web.api.calls import outcall
from gateway.web.api.parameters import FILTERS, Parameter
from gateway.web.queries import callbacks, deliveries, interactions, leads, people, work
from gateway.web.queries.filters import Filters, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOperation:
    """``GET`` of a list in pages."""

    path: str
    name: str
    summary: str
    shape: type[msgspec.Struct]
    query: Callable[[Connection, Filters, int | None], Page[Any]]
    numbered: bool = False
    """Pages end at row numbers, not at a time and an id."""
    parameters: tuple[Parameter, ...] = FILTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOperation:
    """``GET`` of one object by the ``id`` in its path."""

    path: str
    name: str
    summary: str
    shape: type[msgspec.Struct]
    query: Callable[[Connection, str], msgspec.Struct | None] | None = None
    scoped: Callable[[Connection, str, Filters], msgspec.Struct | None] | None = None
    """Instead of ``query`` where it matters who asks, and when: ``Filters.seen_by`` and ``now`` say it."""
    numbered: bool = False
    """Ids are row numbers."""

    def ask(self, connection: Connection, item_id: str, scope: Filters) -> msgspec.Struct | None:
        """The object."""
        if self.scoped is not None:
            return self.scoped(connection, item_id, scope)
        assert self.query is not None
        return self.query(connection, item_id)


CALLBACK_LIST = ListOperation(
    path="/api/v1/callbacks",
    name="listCallbacks",
    summary="Callbacks, the newest first. `status`: open, claimed, attempted, snoozed (together: waiting), "
    "reached_by_us, reached_by_client, closed, merged (together: over); overdue, anonymous. `manager`: who owns or "
    "claimed it.",
    shape=CallbackView,
    query=lambda c, f, _: callbacks.callbacks_page(c, f),
)
CALLBACK_ITEM = ItemOperation(
    path="/api/v1/callbacks/{id}",
    name="getCallback",
    summary="One callback with every try of the person and everything that was done.",
    shape=CallbackDetails,
    scoped=lambda c, callback_id, scope: callbacks.callback(c, callback_id, scope),
)

TASK_LIST = ListOperation(
    path="/api/v1/tasks",
    name="listTasks",
    summary="Tasks, the newest first. `status`: open, done, void, overdue. `since` and `until`: when they are due. "
    "`manager`: whose they are.",
    shape=workviews.TaskView,
    query=lambda c, f, _: work.tasks_page(c, f),
)
DOCUMENT_LIST = ListOperation(
    path="/api/v1/documents",
    name="listDocuments",
    summary="Documents, the newest first. `status`: made, sent, void. `manager`: of the lead.",
    shape=workviews.DocumentView,
    query=lambda c, f, _: work.documents_page(c, f),
)
SPEND_LIST = ListOperation(
    path="/api/v1/spend",
    name="listSpend",
    summary="What sources cost, the newest entered first. `since` and `until`: of the days it was for.",
    shape=workviews.SpendView,
    query=lambda c, f, _: work.spend_page(c, f),
)
LEAD_WORK = ItemOperation(
    path="/api/v1/leads/{id}/work",
    name="getLeadWork",
    summary="What was done and is to be done on a lead: stages with their time, tasks, notes, documents.",
    shape=work.LeadWork,
    scoped=work.lead_work,
)
CONTACT_WORK = ItemOperation(
    path="/api/v1/contacts/{id}/work",
    name="getContactWork",
    summary="The same of a contact, and the merges into it.",
    shape=work.ContactWork,
    scoped=work.contact_work,
)
TASK_ITEM = ItemOperation(
    path="/api/v1/tasks/{id}",
    name="getTask",
    summary="One task.",
    shape=workviews.TaskView,
    scoped=work.task,
)
DOCUMENT_ITEM = ItemOperation(
    path="/api/v1/documents/{id}",
    name="getDocument",
    summary="One document, without its page.",
    shape=workviews.DocumentView,
    scoped=work.document,
)
SPEND_ITEM = ItemOperation(
    path="/api/v1/spend/{id}",
    name="getSpend",
    summary="One amount.",
    shape=workviews.SpendView,
    scoped=work.spend,
)

LISTS = (
    TASK_LIST,
    DOCUMENT_LIST,
    SPEND_LIST,
    ListOperation(
        path="/api/v1/leads",
        name="listLeads",
        summary="Leads, the newest first. `status`: open, won, lost, spam.",
        shape=shapes.LeadView,
        query=lambda c, f, _: leads.leads_page(c, f),
    ),
    ListOperation(
        path="/api/v1/interactions",
        name="listInteractions",
        summary="Calls, mails and forms, the newest first. `status`: received, ringing, answered, ended.",
        shape=shapes.InteractionView,
        query=lambda c, f, _: interactions.interactions_page(c, f),
    ),
    ListOperation(
        path="/api/v1/calls",
        name="listCalls",
        summary="Calls, the newest first. `status`: answered, missed, no_answer, busy, failed, or open.",
        shape=shapes.CallView,
        query=lambda c, f, _: interactions.calls_page(c, f),
    ),
    CALLBACK_LIST,
    ListOperation(
        path="/api/v1/contacts",
        name="listContacts",
        summary="Contacts, the newest first.",
        shape=shapes.ContactView,
        query=lambda c, f, _: people.contacts_page(c, f),
    ),
    ListOperation(
        path="/api/v1/managers",
        name="listManagers",
        summary="All managers by name, in one page. `status`: active, disabled.",
        shape=shapes.ManagerView,
        query=lambda c, f, _: Page(people.managers(c, f), None),
    ),
    ListOperation(
        path="/api/v1/deliveries",
        name="listDeliveries",
        summary="Deliveries to CRMs, the newest first. `status`: waiting, sending, done, held, dead, dropped.",
        shape=shapes.DeliveryView,
        query=deliveries.deliveries_page,
        numbered=True,
    ),
)

ITEMS = (
    LEAD_WORK,
    CONTACT_WORK,
    TASK_ITEM,
    DOCUMENT_ITEM,
    SPEND_ITEM,
    ItemOperation(
        path="/api/v1/leads/{id}",
        name="getLead",
        summary="One lead.",
        shape=shapes.LeadView,
        scoped=leads.lead,
    ),
    ItemOperation(
        path="/api/v1/interactions/{id}",
        name="getInteraction",
        summary="One call, mail or form submission.",
        shape=shapes.InteractionView,
        scoped=interactions.interaction,
    ),
    ItemOperation(
        path="/api/v1/calls/{id}",
        name="getCall",
        summary="One call, by the id of its interaction.",
        shape=shapes.CallView,
        scoped=interactions.call,
    ),
    ItemOperation(
        path="/api/v1/outcalls/{id}",
        name="getOutcall",
        summary="One call that was asked for (click to call), and how far it came.",
        shape=shapes.OutcallView,
        scoped=outcall,
    ),
    CALLBACK_ITEM,
    ItemOperation(
        path="/api/v1/contacts/{id}",
        name="getContact",
        summary="One contact; of a merged one, the contact it was merged into.",
        shape=shapes.ContactView,
        scoped=people.seen_contact,
    ),
    ItemOperation(
        path="/api/v1/managers/{id}",
        name="getManager",
        summary="One manager.",
        shape=shapes.ManagerView,
        query=people.manager,
    ),
    ItemOperation(
        path="/api/v1/deliveries/{id}",
        name="getDelivery",
        summary="One delivery with what was sent and every try.",
        shape=shapes.DeliveryDetails,
        scoped=lambda c, delivery_id, scope: deliveries.delivery(c, int(delivery_id), scope),
        numbered=True,
    ),
)
