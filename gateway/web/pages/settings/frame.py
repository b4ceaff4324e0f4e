"""What the pages of the administration share: their menu, who does something, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiohttp import web
from sqlalchemy import Connection

from gateway.core.by import By
from gateway.core.errors import NotFound, StoreUnavailable
from gateway.core.sentences import Sentence
from gateway.web.access import Right, viewer_of
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused

T = TypeVar("T")


def _(msgid: str) -> str:
    """Marks a text for translation; the template translates it."""
    return msgid


MENU: tuple[tuple[str, str], ...] = (
    ("/settings", _("Overview")),
    ("/settings/guide", _("First steps")),
    ("/settings/sources", _("Sources")),
    ("/settings/crm", _("CRM deliveries")),
    ("/settings/letters", _("Outgoing letters")),
    ("/settings/people", _("People")),
    ("/settings/hours", _("Hours and rules")),
    ("/settings/access", _("Sessions and tokens")),
    ("/settings/log", _("Log of deeds")),
)

TOLD: Mapping[str, str] = {
    "changed": _("It was changed."),
    "added": _("It was added."),
    "removed": _("It was taken back."),
    "locked": _("They can't sign in any more; their sessions have ended."),
    "unlocked": _("They can sign in again."),
    "revoked": _("It has ended."),
    "retried": _("It is tried again now."),
    "dropped": _("It is not sent any more."),
    "held": _("Nothing is sent there until it is released."),
    "released": _("It is sent again."),
    "replayed": _("It was read again; contact and lead follow within seconds."),
    "unchanged": _("It was read again: nothing is different."),
    "password": _("Your password was changed; your other sessions have ended."),
    "factor_off": _("The second factor is off."),
}


class Frame:
    """Renders the pages and runs what they do."""

    def __init__(self, means: PageMeans) -> None:
        self.means = means

    def page(
        self,
        request: web.Request,
        template: str,
        *,
        status: int = 200,
        fault: str | Sentence | None = None,
        **context: Any,
    ) -> web.Response:
        """A page of the administration. ``fault``: a sentence of the catalogue, or of a room."""
        texts = self.means.renderer.words(request).texts
        sentence = TOLD.get(request.query.get("done", ""))
        return self.means.renderer.page(
            request,
            template,
            status=status,
            told=texts.gettext(sentence) if sentence and not fault else None,
            fault=fault.said(texts) if isinstance(fault, Sentence) else texts.gettext(fault) if fault else None,
            settings_menu=MENU,
            may_administer=viewer_of(request).may(Right.ADMINISTER),
            may_lead=viewer_of(request).may(Right.LEAD),
            zone=self.means.locale.timezone,
            **context,
        )

    def by(self, request: web.Request) -> By:
        """Whoever sent the form, for the log of deeds."""
        viewer = viewer_of(request)
        return By(actor=viewer.actor, manager_id=viewer.manager_id, at=self.means.clock.now(), new_id=self.means.new_id)

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Do it in a transaction. What is not there is 404; other refusals of rooms go to the page."""
        try:
            done = await self.means.store.write(unit)
        except StoreUnavailable:
            raise
        except NotFound as error:
            raise Refused(404, error.code, error.sentence) from None
        self.means.after_write()
        return done

    async def read(self, query: Callable[[Connection], T]) -> T:
        """What is not there is 404."""
        try:
            return await self.means.store.read(query)
        except NotFound as error:
            raise Refused(404, error.code, error.sentence) from None


def path_id(request: web.Request, name: str = "id") -> str:
    """An id of the path; one with a NUL names nothing."""
    value = request.match_info[name]
    if "\x00" in value:
        raise Refused(404, "not_found", "There is nothing with this id.")
    return value


def number_of(text: str) -> int:
    """A row's number out of an address or a form. Raises Refused (404) for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused(404, "not_found", "There is nothing with this id.")
    return int(text)


def text_of(form: Mapping[str, str], name: str, most: int = 200) -> str | None:
    """A field without the spaces around it; None where nothing was typed."""
    return form.get(name, "").strip()[:most] or None


def done(path: str, word: str) -> web.HTTPSeeOther:
    """Back to a page, which tells ``TOLD[word]``."""
    return web.HTTPSeeOther(f"{path}?done={word}")
