"""Every operation of the API as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.views import shapes
from gateway.views.leads import leads_by_id
from gateway.web.api.parameters import FILTERS, Parameter
from gateway.web.queries import deliveries, interactions, leads, people
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
    query: Callable[[Connection, str], msgspec.Struct | None]
    numbered: bool = False
    """Ids are row numbers."""


LISTS = (
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
    ItemOperation(
        path="/api/v1/leads/{id}",
        name="getLead",
        summary="One lead.",
        shape=shapes.LeadView,
        query=lambda c, lead_id: leads_by_id(c, [lead_id]).get(lead_id),
    ),
    ItemOperation(
        path="/api/v1/interactions/{id}",
        name="getInteraction",
        summary="One call, mail or form submission.",
        shape=shapes.InteractionView,
        query=interactions.interaction,
    ),
    ItemOperation(
        path="/api/v1/calls/{id}",
        name="getCall",
        summary="One call, by the id of its interaction.",
        shape=shapes.CallView,
        query=interactions.call,
    ),
    ItemOperation(
        path="/api/v1/contacts/{id}",
        name="getContact",
        summary="One contact; of a merged one, the contact it was merged into.",
        shape=shapes.ContactView,
        query=people.contact,
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
        query=lambda c, delivery_id: deliveries.delivery(c, int(delivery_id)),
        numbered=True,
    ),
)
