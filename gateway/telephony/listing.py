"""Asks a PBX what goes on in it now: the snapshot with which a session begins."""

from __future__ import annotations

import asyncio

from gateway.core.sentences import Sentence
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused
from gateway.telephony.ami.framing import Message
from gateway.telephony.snapshot import Snapshot

AT_ONCE = 16
"""BridgeInfo questions under way at the same time: Asterisk reads them one by one, this only saves the round trips."""

_RIGHTS = {
    "CoreShowChannels": Sentence(
        "add reporting to write of the account in manager.conf (leadgate doctor says more), or calls that were under "
        "way before are taken up only by what happens next"
    ),
    "BridgeList": Sentence("add system to write of the account in manager.conf"),
    "QueueStatus": Sentence("app_queue.so may not be loaded, which is fine without queues"),
}
"""What a refusal means, for people."""


async def take_snapshot(connection: AmiConnection) -> Snapshot:
    """The snapshot, but for ``restarted``. A list that the account may not see goes into ``missing``.

    Raises AmiTimeout and AmiClosed.
    """
    missing: list[Sentence] = []
    channels = await _list(connection, "CoreShowChannels", "CoreShowChannel", missing)
    bridges = await _list(connection, "BridgeList", "BridgeListItem", missing)
    waiting = await _list(connection, "QueueStatus", "QueueEntry", missing)
    return Snapshot(
        channels=tuple(channels),
        bridges=tuple(bridges),
        members=tuple(await _members(connection, bridges)),
        waiting=tuple(waiting),
        started=await _started(connection),
        missing=tuple(missing),
    )


async def _started(connection: AmiConnection) -> str:
    """When the PBX was started: ``2026-11-22 08:00:00``, in its own time; empty for an account that may not know."""
    try:
        answer = await connection.action("CoreStatus")
    except ActionRefused:  # CoreShowChannels needs the same right: its refusal says what to change
        return ""
    return f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()


async def _list(connection: AmiConnection, action: str, event: str, missing: list[Sentence]) -> list[Message]:
    try:
        items = await connection.listing(action)
    except ActionRefused as error:
        values = {"peer": connection.peer, "action": action, "words": error, "harm": _RIGHTS[action]}
        missing.append(Sentence("%(peer)s refused %(action)s (%(words)s): %(harm)s", values))
        return []
    return [item for item in items if item.get("Event") == event]


async def _members(connection: AmiConnection, bridges: list[Message]) -> list[Message]:
    """Who is in which bridge. A bridge that ended since it was listed has nobody in it."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(bridge: str) -> list[Message]:
        async with turn:
            try:
                items = await connection.listing("BridgeInfo", {"BridgeUniqueid": bridge})
            except ActionRefused:
                return []
        return [item | {"BridgeUniqueid": bridge} for item in items if item.get("Event") == "BridgeInfoChannel"]

    filled = [bridge.get("BridgeUniqueid", "") for bridge in bridges if bridge.get("BridgeNumChannels") != "0"]
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(ask(bridge)) for bridge in filled if bridge]
    return [member for answer in answers for member in answer.result()]
