"""The log: sentences for people on a terminal, one JSON object a line otherwise; never a secret.

A message is a short sentence; ``action`` and ids travel as ``extra`` fields. All that reaches a line was bounded,
redacted and escaped first, because parts of it were written by whoever called, wrote or filled in a form.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import quote

MAX_MESSAGE = 8_192
"""Characters of one message."""
MAX_FIELD = 2_048
"""Characters of one extra field."""
MAX_FIELDS = 40
"""Extra fields of one record."""
MAX_TRACEBACK = 16_384
"""Characters of one traceback; its end is kept, where the error is named."""
WINDOW = 65_536
"""Characters searched for secrets before a text is cut to its bound: a cut through a secret would hide it."""
MIN_SECRET = 4
"""A configured secret shorter than this is no word to search for: half of the log would be stars."""

REDACTED = "***"

_NOISY = {"mail.log": logging.WARNING, "alembic": logging.WARNING, "aiohttp.access": logging.WARNING}
"""Libraries that tell every step at INFO; ``level = "debug"`` lets them speak."""

_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SECRET_KEY = re.compile(r"secret|passw|passphrase|token|api_?key|authorization|cookie|credential", re.IGNORECASE)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)([\"']?\s*[:=]\s*)[^\r\n]+", re.IGNORECASE), r"\1\2***"),
    (re.compile(r"\b(bearer|basic)(\s+)[\w\-.~+/=]{6,}", re.IGNORECASE), r"\1\2***"),
    (re.compile(r"(://[^\s/:@]{0,256}:)[^\s/@]{1,512}@"), r"\1***@"),
    (
        re.compile(
            r"((?:secret|password|passwd|passphrase|token|api[_-]?key|access[_-]?key|signature)[\"']?\s{0,3}[=:]\s{0,3})"
            r"(\"[^\"]{0,2048}\"|'[^']{0,2048}'|[^\s&;,\"')}\]]{1,2048})",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(r"(agi://[^\s/]{1,300}/)[^\s/]{1,300}", re.IGNORECASE), r"\1***"),
    (re.compile(r"(/rest/\d{1,9}/)[\w\-]{8,128}"), r"\1***"),  # Bitrix24's incoming webhook: the path is the password
    (re.compile(r"(/(?:setup|invite|reset)/)[\w\-]{16,128}"), r"\1***"),  # our own one-time links
)

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""What can forge a line or its look: C0, C1, line separators, bidirectional and invisible signs, surrogates."""


def configure(
    *, level: str = "info", style: str = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send the root logger to ``stream`` (default: standard error), in place of whatever handled it before.

    ``level``: debug, info, warning, error. ``style``: human, json, or auto (human on a terminal).
    """
    output = sys.stderr if stream is None else stream
    human = style == "human" or (style == "auto" and output.isatty())
    redactor = Redactor(secrets)
    handler = SafeHandler(output)
    handler.setFormatter(HumanFormatter(redactor) if human else JsonFormatter(redactor))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, SafeHandler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name, quiet in _NOISY.items():
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else quiet)
    logging.captureWarnings(True)


class Redactor:
    """Replaces known secrets and whatever looks like one by stars."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= MIN_SECRET for form in _spellings(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def _spellings(secret: str) -> set[str]:
    """The secret as it also appears: in a URL, in JSON, in a Python repr, in base64."""
    return {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode("utf-8", "replace")).decode("ascii").rstrip("="),
    }


def escape_controls(text: str) -> str:
    r"""``a\nb`` as the four signs ``a\nb``, so that nobody outside writes a line of our log or moves the cursor."""
    return _UNSAFE.sub(lambda match: _escaped(match.group()), text)


def _escaped(sign: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign)
    return short or (f"\\u{ord(sign):04x}")


def bounded(text: str, limit: int) -> str:
    """``text``, or its beginning and how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more characters)"


class SafeHandler(logging.StreamHandler[TextIO]):
    """A stream handler whose own failure neither stops the program nor prints what could not be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The stream is closed or full: there is nobody to tell. (logging's own version prints the raw arguments.)"""


class SafeFormatter(logging.Formatter):
    """What both formats share: message, extra fields and traceback, bounded and redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor

    def sentence(self, record: logging.LogRecord) -> str:
        """The message; arguments that do not fit the text are a fault of ours that must not lose the record."""
        try:
            text = record.getMessage()
        except Exception as error:  # any object may stand in the arguments, with any __str__
            text = f"{record.msg} (its arguments do not fit: {type(error).__name__})"
        return self._clean(text, MAX_MESSAGE)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The extra fields: numbers and booleans as they are, everything else as text."""
        extra = {name: value for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES}
        return {name: self._field(name, value) for name, value in list(extra.items())[:MAX_FIELDS]}

    def _field(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SECRET_KEY.search(name):
            return REDACTED
        return self._clean(_as_text(value), MAX_FIELD)

    def trace(self, record: logging.LogRecord) -> str:
        """The traceback, or an empty text."""
        if not record.exc_info or record.exc_info[1] is None:
            return self._clean(record.exc_text or "", MAX_TRACEBACK)
        text = self._redact("".join(traceback.format_exception(record.exc_info[1], limit=-30))[-WINDOW:].rstrip())
        hidden = len(text) - MAX_TRACEBACK
        return f"({hidden} characters left out) ...{text[-MAX_TRACEBACK:]}" if hidden > 0 else text

    def _clean(self, text: str, limit: int) -> str:
        return bounded(self._redact(text[:WINDOW]) + text[WINDOW : WINDOW + 1], limit)


class HumanFormatter(SafeFormatter):
    """``12:30:05 WARNING telephony.connector The PBX closed the connection.  action=ami_lost pbx=office``"""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        room = record.name.removeprefix("gateway.")
        fields = "".join(f" {name}={_bare(str(value))}" for name, value in self.fields(record).items())
        line = f"{moment} {record.levelname:<7} {escape_controls(room)}: {escape_controls(self.sentence(record))}"
        line += " " + fields if fields else ""
        # each line of a traceback is marked, so that the text of an exception can't pass for a line of the log
        return "\n  | ".join([line, *(escape_controls(part) for part in self.trace(record).splitlines())])


class JsonFormatter(SafeFormatter):
    """One object a line: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, the extra fields, ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.sentence(record),
        }
        entry.update((name, value) for name, value in self.fields(record).items() if name not in entry)
        if trace := self.trace(record):
            entry["error"] = trace
        # json escapes C0 itself; the other unsafe signs get the escape that JSON has for them
        return escape_controls(json.dumps(entry, ensure_ascii=False, default=str))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, Mapping):
            value = {key: REDACTED if _SECRET_KEY.search(str(key)) else item for key, item in value.items()}
        return str(value)
    except Exception as error:  # a foreign __str__ must not lose the record
        return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"


def _bare(text: str) -> str:
    """A value after ``name=``; in quotes where a blank or a quote would make it ambiguous."""
    safe = escape_controls(text)
    return f'"{safe.replace(chr(34), chr(92) + chr(34))}"' if not safe or re.search(r'[\s"=]', safe) else safe
