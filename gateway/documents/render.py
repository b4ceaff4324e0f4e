"""Templates to HTML: Jinja in a sandbox, everything escaped, nothing read but the templates' own folder.

The number of a document is not known while it is rendered: it is given in the transaction that stores it, so that none
is lost. A mark that nobody can guess stands for it until then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from jinja2 import ChainableUndefined, FunctionLoader, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from gateway.core.money import digits
from gateway.core.phone import for_people
from gateway.documents.filling import Amount
from gateway.documents.library import Library
from gateway.documents.template import BadTemplate, Template

MAX_HTML = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A document but for its number, for which ``mark`` stands."""

    mark: str
    title: str
    subject: str
    message: str
    html: str

    def numbered(self, label: str) -> Rendered:
        """The same with its number; there is no mark in it any more."""
        texts = {name: getattr(self, name).replace(self.mark, label) for name in ("title", "subject", "message")}
        return replace(self, **texts, html=self.html.replace(self.mark, str(escape(label))))


class Rendering:
    """Renders templates of a library in one language."""

    def __init__(self, library: Library, language: str) -> None:
        self._language = language
        common = {
            "loader": FunctionLoader(library.part),
            "undefined": ChainableUndefined,  # what a contact has not is left blank
            "finalize": _or_blank,
            "trim_blocks": True,
            "lstrip_blocks": True,
        }
        self._pages = self._environment(autoescape=True, **common)
        self._texts = self._environment(autoescape=False, **common)

    def _environment(self, **options: Any) -> ImmutableSandboxedEnvironment:
        environment = ImmutableSandboxedEnvironment(**options)
        environment.filters["money"] = self.money
        environment.filters["number"] = self.number
        environment.filters["day"] = self.day
        environment.filters["lines"] = lines
        environment.filters["phone"] = phone
        return environment

    def document(self, template: Template, context: Mapping[str, Any]) -> Rendered:
        """All four texts. Raises BadTemplate."""
        head, mark = template.head, secrets.token_hex(16)
        values = {**context, "label": mark, "language": template.language}
        html = self._render(self._pages, template, "its HTML", template.html, values)
        if len(html) > MAX_HTML:
            raise BadTemplate("The template %(name)s gave more than 2 MB of HTML.", name=template.name)
        title = self._render(self._texts, template, "title", head.title, values)
        subject = self._render(self._texts, template, "subject", head.subject, values)
        message = self._render(self._texts, template, "message", head.message, values)
        return Rendered(
            mark=mark,
            title=" ".join(title.split()),
            subject=" ".join((subject or title).split()),
            message=message.strip(),
            html=html,
        )

    def default(self, template: Template, source: str, context: Mapping[str, Any]) -> str:
        """The default of a field. Raises BadTemplate."""
        return self._render(self._texts, template, "a default", source, context).strip()

    def _render(
        self, environment: ImmutableSandboxedEnvironment, template: Template, what: str, source: str, values: Any
    ) -> str:
        try:
            return environment.from_string(source).render(values)
        except (
            Exception
        ) as error:  # a slip in the template, or what it computes: a division by zero, a text plus a number
            name = f"{template.name}.{template.language}.html"
            where = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
            raise BadTemplate(
                "The template %(name)s: %(what)s can't be rendered%(where)s: %(why)s.",
                name=name,
                what=what,
                where=where,
                why=error,
            ) from None

    def money(self, amount: object) -> str:
        """``12 500,50 ₽``; nothing for no amount."""
        if not isinstance(amount, Amount):
            return ""
        value = Decimal(amount.units).scaleb(-digits(amount.currency))
        return str(format_currency(value, amount.currency, locale=self._language))

    def number(self, value: object) -> str:
        """``1 234,5``."""
        return str(format_decimal(value, locale=self._language)) if isinstance(value, int | Decimal) else ""

    def day(self, value: object) -> str:
        """``22 ноября 2026 г.``"""
        return str(format_date(value, format="long", locale=self._language)) if isinstance(value, date) else ""


def _or_blank(value: object) -> object:
    """What is not known is left blank."""
    return "" if value is None else value


def phone(number: object) -> str:
    """``+7 926 123-45-67``; what is no number in E.164 stays as it is."""
    return for_people(str(number or ""))


def lines(text: object) -> Markup:
    """A text of several lines in HTML, escaped."""
    return Markup("<br>").join(str(text or "").splitlines())  # which escapes what it joins
