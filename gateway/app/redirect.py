"""Callers on their way to their managers, where the dialplan can't ask: the answer of the routing, done by AMI."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from gateway.app.routing import dialable
from gateway.core.clock import Clock
from gateway.routing.live import Route, RouteQuestion
from gateway.telephony.actions import Switch
from gateway.telephony.redirect import Arrival, Redirects
from gateway.telephony.settings import PbxSettings

log = logging.getLogger(__name__)


class Router(Protocol):
    """``routing.live.LiveRouter``."""

    async def route(self, question: RouteQuestion) -> Route | None:
        """The route, or None where nothing can be said in time."""
        ...


def make_redirects(pbx: PbxSettings, router: Router, switch: Callable[[], Switch], clock: Clock) -> Redirects | None:
    """What moves the callers of ``pbx``; None where nobody is to be moved. ``switch``: the PBXs are made after it."""
    context = pbx.route_context
    if context is None:
        return None

    async def ask(arrival: Arrival) -> str | None:
        route = await router.route(RouteQuestion(caller=arrival.caller, dialled=arrival.dialled, pbx=pbx.name))
        return (dialable(route.extension) or None) if route is not None else None

    async def move(arrival: Arrival, extension: str) -> None:
        await switch().redirect(pbx.name, arrival.channel, context, extension)
        extra = {"action": "redirected", "pbx": pbx.name, "call": arrival.call, "extension": extension}
        log.info("A caller was sent to his manager.", extra=extra)

    return Redirects(lines=pbx.lines, ask=ask, move=move, now=clock.now)
