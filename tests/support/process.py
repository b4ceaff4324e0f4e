"""The real gateway as a process: configured on free ports, started, asked how it is, killed or told to stop."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from tests.peers.process import dies_with_parent
from tests.support.canaries import note
from tests.support.ports import LOOPBACK, free_ports

START_SECONDS = 120.0
"""Generous: it takes 1 to 2 s on an idle machine, but machines are not idle. One that ends is noticed at once."""
POLL_SECONDS = 0.02


class ProcessFailed(AssertionError):
    """The gateway did not do what a test needs of it. The text ends with its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One configured gateway: its folder and ports. It may be started many times."""

    folder: Path
    public: int
    private: int
    smtp: int
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of each start."""
    module: str = "gateway"
    """What ``python -m`` starts: the product, or a launcher that bends it (tests/faults)."""

    @classmethod
    def make(
        cls, folder: Path, *, more: str = "", environment: Mapping[str, str] | None = None, module: str = "gateway"
    ) -> Installation:
        """Write ``leadgate.toml`` into ``folder``; ``more`` is further TOML, whole tables."""
        public, private, smtp = free_ports(3)
        made = cls(
            folder=folder, public=public, private=private, smtp=smtp, environment=environment or {}, module=module
        )
        folder.mkdir(parents=True, exist_ok=True)
        made.config.write_text(
            "[web]\n"
            f'public = "{LOOPBACK}:{public}"\n'
            f'private = "{LOOPBACK}:{private}"\n'
            "[smtp]\n"
            f'listen = "{LOOPBACK}:{smtp}"\n'
            'recipients = ["*@example.com"]\n' + more,
            encoding="utf-8",
        )
        return made

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "leadgate.toml"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What all starts wrote to stderr and stdout."""
        return self.folder / "log"

    def command(self, *words: str) -> list[str]:
        """The command line of ``leadgate WORDS --config ... --data ...``."""
        return [sys.executable, "-m", self.module, *words, "--config", str(self.config), "--data", str(self.data)]

    def env(self) -> dict[str, str]:
        """The tests' environment without Leadgate's own variables, and ``environment``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATE_")}
        return kept | dict(self.environment)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; a hanging one fails after four minutes: machines are not idle."""
        return subprocess.run(
            self.command(*words), env=self.env(), cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def new_token(self, name: str = "tests") -> str:
        """An API token, made with ``leadgate token add``."""
        done = self.run("token", "add", name, "--json")
        if done.returncode:
            raise ProcessFailed(f"token add: exit {done.returncode}: {done.stderr}")
        token: str = json.loads(done.stdout)["token"]
        note(self.folder, token)
        return token

    def start(self) -> GatewayProcess:
        """Start the gateway; it is not ready yet when this returns."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [*dies_with_parent(signal.SIGKILL), *self.command("run")],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=self.env(), cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        return GatewayProcess(self, process)


class Child(Protocol):
    """What is needed of ``subprocess.Popen``."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...

    def kill(self) -> None: ...


class GatewayProcess:
    """One running gateway."""

    def __init__(self, installation: Installation, process: Child) -> None:
        self.installation = installation
        self._process = process

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    async def ready(self) -> None:
        """Return when /health says 200. Raises ProcessFailed when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        async with aiohttp.ClientSession() as session:
            while not await self._is_healthy(session):
                if self.exit_code is not None:
                    raise ProcessFailed(f"the gateway ended with {self.exit_code}: {self.log_tail()}")
                if time.monotonic() > deadline:
                    raise ProcessFailed(f"the gateway was not ready after {START_SECONDS:.0f} s: {self.log_tail()}")
                await asyncio.sleep(POLL_SECONDS)

    async def ended(self, seconds: float) -> int:
        """Its exit code, once it has ended. Raises ProcessFailed when it still runs after ``seconds``."""
        deadline = time.monotonic() + seconds
        while (code := self.exit_code) is None:
            if time.monotonic() > deadline:
                raise ProcessFailed(f"the gateway still ran after {seconds:.0f} s: {self.log_tail()}")
            await asyncio.sleep(POLL_SECONDS)
        return code

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def pause(self) -> None:
        """SIGSTOP: it hangs, and does not know."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """SIGTERM: please stop. ``ended`` waits for it."""
        self._process.send_signal(signal.SIGTERM)

    def log_tail(self) -> str:
        """The end of its log."""
        return self.installation.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    async def _is_healthy(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(
                f"http://{LOOPBACK}:{self.installation.public}/health", timeout=aiohttp.ClientTimeout(total=5)
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


class Api:
    """Asks the gateway's REST API with a token, as another program would."""

    def __init__(self, installation: Installation, token: str) -> None:
        self._base = f"http://{LOOPBACK}:{installation.private}"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def everything(self, path: str, **filters: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        items: list[dict[str, Any]] = []
        query = {"limit": "200", **filters}
        async with aiohttp.ClientSession(headers=self._headers) as session:
            while True:
                page = await self._get(session, path, query)
                items += page["items"]
                if page["next"] is None:
                    return items
                query["cursor"] = page["next"]

    async def health(self) -> dict[str, Any]:
        """GET /health of the private listener: everything it knows."""
        async with aiohttp.ClientSession() as session:
            return await self._get(session, "/health", {})

    async def settled(self, seconds: float) -> None:
        """Return when nothing waits any more: spool, journal and outbox are empty.

        Raises ProcessFailed when nothing became less for ``seconds``: a busy machine is slow, and not stuck.
        """
        least, deadline = math.inf, 0.0
        async with aiohttp.ClientSession() as session:
            while True:
                health = await self._get(session, "/health", {})
                waiting = {name: health[name]["count"] for name in ("spool", "journal", "outbox")}
                total = sum(waiting.values())
                if not total:
                    return
                if total < least:
                    least, deadline = total, time.monotonic() + seconds
                if time.monotonic() > deadline:
                    raise ProcessFailed(f"for {seconds:.0f} s still waiting: {waiting}; {json.dumps(health)}")
                await asyncio.sleep(0.2)

    async def _get(self, session: aiohttp.ClientSession, path: str, query: dict[str, str]) -> dict[str, Any]:
        async with session.get(self._base + path, params=query) as answer:
            if answer.status != 200:
                raise ProcessFailed(f"GET {path}: {answer.status} {await answer.text()}")
            document: dict[str, Any] = await answer.json()
            return document
