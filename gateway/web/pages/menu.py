"""The sections of the pages, in the order in which a day needs them. A section is shown to those who may open it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.web.access import Right, Viewer


def _(msgid: str) -> str:
    """Marks a text for translation; the template translates it."""
    return msgid


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One entry of the menu."""

    path: str
    label: str
    icon: str
    right: Right = Right.SEE
    handy: bool = False
    """Within reach of the thumb on a phone; the others are behind "More"."""

    def is_open(self, here: str) -> bool:
        """Whether the page at the path ``here`` is in this section."""
        return here == self.path or (self.path != "/" and here.startswith(self.path + "/"))


SECTIONS: tuple[Section, ...] = (Section(path="/", label=_("Leads"), icon="form", handy=True),)


def sections(viewer: Viewer) -> list[Section]:
    """What ``viewer`` may open."""
    return [section for section in SECTIONS if viewer.may(section.right)]
