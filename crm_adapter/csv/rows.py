"""Events as rows (RFC 4180). Pure.

A cell that a spreadsheet would take for a formula gets an apostrophe before it: names and texts come from strangers
(OWASP, "CSV injection"). Phone numbers in E.164 stay as they are: at worst they are shown as a number.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Event
from crm_adapter.mapping import Template
from crm_adapter.records import person_of

MESSAGE_ID, DATA = "message_id", "data"
FIXED: Mapping[str, Template] = {
    name: Template(path)
    for name, path in {
        "channel": "{channel}",
        "direction": "{direction}",
        "status": "{status}",
        "stage": "{stage}",
        "outcome": "{outcome}",
        "line": "{line}",
        "subject": "{subject}",
        "text": "{text}",
        "manager": "{manager.name}",
        "wait_seconds": "{details.wait_seconds}",
        "talk_seconds": "{details.talk_seconds}",
        "source": "{source.name}",
        "page": "{source.page}",
        "utm_source": "{source.utm.source}",
        "utm_medium": "{source.utm.medium}",
        "utm_campaign": "{source.utm.campaign}",
        "created_at": "{created_at}",
        "occurred_at": "{occurred_at}",
    }.items()
}
"""Columns and where their values are; a column that an event has nothing for is empty."""
COLUMNS = (MESSAGE_ID, "type", "timestamp", "id", "lead_id", "name", "phones", "emails", *FIXED, DATA)
"""All columns but those of the configuration, which come last."""
MOST_CELL = 32_000
"""Characters; Excel takes 32,767 of a cell. The column ``data`` is for programs, and is whole."""
BOM = "\ufeff"
"""What makes Excel read UTF-8."""

_PHONES = re.compile(r"\+[0-9]{5,15}(, \+[0-9]{5,15})*")
_FORMULA = tuple("=+-@＝＋－＠")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Rows:
    """Implements ``files.Format``."""

    suffix = ".csv"

    def __init__(
        self, *, delimiter: str = ",", bom: bool = False, columns: Mapping[str, Template] | None = None
    ) -> None:
        self._delimiter = delimiter
        self._bom = bom
        self._more = dict(columns or {})

    @property
    def head(self) -> bytes:
        """The names of the columns."""
        return ((BOM if self._bom else "") + self._join([*COLUMNS, *(cell(name) for name in self._more)])).encode()

    def line(self, event: Event) -> bytes:
        """One event."""
        data = event.data
        person = person_of(data)
        is_lead = event.type.startswith("lead.")
        values: list[Any] = [
            event.message_id,
            event.type,
            event.timestamp.isoformat(),
            data.get("id"),
            data.get("id") if is_lead else data.get("lead"),
            person.name if person else data.get("name"),
            person.phones if person else (),
            person.emails if person else (),
            *(template.render(data) for template in FIXED.values()),
        ]
        whole = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
        more = [cell(template.render(data)) for template in self._more.values()]
        cells = [*(cell(value) for value in values), _BREAKS.sub(" ", whole), *more]
        return self._join(cells).encode("utf-8", "replace")

    def message_id(self, line: bytes) -> str | None:
        """The first cell; None for the head and for a line of somebody else."""
        found = self._cells(line)
        return found[0] if found and found[0].removeprefix(BOM) != MESSAGE_ID else None

    def text(self, line: bytes) -> str:
        """All cells; among them ``data``, which is JSON."""
        return "\n".join(self._cells(line))

    def _cells(self, line: bytes) -> list[str]:
        try:
            return next(csv.reader([line.decode()], delimiter=self._delimiter), [])
        except (ValueError, csv.Error):
            return []

    def _join(self, cells: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=self._delimiter, lineterminator="\n").writerow(cells)
        return out.getvalue()


def cell(value: Any) -> str:
    """One value as text that no spreadsheet calculates, on one line."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = ", ".join(str(one) for one in value)
    elif isinstance(value, Mapping):
        value = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = _BREAKS.sub(" ", str(value))[:MOST_CELL]
    if text.lstrip().startswith(_FORMULA) and not _PHONES.fullmatch(text):
        return f"'{text}"
    return text
