"""Asks a PBX for each right that the gateway needs, by using it, and says which line to change.

Nothing here can ring a phone or change the PBX. The one call that is made, to prove that Originate is allowed and that
events arrive, dials a Local channel to a context that does not exist: Asterisk gives it up before anybody is called.
"""

from __future__ import annotations

import asyncio

from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.telephony.advice import (
    READ,
    WRITE,
    WRITE_TIMEOUT,
    account_line,
    general_line,
    judge_skew,
    judge_version,
)
from gateway.telephony.ami.client import AmiAddress, connect, tls_context
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused, AmiClosed, AmiError, LoginRefused
from gateway.telephony.ami.framing import Message
from gateway.telephony.ami.timing import Sleep, within
from gateway.telephony.interest import EVENT_CLASSES
from gateway.telephony.settings import PbxSettings

NOWHERE = "leadgate-doctor"
"""Extension and context that no dialplan has."""
NOWHERE_CHANNEL = f"Local/{NOWHERE}@{NOWHERE}"
PROBE_VARIABLE = "LEADGATE_DOCTOR"
EVENTS_WITHIN = 3.0
"""Seconds in which the events of the test call must have come: on a real PBX they take milliseconds."""
_UNKNOWN_COMMAND = "unknown command"
_DENIED = "permission denied"


async def examine_pbx(settings: PbxSettings, *, clock: Clock, sleep: Sleep = asyncio.sleep) -> list[Finding]:
    """All findings about one ``[[pbx]]``. Never raises an AmiError: that is a finding."""
    subject = f"pbx {settings.name}"
    try:
        tls = tls_context(settings.ca_file) if settings.tls else None
    except ValueError as error:
        return [Finding(level=Level.FAIL, subject=f"{subject}: tls", said=f"{error}.", remedy="correct ca_file.")]
    address = AmiAddress(
        host=settings.host, port=settings.tcp_port, username=settings.username, secret=settings.secret, tls=tls
    )
    connection = AmiConnection(address.peer, clock=clock, sleep=sleep)
    examination = _Examination(settings, connection, clock, sleep)
    try:
        await connect(address, connection, sleep)
        await connection.greeting()
        await connection.login(address.username, address.secret, EVENT_CLASSES)
        await examination.run()
    except AmiError as error:
        examination.failed(error)
    finally:
        connection.abort(AmiClosed("the examination is over"))
    return examination.findings


class _Examination:
    """The questions, one after the other, on one logged-in connection."""

    def __init__(self, settings: PbxSettings, connection: AmiConnection, clock: Clock, sleep: Sleep) -> None:
        self.findings: list[Finding] = []
        self._name = settings.name
        self._originate = settings.originate
        self._redirects = settings.route is not None
        self._username = settings.username
        self._tls = settings.tls
        self._loopback = settings.host in ("localhost", "127.0.0.1", "::1")
        self._connection = connection
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Raises AmiError when the connection is lost on the way."""
        self._say(Level.OK, "login", f"{self._connection.peer} takes the account {self._username}.")
        await self._version()
        await self._clock_skew()
        for action in ("CoreShowChannels", "CoreStatus"):
            await self._listing_right(action)
        await self._queues()
        await self._call_to_nowhere()
        await self._redirect_right()
        await self._too_much("Command", {"Command": "core show uptime"}, "run any command of the PBX")
        await self._too_much("ListCategories", {"Filename": "asterisk.conf"}, "read and change its files")
        self._unasked()

    def failed(self, error: AmiError) -> None:
        """The connection could not be made, or was lost."""
        if isinstance(error, LoginRefused):
            remedy = account_line(
                self._username, "the secret of leadgate.toml, permit = the address of this machine, and if the gateway "
                "is running allowmultiplelogin = yes"
            )  # fmt: skip
            self._say(Level.FAIL, "login", f"{error}.", remedy)
        else:
            remedy = general_line("enabled = yes, port and bindaddr as in leadgate.toml; and check the firewall")
            self._say(Level.FAIL, "connection", f"{error}.", remedy)

    # -- the questions ------------------------------------------------------------------------------------------------

    async def _version(self) -> None:
        subject = self._subject("version")
        try:
            answer = await self._connection.action("CoreSettings")
        except ActionRefused:
            banner = self._connection.banner
            said = f"its greeting is {banner!r}; the account may not ask for the version."
            self._say(Level.WARN, "version", said, account_line(self._username, f"write = {WRITE}"))
            return
        self.findings.append(judge_version(subject, answer.get("AsteriskVersion", "")))

    async def _clock_skew(self) -> None:
        before = self._clock.now().timestamp()
        answer = await self._connection.action("Ping")
        middle = (before + self._clock.now().timestamp()) / 2
        try:
            there = float(answer.get("Timestamp", ""))
        except ValueError:
            self._say(Level.NOTE, "clock", "the PBX does not tell its time; compare the clocks by hand.")
            return
        self.findings.append(judge_skew(self._subject("clock"), there - middle))

    async def _listing_right(self, action: str) -> None:
        try:
            if action == "CoreShowChannels":
                found = await self._connection.listing(action)
                self._say(Level.OK, action, f"allowed; {len(found) - 1} channels are open now.")
            else:
                answer = await self._connection.action(action)
                since = f"{answer.get('CoreStartupDate', '?')} {answer.get('CoreStartupTime', '?')}"
                self._say(Level.OK, action, f"allowed; the PBX runs since {since} (its own time).")
        except ActionRefused as error:
            said = f"refused ({error}): calls that are under way when the gateway connects would be missed."
            self._say(Level.FAIL, action, said, account_line(self._username, f"write = {WRITE}"))

    async def _queues(self) -> None:
        try:
            found = await self._connection.listing("QueueStatus")
        except ActionRefused as error:
            if _UNKNOWN_COMMAND in str(error).lower():
                self._say(Level.OK, "QueueStatus", "this PBX has no queues (app_queue is not loaded).")
            else:
                remedy = account_line(self._username, f"write = {WRITE}")
                self._say(Level.WARN, "QueueStatus", f"refused ({error}): who waits in a queue is not known.", remedy)
            return
        queues = sum(item.get("Event") == "QueueParams" for item in found)
        self._say(Level.OK, "QueueStatus", f"allowed; there are {queues} queues.")
        if queues:
            said = "events of queues come only when somebody calls one, so the class agent can't be proved by asking."
            self._say(Level.NOTE, "events of queues", said, account_line(self._username, f"read = {READ}"))

    async def _call_to_nowhere(self) -> None:
        dialplan = await self._dialplan()
        context, extension = _some_extension(dialplan)
        headers = {
            "Channel": NOWHERE_CHANNEL, "Context": context, "Exten": extension, "Priority": "1", "Timeout": "1000",
            "Async": "true", "Variable": f"{PROBE_VARIABLE}=1",
        }  # fmt: skip
        write, read = (account_line(self._username, line) for line in (f"write = {WRITE}", f"read = {READ}"))
        try:
            await self._connection.action("Originate", headers)
        except ActionRefused as error:
            if _DENIED in str(error).lower():
                wanted = ", though [pbx.originate] asks for it" if self._originate is not None else ""
                self._say(Level.WARN, "Originate", f"refused ({error}): click to call is not possible{wanted}.", write)
            else:
                self._say(Level.OK, "Originate", f"allowed; a call to nowhere was not made ({error}).")
            self._say(Level.WARN, "events of calls", "not proved, as no test call could be made.", f"{write}, {read}")
            return
        self._say(Level.OK, "Originate", "allowed; proved with a call to nowhere.")
        self._calling_context(dialplan)
        self._events(await self._heard())

    async def _dialplan(self) -> list[Message]:
        """Every step of the dialplan; nothing where the account may not see it."""
        try:
            return await self._connection.listing("ShowDialPlan")
        except ActionRefused:
            return []

    def _calling_context(self, dialplan: list[Message]) -> None:
        """Whether the context of ``[pbx.originate]`` is there."""
        if self._originate is None:
            return
        context = self._originate.context
        contexts = {item["Context"] for item in dialplan if item.get("Context")}
        if not contexts:
            self._say(Level.NOTE, "context of calls", f"whether {context} exists can't be seen by this account.")
        elif context in contexts:
            self._say(Level.OK, "context of calls", f"{context} exists; click to call dials in it.")
        else:
            said = f"[pbx.originate] dials in {context}, which the dialplan does not have: no call would be made."
            self._say(
                Level.FAIL, "context of calls", said, "context = the name of the context that your phones dial in."
            )

    async def _heard(self) -> list[Message]:
        """The events of the call to nowhere."""
        heard: list[Message] = []

        async def listen() -> None:
            while not any(event.get("Event") == "OriginateResponse" for event in heard):
                batch = await self._connection.next_batch()
                heard.extend(event for event in batch.events if event.get("Channel", "").startswith(NOWHERE_CHANNEL))

        try:
            await within(EVENTS_WITHIN, listen(), self._sleep)
        except TimeoutError:
            return heard
        return heard

    def _events(self, heard: list[Message]) -> None:
        names = {event.get("Event") for event in heard}
        read = account_line(self._username, f"read = {READ}")
        if "Newchannel" in names:
            self._say(Level.OK, "events of calls", "they arrive.")
        else:
            said = "none came for a call that was just made: no call would ever be seen."
            self._say(Level.FAIL, "events of calls", said, f"{read}; and look for eventfilter lines there")
        if any(event.get("Variable") == PROBE_VARIABLE for event in heard):
            self._say(Level.OK, "events of the dialplan", "they arrive.")
        else:
            said = (
                "none came: recordings, menus and announcements are not seen, and why a call was missed is less clear."
            )
            self._say(Level.WARN, "events of the dialplan", said, f"{read}; and look for eventfilter lines there")
        if heard and not all("Timestamp" in event for event in heard):
            said = "events carry no time: waiting and talking times include the delay of the network."
            self._say(Level.WARN, "timestampevents", said, general_line("timestampevents = yes"))
        elif heard:
            self._say(Level.OK, "timestampevents", "events carry their time.")

    async def _redirect_right(self) -> None:
        """Whether callers may be sent to their managers, where ``route`` asks for it."""
        if not self._redirects:
            return
        headers = {"Channel": NOWHERE_CHANNEL, "Context": "default", "Exten": "s", "Priority": "1"}
        try:
            await self._connection.action("Redirect", headers)
        except ActionRefused as error:
            if _DENIED in str(error).lower():
                said = f"refused ({error}): no caller would be sent to his manager."
                self._say(Level.FAIL, "Redirect", said, account_line(self._username, f"write = {WRITE},call"))
                return
        self._say(Level.OK, "Redirect", "allowed; nobody was moved.")

    async def _too_much(self, action: str, headers: dict[str, str], power: str) -> None:
        try:
            await self._connection.action(action, headers)
        except ActionRefused:
            self._say(Level.OK, f"no right to {action}", "refused, as it should be.")
            return
        said = f"this account can {power}: whoever learns its secret owns the PBX."
        remedy = account_line(self._username, f"write = {WRITE} (without command, config, system and all)")
        self._say(Level.WARN, f"no right to {action}", said, remedy)

    def _unasked(self) -> None:
        """What AMI can't be asked."""
        said = f"can't be asked over AMI; below {WRITE_TIMEOUT} a busy moment of this machine costs the connection."
        remedy = account_line(self._username, f"writetimeout = {WRITE_TIMEOUT}")
        self._say(Level.NOTE, "writetimeout", said, remedy)
        if not self._tls and not self._loopback:
            said = "the connection is not encrypted: numbers and names cross the network readable."
            remedy = general_line("tlsenable = yes, tlsbindaddr, tlscertfile") + ", and tls = true in [[pbx]]"
            self._say(Level.WARN, "tls", said, remedy)

    # -- saying it ----------------------------------------------------------------------------------------------------

    def _subject(self, check: str) -> str:
        return f"pbx {self._name}: {check}"

    def _say(self, level: Level, check: str, said: str, remedy: str = "") -> None:
        self.findings.append(Finding(level=level, subject=self._subject(check), said=said, remedy=remedy))


def _some_extension(dialplan: list[Message]) -> tuple[str, str]:
    """Context and name of any extension that exists: Asterisk wants one, though the call never gets there."""
    for item in dialplan:
        extension = item.get("Extension", "")
        if item.get("Priority") == "1" and extension and not extension.startswith("_"):
            return item.get("Context", ""), extension
    return NOWHERE, NOWHERE
