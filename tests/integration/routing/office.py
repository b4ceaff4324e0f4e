"""An office in a real database: managers, an assigner with rules, a house whose processing it follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from gateway.core.assignment import AssignRequest
from gateway.core.by import By
from gateway.core.types import Channel, Handle, HandleKind, Source
from gateway.routing.assign import Assigner
from gateway.routing.calendars import Schedules
from gateway.routing.follow import RoutingFollower
from gateway.routing.presence import Devices
from gateway.routing.rules import RoutingSettings
from gateway.routing.settings import HoursSettings
from gateway.storage.store import Store
from tests.integration.processing.test_worker import House
from tests.support.clock import MONDAY, counting_ids
from tests.support.seed import add_manager

CUSTOMER = "+79261234567"
WEEK = {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def people(connection: Connection) -> None:
    """Anna 101, Boris 102, Vera 103."""
    add_manager(connection, "m-anna", "anna", extensions=["101"], mobile="8 903 555-01-01", email="Anna@Example.com")
    add_manager(connection, "m-boris", "boris", extensions=["102"])
    add_manager(connection, "m-vera", "vera", extensions=["103"])


def schedules(**hours: Any) -> Schedules:
    """Of settings as the file has them, in Moscow; none without."""
    settings = msgspec.convert(hours, HoursSettings) if hours else None
    return Schedules.of(settings, timezone="Europe/Moscow", region="RU")


def assigner(
    *rules: dict[str, Any], hours: Schedules | None = None, devices: Devices | None = None, **keys: Any
) -> Assigner:
    """With these rules, the usual ones without."""
    table = {**keys, **({"rule": [{"name": rule["give"], **rule} for rule in rules]} if rules else {})}
    settings = msgspec.convert(table, RoutingSettings)
    return Assigner(settings, hours or schedules(), region="RU", timezone="Europe/Moscow", devices=devices)


def asking(contact_id: str | None = None, number: str | None = CUSTOMER, **changes: Any) -> AssignRequest:
    """A customer calls."""
    usual: dict[str, Any] = {
        "contact_id": contact_id,
        "handles": (Handle(HandleKind.PHONE, number),) if number else (),
        "channel": Channel.CALL,
        "line": "+74950000101",
        "source": Source(name="office"),
        "at": MONDAY,
    }
    return AssignRequest(**(usual | changes))


def by(actor: str = "console", ids: str = "new") -> By:
    """Whose hand it is."""
    return By(actor=actor, at=MONDAY, new_id=counting_ids(ids))


def routed_house(store: Store, folder: Path, who: Assigner) -> House:
    """A house whose leads get managers."""
    house = House(store, folder / "spool")
    house.worker.followers = (RoutingFollower(who),)
    return house


def rows(store: Store, *columns: Any) -> list[Any]:
    """All rows, in the order of the first column."""
    query = select(*columns).order_by(columns[0])
    return [tuple(row) for row in store.peek(lambda connection: connection.execute(query).all())]
