"""A real Chromium, driven over the Chrome DevTools Protocol (chromedevtools.github.io/devtools-protocol) by aiohttp."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.peers.chromium import environment, program

START_SECONDS = 40.0
"""Generous: it takes 1 to 2 s on an idle machine."""
PORT_FILE = "DevToolsActivePort"
FLAGS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.problems: list[str] = []
        """What the page wrote to its console as errors, and what it threw."""

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Events that come meanwhile are looked at for errors."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(30):
            while True:
                message = json.loads(await self._socket.receive_str())
                if message.get("id") == number:
                    if "error" in message:
                        raise AssertionError(f"{method}: {message['error']}")
                    result: dict[str, Any] = message["result"]
                    return result
                self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(event["params"]["exceptionDetails"])[:500])
        elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.problems.append(event["params"]["entry"]["text"])

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for. Raises AssertionError with what it threw."""
        done = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    async def until(self, condition: str, *, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._holds(condition):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = await self.run("document.documentElement.outerHTML")
            raise AssertionError(f"never true: {condition}; problems: {self.problems}; page: {shown[:2000]}") from None

    async def _holds(self, condition: str) -> bool:
        try:
            return bool(await self.run(f"!!({condition})"))
        except AssertionError:
            return False  # the page was just being replaced


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A new Chromium with an empty profile in ``folder``, and its first tab."""
    profile = folder / "profile"
    profile.mkdir()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        program(), *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True, env=environment(),
    )  # fmt: skip
    try:
        port = await _port(profile, process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json(content_type=None)
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=1 << 26) as socket:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await page.command(f"{domain}.enable")
                yield page
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    """Chromium writes the port that it chose into its profile."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            if process.returncode is not None:
                raise AssertionError(f"chromium ended with {process.returncode}")
            try:
                return int((profile / PORT_FILE).read_text().splitlines()[0])
            except (FileNotFoundError, IndexError, ValueError):
                await asyncio.sleep(0.05)
