"""Sentences for people that whoever shows them can translate; English where nobody does."""

from __future__ import annotations

from collections.abc import Mapping


class Said(str):
    """``Said("%(host)s did not answer within %(seconds)s s", host=host, seconds=20)``: that text, in English.

    A program that shows it in another language looks ``message`` up in a catalogue of its own and puts ``values`` in.
    """

    __slots__ = ("message", "values")

    message: str
    """With its places: ``%(host)s``."""
    values: Mapping[str, object]
    """What stands in them; another Said is translated too."""

    def __new__(cls, message: str, /, **values: object) -> Said:
        said = super().__new__(cls, message % values if values else message)
        said.message, said.values = message, values
        return said
