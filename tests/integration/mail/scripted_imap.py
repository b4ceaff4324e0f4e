"""An IMAP server that says what a test wants, also what no server should."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from tests.support.ports import LOOPBACK

Answer = Callable[[str], bytes | None]
"""Tag to what is sent for a command; None closes the connection."""

CAPABILITIES = "IMAP4rev1"
_FETCH = re.compile(r"UID FETCH ([\d,:*]+) \((.*)\)")


class ScriptedImap:
    """A server with letters in one folder; ``answers`` replaces what it says to a command."""

    def __init__(self, letters: Mapping[int, bytes]) -> None:
        self.letters = dict(letters)
        self.answers: dict[str, Answer] = {}
        """Beginning of a command, as ``UID FETCH 2 ``, to its answer. The longest that fits counts."""
        self.capabilities = CAPABILITIES
        self.greeting = b"* OK ready\r\n"
        self.uidnext = True
        self.uidvalidity = 7
        self.commands: list[str] = []
        self.tokens: set[str] = set()
        """Access tokens that let somebody in by XOAUTH2."""
        self.port = 0
        self._idle_tag = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(self.greeting)
        try:
            while line := await reader.readline():
                tag, _, command = line.decode("utf-8").rstrip("\r\n").partition(" ")
                if command == "IDLE":
                    self._idle_tag = tag
                elif tag == "DONE":  # ends the IDLE, and has no tag of its own (RFC 2177)
                    tag, command = self._idle_tag, "DONE"
                self.commands.append(command)
                if command.startswith("AUTHENTICATE"):
                    answer: bytes | None = await self._authenticate(tag, reader, writer)
                else:
                    answer = self._answer(tag, command)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.transport.abort()

    async def _authenticate(self, tag: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """As Google describes it: a refusal tells its reason in a challenge, and NO after the empty answer to that."""
        writer.write(b"+ \r\n")
        said = base64.b64decode(await reader.readline()).decode()
        user, bearer, *_ = said.split("\1")
        assert user.startswith("user="), said
        if bearer.removeprefix("auth=Bearer ") in self.tokens:
            return f"{tag} OK in\r\n".encode()
        writer.write(b"+ " + base64.b64encode(b'{"status":"401","schemes":"bearer"}') + b"\r\n")
        assert await reader.readline() == b"\r\n"
        return f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n".encode()

    def _answer(self, tag: str, command: str) -> bytes | None:
        fitting = [begin for begin in self.answers if command.startswith(begin)]
        if fitting:
            return self.answers[max(fitting, key=len)](tag)
        done = f"{tag} OK done\r\n".encode()
        verb = command.split(" ")[0]
        if verb == "CAPABILITY":
            return f"* CAPABILITY {self.capabilities}\r\n".encode() + done
        if verb == "EXAMINE":
            return self._state() + done
        if command.startswith("UID SEARCH"):
            return self._search(command) + done
        if command.startswith("UID FETCH"):
            return self._fetch(command) + done
        return done

    def _state(self) -> bytes:
        said = [f"* {len(self.letters)} EXISTS", "* 0 RECENT", f"* OK [UIDVALIDITY {self.uidvalidity}] valid"]
        if self.uidnext:
            said.append(f"* OK [UIDNEXT {max(self.letters, default=0) + 1}] next")
        return "".join(f"{line}\r\n" for line in said).encode()

    def _search(self, command: str) -> bytes:
        match = re.search(r"UID (\d+|\*)(?::(\d+|\*))?", command.removeprefix("UID SEARCH "))
        assert match is not None, command
        top = max(self.letters, default=0)
        first, last = (top if end == "*" else int(end) for end in (match[1], match[2] or match[1]))
        low, high = min(first, last), max(first, last)
        found = [str(uid) for uid in sorted(self.letters) if low <= uid <= high]
        return f"* SEARCH {' '.join(found)}\r\n".encode()

    def _fetch(self, command: str) -> bytes:
        match = _FETCH.match(command)
        assert match is not None, command
        said = b""
        for uid in map(int, match[1].split(",")):
            raw = self.letters.get(uid)
            if raw is not None:
                said += self.row(uid, match[2], raw)
        return said

    def row(self, uid: int, items: str, raw: bytes) -> bytes:
        """The answer for one letter."""
        number = sorted(self.letters).index(uid) + 1
        if "RFC822.SIZE" in items:
            moment = '"22-Nov-2026 08:00:00 +0300"'
            return f"* {number} FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE {moment})\r\n".encode()
        if "HEADER" in items:
            head = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            return b"* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%b)\r\n" % (number, uid, len(head), head)
        return b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (number, uid, len(raw), raw)


@asynccontextmanager
async def scripted(letters: Mapping[int, bytes]) -> AsyncIterator[ScriptedImap]:
    """A running one."""
    server = ScriptedImap(letters)
    listening = await asyncio.start_server(server.serve, LOOPBACK, 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
