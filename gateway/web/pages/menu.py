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
        if self.path == "/":
            return here == "/" or here.startswith("/callbacks")
        return here == self.path or here.startswith(self.path + "/")


SECTIONS: tuple[Section, ...] = (
    Section(path="/", label=_("Callbacks"), icon="back", handy=True),
    Section(path="/leads", label=_("Leads"), icon="inbox", handy=True),
    Section(path="/pipeline", label=_("Pipeline"), icon="columns"),
    Section(path="/tasks", label=_("Tasks"), icon="task", handy=True),
    Section(path="/calls", label=_("Calls"), icon="call", handy=True),
    Section(path="/contacts", label=_("Contacts"), icon="person"),
    Section(path="/documents", label=_("Documents"), icon="doc"),
    Section(path="/reports", label=_("Reports"), icon="chart"),
    Section(path="/settings", label=_("Settings"), icon="gear", right=Right.INSPECT),
)


def sections(viewer: Viewer) -> list[Section]:
    """What ``viewer`` may open."""
    return [section for section in SECTIONS if viewer.may(section.right)]
