"""The adapter ``csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.csv.rows import COLUMNS, Rows
from crm_adapter.files import DayFiles, read_settings
from crm_adapter.mapping import Template
from crm_adapter.options import BadOption, Options

DELIMITERS = (",", ";", "\t")
csv.field_size_limit(16 * 1024 * 1024)  # our own column ``data`` may be longer than the module's 128 kB


def build(options: Mapping[str, Any], context: Context) -> DayFiles:  # noqa: ARG001 - every adapter's signature
    """Options: ``folder``, ``prefix``, ``timezone``, ``timeout``, ``delimiter``, ``excel``, ``columns``."""
    reader = Options(options)
    settings = read_settings(reader)
    delimiter = reader.choice("delimiter", ",", DELIMITERS)
    bom = reader.flag("excel", default=False)
    columns = {name: _template(name, text) for name, text in reader.table("columns").items()}
    reader.finish()
    return DayFiles(settings, Rows(delimiter=delimiter, bom=bom, columns=columns))


def _template(name: str, text: Any) -> Template:
    if name in COLUMNS:
        raise BadOption(f"columns.{name}", "is a column that is there already")
    if not isinstance(text, str):
        raise BadOption(f"columns.{name}", 'must be a template in quotes, as "{source.utm.term}"')
    try:
        return Template(text)
    except ValueError as error:
        raise BadOption(f"columns.{name}", str(error)) from None
