"""Starting parts in order and stopping them in reverse, whatever one of them does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.ports import Service

log = logging.getLogger(__name__)

STOP_SECONDS = 8.0
"""What one storey may take to stop. The promise is 10 in all, systemd kills after 15 (deploy/leadgate.service);
storeys that have nothing to wait for stop in milliseconds."""


@dataclass(slots=True, eq=False)
class Storeys:
    """Parts in storeys: those of one storey need nothing of each other and stop together."""

    storeys: Sequence[Sequence[tuple[str, Service]]]
    """From the ground up: each stands on those before it. A name for the log, and the part."""
    _started: list[list[tuple[str, Service]]] = field(default_factory=list)

    async def start(self) -> None:
        """Start every part in order. Where one can't start, stop those that did and raise its error."""
        try:
            for storey in self.storeys:
                up: list[tuple[str, Service]] = []
                self._started.append(up)
                for name, part in storey:
                    await part.start()
                    up.append((name, part))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop what was started, from the top down. A part that fails or hangs does not keep the others up."""
        while self._started:
            storey = self._started.pop()
            await asyncio.gather(*(_stop(name, part) for name, part in reversed(storey)))


async def _stop(name: str, part: Service) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await part.stop()
    except TimeoutError:
        log.error(  # noqa: TRY400 - the time-out is the message, its traceback says nothing
            "A part did not stop in time.", extra={"action": "stop_timeout", "part": name, "seconds": STOP_SECONDS}
        )
    except Exception:
        log.exception("A part failed to stop.", extra={"action": "stop_failed", "part": name})
