"""Asks a PBX for each right that the gateway needs, by using it, and says which line to change.

Nothing here can ring a phone or change the PBX. The one call that is made, to prove that Originate is allowed and that
events arrive, dials a Local channel to a context that does not exist: Asterisk gives it up before anybody is called.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.core.sentences import NOTHING, Sentence, counted, ended
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
EVENTS_WITHIN = 5.0
"""Seconds in which the events of the test call must have come: on a real PBX they take milliseconds."""
_UNKNOWN_COMMAND = "unknown command"
_DENIED = "permission denied"
_CHECKS = {
    "login": Sentence("login"),
    "connection": Sentence("connection"),
    "version": Sentence("version"),
    "clock": Sentence("clock"),
    "events of calls": Sentence("events of calls"),
    "events of queues": Sentence("events of queues"),
    "events of the dialplan": Sentence("events of the dialplan"),
    "context of calls": Sentence("context of calls"),
    "no right to Command": Sentence("no right to Command"),
    "no right to ListCategories": Sentence("no right to ListCategories"),
}
"""What is checked, but for actions and settings of the PBX, which have one name in every language."""


async def examine_pbx(settings: PbxSettings, *, clock: Clock, sleep: Sleep = asyncio.sleep) -> list[Finding]:
    """All findings about one ``[[pbx]]``. Never raises an AmiError: that is a finding."""
    try:
        tls = tls_context(settings.ca_file) if settings.tls else None
    except ValueError as error:
        remedy = Sentence("correct ca_file.")
        subject = Sentence("pbx %(name)s: tls", {"name": settings.name})
        return [Finding(code="pbx.tls", level=Level.FAIL, subject=subject, said=ended(error), remedy=remedy)]
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
        values = {"peer": self._connection.peer, "account": self._username}
        self._say(Level.OK, "login", Sentence("%(peer)s takes the account %(account)s.", values))
        await self._version()
        await self._clock_skew()
        for action in ("CoreShowChannels", "CoreStatus"):
            await self._listing_right(action)
        await self._queues()
        await self._call_to_nowhere()
        await self._redirect_right()
        power = Sentence("run any command of the PBX")
        await self._too_much("Command", {"Command": "core show uptime"}, power)
        await self._too_much("ListCategories", {"Filename": "asterisk.conf"}, Sentence("read and change its files"))
        self._unasked()

    def failed(self, error: AmiError) -> None:
        """The connection could not be made, or was lost."""
        if isinstance(error, LoginRefused):
            line = Sentence(
                "the secret of leadgate.toml, permit = the address of this machine, and if the gateway is running "
                "allowmultiplelogin = yes"
            )
            self._say(Level.FAIL, "login", ended(error), account_line(self._username, line))
        else:
            line = Sentence("enabled = yes, port and bindaddr as in leadgate.toml; and check the firewall")
            self._say(Level.FAIL, "connection", ended(error), general_line(line))

    # -- the questions ------------------------------------------------------------------------------------------------

    async def _version(self) -> None:
        try:
            answer = await self._connection.action("CoreSettings")
        except ActionRefused:
            banner = {"banner": self._connection.banner}
            said = Sentence("its greeting is %(banner)r; the account may not ask for the version.", banner)
            self._say(Level.WARN, "version", said, self._write_line())
            return
        self.findings.append(judge_version(self._subject("version"), answer.get("AsteriskVersion", "")))

    async def _clock_skew(self) -> None:
        before = self._clock.now().timestamp()
        answer = await self._connection.action("Ping")
        middle = (before + self._clock.now().timestamp()) / 2
        try:
            there = float(answer.get("Timestamp", ""))
        except ValueError:
            said = Sentence("the PBX does not tell its time; compare the clocks by hand.")
            self._say(Level.NOTE, "clock", said)
            return
        self.findings.append(judge_skew(self._subject("clock"), there - middle))

    async def _listing_right(self, action: str) -> None:
        try:
            if action == "CoreShowChannels":
                found = await self._connection.listing(action)
                said = counted(
                    "allowed; %(num)s channel is open now.", "allowed; %(num)s channels are open now.", len(found) - 1
                )
            else:
                answer = await self._connection.action(action)
                since = f"{answer.get('CoreStartupDate', '?')} {answer.get('CoreStartupTime', '?')}"
                said = Sentence("allowed; the PBX runs since %(moment)s (its own time).", {"moment": since})
            self._say(Level.OK, action, said)
        except ActionRefused as error:
            said = Sentence(
                "refused (%(words)s): calls that are under way when the gateway connects would be missed.",
                {"words": error},
            )
            self._say(Level.FAIL, action, said, self._write_line())

    async def _queues(self) -> None:
        try:
            found = await self._connection.listing("QueueStatus")
        except ActionRefused as error:
            if _UNKNOWN_COMMAND in str(error).lower():
                said = Sentence("this PBX has no queues (app_queue is not loaded).")
                self._say(Level.OK, "QueueStatus", said)
            else:
                said = Sentence("refused (%(words)s): who waits in a queue is not known.", {"words": error})
                self._say(Level.WARN, "QueueStatus", said, self._write_line())
            return
        queues = sum(item.get("Event") == "QueueParams" for item in found)
        said = counted("allowed; there is %(num)s queue.", "allowed; there are %(num)s queues.", queues)
        self._say(Level.OK, "QueueStatus", said)
        if queues:
            said = Sentence(
                "events of queues come only when somebody calls one, so the class agent can't be proved by asking."
            )
            self._say(Level.NOTE, "events of queues", said, self._read_line())

    async def _call_to_nowhere(self) -> None:
        dialplan = await self._dialplan()
        context, extension = _some_extension(dialplan)
        headers = {
            "Channel": NOWHERE_CHANNEL, "Context": context, "Exten": extension, "Priority": "1", "Timeout": "1000",
            "Async": "true", "Variable": f"{PROBE_VARIABLE}=1",
        }  # fmt: skip
        try:
            await self._connection.action("Originate", headers)
        except ActionRefused as error:
            self._no_call(error)
            return
        self._say(Level.OK, "Originate", Sentence("allowed; proved with a call to nowhere."))
        self._calling_context(dialplan)
        self._events(await self._heard())

    def _no_call(self, error: ActionRefused) -> None:
        """The call to nowhere was not taken: for want of the right, or for another reason."""
        words = {"words": error}
        if _DENIED not in str(error).lower():
            said = Sentence("allowed; a call to nowhere was not made (%(words)s).", words)
            self._say(Level.OK, "Originate", said)
        elif self._originate is None:
            said = Sentence("refused (%(words)s): click to call is not possible.", words)
            self._say(Level.WARN, "Originate", said, self._write_line())
        else:
            said = Sentence(
                "refused (%(words)s): click to call is not possible, though [pbx.originate] asks for it.", words
            )
            self._say(Level.WARN, "Originate", said, self._write_line())
        remedy = account_line(self._username, f"write = {WRITE}, read = {READ}")
        said = Sentence("not proved, as no test call could be made.")
        self._say(Level.WARN, "events of calls", said, remedy)

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
        context = {"context": self._originate.context}
        contexts = {item["Context"] for item in dialplan if item.get("Context")}
        if not contexts:
            said = Sentence("whether %(context)s exists can't be seen by this account.", context)
            self._say(Level.NOTE, "context of calls", said)
        elif self._originate.context in contexts:
            said = Sentence("%(context)s exists; click to call dials in it.", context)
            self._say(Level.OK, "context of calls", said)
        else:
            said = Sentence(
                "[pbx.originate] dials in %(context)s, which the dialplan does not have: no call would be made.",
                context,
            )
            remedy = Sentence("context = the name of the context that your phones dial in.")
            self._say(Level.FAIL, "context of calls", said, remedy)

    async def _heard(self) -> list[Message]:
        """The events of the call to nowhere."""
        heard: list[Message] = []

        async def listen() -> None:
            while not _is_over(heard):
                batch = await self._connection.next_batch()
                heard.extend(event for event in batch.events if event.get("Channel", "").startswith(NOWHERE_CHANNEL))

        try:
            await within(EVENTS_WITHIN, listen(), self._sleep)
        except TimeoutError:
            return heard
        return heard

    def _events(self, heard: list[Message]) -> None:
        names = {event.get("Event") for event in heard}
        remedy = self._read_line(Sentence("and look for eventfilter lines there"))
        if "Newchannel" in names:
            self._say(Level.OK, "events of calls", Sentence("they arrive."))
        else:
            said = Sentence("none came for a call that was just made: no call would ever be seen.")
            self._say(Level.FAIL, "events of calls", said, remedy)
        if any(event.get("Variable") == PROBE_VARIABLE for event in heard):
            self._say(Level.OK, "events of the dialplan", Sentence("they arrive."))
        else:
            said = Sentence(
                "none came: recordings, menus and announcements are not seen, and why a call was missed is less clear."
            )
            self._say(Level.WARN, "events of the dialplan", said, remedy)
        if heard and not all("Timestamp" in event for event in heard):
            said = Sentence("events carry no time: waiting and talking times include the delay of the network.")
            self._say(Level.WARN, "timestampevents", said, general_line("timestampevents = yes"))
        elif heard:
            self._say(Level.OK, "timestampevents", Sentence("events carry their time."))

    async def _redirect_right(self) -> None:
        """Whether callers may be sent to their managers, where ``route`` asks for it."""
        if not self._redirects:
            return
        headers = {"Channel": NOWHERE_CHANNEL, "Context": "default", "Exten": "s", "Priority": "1"}
        try:
            await self._connection.action("Redirect", headers)
        except ActionRefused as error:
            if _DENIED in str(error).lower():
                said = Sentence("refused (%(words)s): no caller would be sent to his manager.", {"words": error})
                self._say(Level.FAIL, "Redirect", said, account_line(self._username, f"write = {WRITE},call"))
                return
        self._say(Level.OK, "Redirect", Sentence("allowed; nobody was moved."))

    async def _too_much(self, action: str, headers: dict[str, str], power: Sentence) -> None:
        check = f"no right to {action}"
        try:
            await self._connection.action(action, headers)
        except ActionRefused:
            self._say(Level.OK, check, Sentence("refused, as it should be."))
            return
        said = Sentence("this account can %(power)s: whoever learns its secret owns the PBX.", {"power": power})
        line = Sentence("write = %(rights)s (without command, config, system and all)", {"rights": WRITE})
        self._say(Level.WARN, check, said, account_line(self._username, line))

    def _unasked(self) -> None:
        """What AMI can't be asked."""
        said = Sentence(
            "can't be asked over AMI; below %(milliseconds)s a busy moment of this machine costs the connection.",
            {"milliseconds": WRITE_TIMEOUT},
        )
        remedy = account_line(self._username, f"writetimeout = {WRITE_TIMEOUT}")
        self._say(Level.NOTE, "writetimeout", said, remedy)
        if not self._tls and not self._loopback:
            said = Sentence("the connection is not encrypted: numbers and names cross the network readable.")
            remedy = general_line(
                "tlsenable = yes, tlsbindaddr, tlscertfile", Sentence("and tls = true in [[pbx]] of leadgate.toml")
            )
            self._say(Level.WARN, "tls", said, remedy)

    # -- saying it ----------------------------------------------------------------------------------------------------

    def _subject(self, check: str) -> Sentence:
        """``check``: a key of _CHECKS, or the name of an action."""
        return Sentence("pbx %(name)s: %(check)s", {"name": self._name, "check": _CHECKS.get(check, check)})

    def _write_line(self) -> Sentence:
        return account_line(self._username, f"write = {WRITE}")

    def _read_line(self, more: Sentence = NOTHING) -> Sentence:
        return account_line(self._username, f"read = {READ}", more)

    def _say(self, level: Level, check: str, said: Sentence, remedy: Sentence = NOTHING) -> None:
        code = f"pbx.{check.replace(' ', '_').lower()}"
        self.findings.append(Finding(code=code, level=level, subject=self._subject(check), said=said, remedy=remedy))


def _is_over(heard: list[Message]) -> bool:
    """Whether all has come of the call to nowhere. OriginateResponse takes another way through Asterisk than the events
    of channels, and may overtake them; a channel's own come in their order, Hangup last."""
    names = Counter(event.get("Event") for event in heard)
    return bool(names["OriginateResponse"]) and 0 < names["Newchannel"] <= names["Hangup"]


def _some_extension(dialplan: list[Message]) -> tuple[str, str]:
    """Context and name of any extension that exists: Asterisk wants one, though the call never gets there."""
    for item in dialplan:
        extension = item.get("Extension", "")
        if item.get("Priority") == "1" and extension and not extension.startswith("_"):
            return item.get("Context", ""), extension
    return NOWHERE, NOWHERE
