"""A TCP proxy that breaks connections on demand: cuts them, or lets nothing through while they look open."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tests.support.ports import LOOPBACK


class FaultProxy:
    """Stands before a server of the loopback. Use it as ``async with FaultProxy(port) as proxy``."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.cut_after: int | None = None
        """Bytes from the server after which a connection is cut; None: none is. Counted for each connection."""
        self.refuse = False
        """New connections are closed at once."""
        self.connections = 0
        """How many there were."""
        self.cuts = 0

    @property
    def port(self) -> int:
        """Where to connect to."""
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        return int(self._server.sockets[0].getsockname()[1])

    def swallow(self) -> None:
        """From now on nothing comes through, in either direction, and nothing is closed: a router that forgot us."""
        self._open.clear()

    def heal(self) -> None:
        """What is new comes through again; connections that were open before stay dead, as they do with a router."""
        for writer in self._writers:
            writer.transport.abort()
        self._open.set()

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.connections += 1
        if self.refuse:
            writer.transport.abort()
            return
        back_reader, back_writer = await asyncio.open_connection(LOOPBACK, self._target)
        both = {writer, back_writer}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, back_writer, None))
                group.create_task(self._pump(back_reader, writer, self.cut_after))
        except* OSError:  # one side is gone, so the other has to go too
            self.cuts += 1
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> None:
        passed = 0
        while data := await reader.read(65536):
            await self._open.wait()
            if limit is not None and passed + len(data) > limit:
                writer.write(data[: limit - passed])
                await writer.drain()
                raise ConnectionAbortedError("cut on demand")
            passed += len(data)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("one side closed")
