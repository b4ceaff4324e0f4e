"""The readers that take bytes from strangers, each with what it promises whatever they are.

A target's ``run`` raises when a promise is broken; it returns nothing. Targets are pure but for the logs of a PBX,
which are files.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from gateway.mail.draft import Ours, make_draft
from gateway.mail.inspect import inspect_mail
from gateway.mail.parse import html_to_text, read_attachment, sanitise_html
from gateway.mail.parse.rtf import decompress_rtf
from gateway.mail.parse.tnef import read_tnef
from gateway.mail.show import harmless_html
from gateway.telephony.agi.protocol import (
    NotAgi,
    knows_secret,
    question_of,
    read_header,
    set_variables,
    status_of,
)  # fmt: skip
from gateway.telephony.ami.framing import Framer
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.history.reading import Reading
from gateway.telephony.history.report import history_inbound
from gateway.telephony.interest import INTEREST
from gateway.telephony.lines import LineRules
from gateway.telephony.record import CallRecord
from gateway.telephony.report import inbound_of
from gateway.telephony.snapshot import Snapshot
from gateway.telephony.tracker import CallTracker
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Submission
from gateway.webforms.understand import understand
from tests.fuzz.oracles import assert_a_call, assert_harmless, assert_storable, no_fault_is_logged
from tests.fuzz.stories import events_of

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LINES = LineRules()
OURS = Ours.of(["sales@firm.ru"], ["firm.ru"])
ENVELOPE = {"mail_from": "ivan@mail.ru", "rcpt_to": ["sales@firm.ru"]}
FORMS = (
    FormSettings(key="site", name="Main site", honeypot="website"),
    FormSettings(key="mapped", mapping={"phone": "contacts.phone", "name": "contacts.name"}),
    FormSettings(key="secret", secret="s", file_types=("png",)),
)
HERE = Path(__file__).parent
CUTS = 17
"""Pieces of a stream: beyond, another cut says nothing new, and each costs as much as an event."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader."""

    name: str
    check: Callable[[bytes], None]
    longest: int = 4096
    """Bytes of one input: enough for what is nested, little enough to be quick."""
    words: tuple[str, ...] = ()
    """What the mutations put in now and then."""

    def run(self, data: bytes) -> None:
        """Raises where a promise is broken."""
        with no_fault_is_logged():
            self.check(data)

    def inputs(self) -> list[Path]:
        """The corpus and the regressions."""
        folders = (HERE / "corpus" / self.name, HERE / "regressions" / self.name)
        return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())


def ami(data: bytes) -> None:
    """Any stream, cut anywhere, gives the same messages; whatever they say, every call can be told and stored."""
    step = data[0] + 1 if data else 1
    stream = data[1:]
    cut, whole = Framer(INTEREST), Framer(INTEREST)
    ends = range(step, step * CUTS, step)
    messages = [message for end in ends for message in cut.feed(stream[end - step : end])]
    messages += cut.feed(stream[ends[-1] :])
    assert messages == whole.feed(stream)
    assert_storable(messages)
    _follow(messages)


def events(data: bytes) -> None:
    """Whatever the order of events, every call can be told and stored, and none stays when the input is over."""
    _follow(events_of(data))


def _follow(messages: Iterable[Mapping[str, str]]) -> None:
    tracker = CallTracker(lines=LINES, region="RU")
    records: list[CallRecord] = []
    for message in messages:
        records += tracker.feed(message, NOW)
    records += tracker.open_calls() + tracker.resync(Snapshot(), NOW) + tracker.finish(NOW)
    assert tracker.open_count == 0
    for record in records:
        assert_a_call(record)
        assert_storable(inbound_of(record, pbx="office", region="RU", received_at=NOW).draft)


def agi(data: bytes) -> None:
    """A question is understood or refused as NotAgi; nothing of it that is sent back is more than one command."""
    lines = data.split(b"\n")
    for line in lines:
        status_of(line)
    try:
        header = read_header(lines)
    except NotAgi:
        return
    assert not knows_secret(header, "the secret of nobody")
    question = question_of(header)
    for value in (question.caller, question.dialled, question.channel, question.uniqueid):
        try:
            (command,) = set_variables({"LEADGATE_X": value or ""})
        except ValueError:
            continue
        assert command.count(b"\n") == 1
        assert command.endswith(b'"\n')
        assert b"\r" not in command


def cel(data: bytes) -> None:
    """See `_log`."""
    _log(data, "cel")


def cdr(data: bytes) -> None:
    """See `_log`."""
    _log(data, "cdr")


def _log(data: bytes, kind: LogKind) -> None:
    """A log is read to its end whatever is in it; rows that are none are refused."""
    path = _scratch()
    path.write_bytes(data)
    records = _calls_of_log(path, kind)
    for record in records:
        assert_a_call(record)
        assert_storable(history_inbound(record, kind, pbx="office", region="RU", received_at=NOW).draft)


@cache
def _scratch() -> Path:
    """One file for all inputs, in memory where that is a folder: to make and remove one costs as much as to read it."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "Master.csv"


def _calls_of_log(path: Path, kind: LogKind) -> list[CallRecord]:
    reading = Reading(LogFile(path, kind, UTC), lines=LINES, region="RU")
    records: list[CallRecord] = []
    while (told := reading.page()) is not None:
        records += told.records
        assert_storable([refused.why for refused in told.refused])
    reading.cursor()
    return records + reading.end(4e9)


def mail(data: bytes) -> None:
    """Any bytes are a letter: read whole, no fault hidden in its problems, its files and its HTML as told."""
    record = inspect_mail(data, file="", region="RU", now=NOW, trusted=("mx.firm.ru",))
    assert not any("could not be parsed" in problem for problem in record["problems"]), record["problems"]
    assert_storable(record)
    assert_storable(make_draft(record, ENVELOPE, NOW, OURS, "RU"))
    for number, told in enumerate(record["attachments"], start=1):
        found = read_attachment(data, number)
        assert found is not None
        assert found[0].size == len(found[1]) == told["size"]
    shown = harmless_html(data)
    if shown is not None:
        assert_harmless(shown)


def html(data: bytes) -> None:
    """HTML of strangers: its text can be stored, its cleaned form harms nobody."""
    text = data.decode("utf-8", "replace")
    assert_storable(html_to_text(text.replace("\0", ""))[0])
    assert_harmless(sanitise_html(text))


def tnef(data: bytes) -> None:
    """winmail.dat and its compressed text: broken ones give nothing, and none grows beyond its limit."""
    found = read_tnef(b"\x78\x9f\x3e\x22" + data)
    if found is not None:
        assert sum(len(file.content) for file in found[0]) <= len(data) + (2 << 20)
        assert_storable(found[1].replace("\0", ""))
    try:
        decompress_rtf(data)
    except ValueError:
        return


def form(data: bytes) -> None:
    """A first line with the content type, then a body: a Draft whatever it is, that can be stored."""
    kind, _, body = data.partition(b"\n")
    content_type = kind.decode("utf-8", "replace")
    for settings in FORMS:
        submission = Submission(form=settings.key, raw=body, content_type=content_type, browser=True)
        understood = understand(submission, settings, region="RU", received_at=NOW)
        assert_storable(understood.draft)
        assert_storable([understood.sender_id, understood.wanted, understood.next_page, understood.message])
        for part in understood.parts:
            inner = Submission(form=settings.key, raw=part, content_type="application/json")
            assert_storable(understand(inner, settings, region="RU", received_at=NOW).draft)


_AMI_WORDS = (
    "Event: ", "Newchannel", "Hangup", "DialBegin", "DialEnd", "DialState", "BridgeEnter", "BridgeLeave", "Newstate",
    "BlindTransfer", "AttendedTransfer", "LocalBridge", "QueueCallerJoin", "QueueCallerAbandon", "AgentConnect",
    "Pickup", "VarSet", "MusicOnHoldStart", "Rename", "NewCallerid", "Newexten", "Channel: ", "DestChannel: ",
    "Uniqueid: ", "DestUniqueid: ", "Linkedid: ", "DestLinkedid: ", "BridgeUniqueid: ", "CallerIDNum: ",
    "CallerIDName: ", "Exten: ", "Context: ", "Cause: 16", "DialStatus: ANSWER", "DialStatus: CANCEL", "Timestamp: ",
    "PJSIP/trunk-1", "PJSIP/101-2", "Local/1@a-1;1", "Local/1@a-1;2", "1795308119.1", "\r\n", "\r\n\r\n",
)  # fmt: skip
_MAIL_WORDS = (
    "Content-Type: ", "multipart/mixed; boundary=", "multipart/alternative", "message/rfc822", "text/html",
    "text/plain",
    "Content-Transfer-Encoding: base64", "quoted-printable", "=?utf-8?B?", "=?koi8-r?Q?", "?=", "charset=",
    "filename*0*=",
    "Content-Disposition: attachment", "message/delivery-status", "application/ms-tnef", "References: ", "Date: ",
    "Authentication-Results: mx.firm.ru; ", "format=flowed", "Auto-Submitted: ", "List-Id: ", "From: ", "\r\n\r\n",
    "-----Original Message-----", "> ", "begin 644 a.txt", "Reply-To: ", "X-Failed-Recipients: ", "Телефон: ",
)  # fmt: skip
_FORM_WORDS = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B", "charset=",
    "form_response",
    "fieldName", "leadgen", "user_column_data", "fields[phone][value]=", "_charset_",
    "Content-Disposition: form-data; name=",
    "filename=", "\r\n--B", "%D0%", "+7 926 123-45-67", "utm_source=", "contacts", "answers", "FORM_RESPONSE",
    "[]", "{}",
)  # fmt: skip
_LOG_WORDS = (
    "CHAN_START", "CHAN_END", "ANSWER", "HANGUP", "LINKEDID_END", "BRIDGE_ENTER", "BRIDGE_EXIT", "APP_START",
    "BLINDTRANSFER", "ATTENDEDTRANSFER", "LOCAL_OPTIMIZE", "PICKUP", "NO ANSWER", "ANSWERED", "BUSY", "FAILED",
    "PJSIP/trunk-1", "PJSIP/101-2", "1795308119.1", "2026-11-22 03:50:08", "from-trunk", '"', '""', ",",
)  # fmt: skip

TARGETS = {
    target.name: target
    for target in (
        Target(name="ami", check=ami, longest=2048, words=_AMI_WORDS),
        Target(name="events", check=events, longest=120),
        Target(name="agi", check=agi, words=("agi_network_script: ", "agi_callerid: ", "agi_arg_1: ", "200 result=1")),
        Target(name="cel", check=cel, longest=1536, words=_LOG_WORDS),
        Target(name="cdr", check=cdr, longest=1536, words=_LOG_WORDS),
        Target(name="mail", check=mail, words=_MAIL_WORDS),
        Target(name="html", check=html, words=("<svg onload=", "<math>", "<style>", "href=", "javascript:", "<!--")),
        Target(name="tnef", check=tnef),
        Target(name="form", check=form, words=_FORM_WORDS),
    )
}
