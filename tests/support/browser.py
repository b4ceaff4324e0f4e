"""A real Chromium, driven over the Chrome DevTools Protocol (chromedevtools.github.io/devtools-protocol) by aiohttp."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.peers.chromium import environment, program

START_SECONDS = 40.0
"""Generous: it takes 1 to 2 s on an idle machine."""
COMMAND_SECONDS = 30.0
PORT_FILE = "DevToolsActivePort"
FLAGS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
DOMAINS = ("Page", "Runtime", "Log", "Network")
PICTURES = {".jpg": "jpeg", ".webp": "webp"}
"""An ending -> the protocol's word for the kind. WebP is smaller, JPEG made in a fifth of the time."""
KEY_CODES = {"Enter": 13, "Escape": 27, "Tab": 9}
"""Of keys that type nothing (Windows virtual key codes, as the protocol wants them)."""


@dataclass(slots=True)
class Loaded:
    """One answer that came over the network."""

    url: str
    kind: str
    """Document, Stylesheet, Script, Fetch, EventSource, ..."""
    status: int = 0
    bytes: int = 0
    """As they came, compressed, with the headers."""


@dataclass(slots=True)
class Traffic:
    """What a tab asked for. Cached answers are no traffic."""

    by_id: dict[str, Loaded] = field(default_factory=dict)

    def note(self, method: str, event: Mapping[str, Any]) -> None:
        """Take an event of the domain Network."""
        number = event.get("requestId", "")
        if method == "Network.requestWillBeSent":
            self.by_id[number] = Loaded(event["request"]["url"], event.get("type", ""))
        elif (loaded := self.by_id.get(number)) is not None:
            if method == "Network.responseReceived":
                loaded.status = event["response"]["status"]
            elif method == "Network.loadingFinished":
                loaded.bytes = int(event["encodedDataLength"])

    @property
    def all(self) -> list[Loaded]:
        """In the order in which they were asked for."""
        return list(self.by_id.values())


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.problems: list[str] = []
        """What the page wrote to its console as errors, and what it threw."""
        self.traffic = Traffic()
        self._reading = asyncio.create_task(self._read(), name="browser")

    async def close(self) -> None:
        """Stop listening to the tab."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Events that come meanwhile are looked at for errors."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(COMMAND_SECONDS):
            message = await answer
        if "error" in message:
            raise AssertionError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame.data)
            if "id" in message:
                answer = self._waiting.pop(message["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(event["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.problems.append(event["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert"):
            self.problems.append(json.dumps(event["args"])[:500])
        elif method.startswith("Network."):
            self.traffic.note(method, event)

    # -- looking -------------------------------------------------------------------------------------------------------

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for. Raises AssertionError with what it threw."""
        done = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{script[:500]}: {done['exceptionDetails']}")
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

    async def screen(self, width: int, height: int = 900) -> None:
        """So many CSS pixels; below 500 a phone with a touch screen."""
        phone = width < 500
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )

    async def dark(self, on: bool = True) -> None:
        """As a machine that is set to dark (or to light) colours."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        await self.command("Emulation.setEmulatedMedia", features=features)

    async def picture(self, file: Path, *, whole: bool = False, quality: int = 70) -> None:
        """A screenshot of what is seen, or of the whole page. The file's ending says which kind of picture."""
        kind = PICTURES[file.suffix]
        taken = await self.command("Page.captureScreenshot", format=kind, quality=quality, captureBeyondViewport=whole)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    # -- doing, with the input events of a person ----------------------------------------------------------------------

    async def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of the first element that is seen is on the screen; it is scrolled there first."""
        await self.until(f"{_seen(selector)}")
        box = await self.run(
            f"(() => {{ const e = {_seen(selector)}; e.scrollIntoView({{block: 'center', inline: 'nearest'}});"
            "const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        return box[0], box[1]

    async def click(self, selector: str) -> None:
        """Press the first element that is seen, with the mouse: what covers it would be pressed instead."""
        x, y = await self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, selector: str, text: str) -> None:
        """Write into a field in place of what stands there."""
        await self.until(_seen(selector))
        await self.run(f"{_seen(selector)}.focus(), {_seen(selector)}.select?.()")
        await self.command("Input.insertText", text=text)

    async def choose(self, selector: str, value: str) -> None:
        """Pick an option of a list."""
        field_ = f"document.querySelector({json.dumps(selector)})"
        await self.run(
            f"{field_}.value = {json.dumps(value)}, {field_}.dispatchEvent(new Event('change', {{bubbles: true}})), 1"
        )

    async def press(self, *keys: str) -> None:
        """Keys of the keyboard, by their names (``Enter``) or signs (``j``)."""
        for key in keys:
            code = KEY_CODES.get(key, 0)
            text = {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
            await self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            await self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


def _seen(selector: str) -> str:
    """JavaScript for the first element of a selector that is not hidden."""
    return (
        f"Array.from(document.querySelectorAll({json.dumps(selector)})).find((e) => e.checkVisibility() "
        "&& e.getClientRects().length)"
    )


class Chromium:
    """A running browser."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._base = f"http://127.0.0.1:{port}"

    @asynccontextmanager
    async def tab(self, *, first: bool = False) -> AsyncIterator[Page]:
        """A new tab, or the one that a browser opens with. All share their cookies."""
        async with self._session.ws_connect(await self._address(first=first), max_msg_size=1 << 27) as socket:
            page = Page(socket)
            try:
                for domain in DOMAINS:
                    await page.command(f"{domain}.enable")
                yield page
            finally:
                await page.close()

    async def _address(self, *, first: bool) -> str:
        if first:
            async with self._session.get(f"{self._base}/json/list") as answer:
                tabs = await answer.json(content_type=None)
            return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
        async with self._session.put(f"{self._base}/json/new?about:blank") as answer:
            return str((await answer.json(content_type=None))["webSocketDebuggerUrl"])


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Chromium]:
    """A new Chromium with an empty profile in ``folder``."""
    profile = folder / "profile"
    profile.mkdir(parents=True)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        program(), *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True, env=environment(),
    )  # fmt: skip
    try:
        port = await _port(profile, process)
        async with aiohttp.ClientSession() as session:
            yield Chromium(session, port)
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


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A new Chromium with an empty profile in ``folder``, and its first tab."""
    async with chromium(folder) as running, running.tab(first=True) as page:
        yield page


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
