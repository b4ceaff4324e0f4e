"""``[documents]`` of the configuration."""

from __future__ import annotations

import msgspec

MAX_COMPANY = 60


class DocumentsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Letters and documents made from templates."""

    templates: str = ""
    """Folder of the company's own templates, which come before those of the same name that Leadgate brings along;
    empty: ``templates`` in the data folder."""
    company: dict[str, str] = {}
    """What the templates say of the company: ``name``, ``address``, ``tax_id``, ``bank`` ... as they need it."""

    def __post_init__(self) -> None:
        if len(self.company) > MAX_COMPANY:
            raise ValueError(f"company has more than {MAX_COMPANY} entries")
        for key in self.company:
            if not key.isidentifier():
                raise ValueError(f"company: {key!r} can't be used in templates. Write letters, digits and _ only")
