"""What must hold of whatever a reader makes of strange bytes."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from selectolax.lexbor import LexborHTMLParser

from gateway.telephony.record import CallRecord
from gateway.telephony.tracker.labels import Facts, label

HARMLESS_SCHEMES = ("http:", "https:", "mailto:", "tel:")
HARMLESS_ATTRIBUTES = {"href", "title", "rel", "colspan", "rowspan", "start", "src", "alt", "width", "height", "align"}
DANGEROUS_TAGS = (
    "script, style, svg, math, iframe, object, embed, form, input, button, link, meta, base, template, noscript, "
    "video, audio, source, textarea, select, frame, frameset, applet, dialog, portal"
)

_IGNORED = re.compile(r"^[\x00-\x20]+|[\t\r\n]")
"""What browsers take out of an address before they look for its scheme (URL standard, section 4.4)."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def no_fault_is_logged() -> Iterator[None]:
    """Several readers survive a fault of ours and log it: to the fuzzer it is one all the same."""
    handler, root = _Errors(), logging.getLogger("gateway")
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
    for record in handler.records:
        if record.exc_info and record.exc_info[1] is not None:
            raise AssertionError(record.getMessage()) from record.exc_info[1]
        raise AssertionError(record.getMessage())


def assert_storable(value: Any) -> None:
    """No text anywhere inside that PostgreSQL or a JSON document would refuse: NUL, halves of surrogate pairs."""
    try:
        if b"\\u0000" not in msgspec.json.encode(value):
            return  # nearly always, and ten times as quick as to walk through it
    except (UnicodeEncodeError, TypeError):
        pass  # the walk says where, or that it is fine
    _walk(value, "")


def _walk(value: Any, place: str) -> None:
    if isinstance(value, str):
        assert "\0" not in value, place
        value.encode("utf-8")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _walk(name, place)
            _walk(inner, f"{place}.{name}")
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            _walk(inner, place)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _walk(getattr(value, field.name), f"{place}.{field.name}")


def assert_a_call(record: CallRecord) -> None:
    """A record that fits itself, and whose stored facts give the same labels again."""
    text = json.dumps({**record.as_json(), "facts": record.facts})
    assert label(Facts.from_json(json.loads(text)["facts"])) == (record.outcome, record.missed_reason)
    assert (record.outcome == "answered") is record.answered
    assert (record.missed_reason is not None) is (record.outcome == "missed")
    assert record.answered_at is None or record.started_at <= record.answered_at
    assert record.ended_at is None or record.started_at <= record.ended_at
    assert record.talk_seconds is None or record.talk_seconds >= 0
    assert record.wait_seconds is None or record.wait_seconds >= 0


def assert_harmless(html: str) -> None:
    """Read as a browser reads it, nothing of it runs, loads or sends anything."""
    for node in LexborHTMLParser(html).css("*"):
        tag = node.tag or ""
        assert not node.css_matches(DANGEROUS_TAGS), tag
        for name, value in node.attributes.items():
            assert name in HARMLESS_ATTRIBUTES, f"{tag} {name}"
            address = _IGNORED.sub("", value or "").lower()
            scheme = _SCHEME.match(address)
            if name == "href" and scheme is not None:
                assert scheme[0] in HARMLESS_SCHEMES, address
            if name == "src":
                assert address.startswith("data:image/"), address
