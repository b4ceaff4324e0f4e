"""Templates to answers: one Jinja environment a language, everything escaped."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket

from gateway.core.clock import Clock
from gateway.core.states import state_name
from gateway.delivery.crmwords import crm_words
from gateway.web.access import VIEWER
from gateway.web.guard import form_token, session_info
from gateway.web.masking import OURS
from gateway.web.pages.assets import Assets
from gateway.web.pages.formats import Formats, duration, excerpt, machine_time, moment, number, safe_link, size, span
from gateway.web.pages.languages import LANGUAGES, language_of, load_translations
from gateway.web.pages.menu import sections
from gateway.web.pages.texts import install
from gateway.web.pages.words import Words
from gateway.web.problems import Refused, phrase
from gateway.web.settings import LocaleSettings


class Renderer:
    """Renders the templates of ``gateway/web/templates``."""

    def __init__(self, locale: LocaleSettings, assets: Assets, clock: Clock) -> None:
        self._locale = locale
        self._clock = clock
        compiled = _Compiled()
        self._environments = {code: self._environment(code, assets, compiled) for code in LANGUAGES}

    async def warm(self) -> None:
        """Compile all templates, beside all else: the first to open a page would wait 50 to 200 ms for it."""
        for environment in self._environments.values():
            for name in environment.list_templates():
                await asyncio.to_thread(environment.get_template, name)

    def page(
        self, request: web.Request, template: str, *, status: int = 200, told: str | None = None, **context: Any
    ) -> web.Response:
        """The page for whoever sent ``request``, in their language. ``told``: a sentence above it, translated."""
        language = language_of(request, self._locale.language)
        viewer = request.get(VIEWER)
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                language=language,
                languages=LANGUAGES,
                session=session_info(request),
                csrf=form_token(request),
                here=request.path_qs,
                path=request.path,
                viewer=viewer,
                sections=sections(viewer) if viewer else [],
                told=told,
                now=self._clock.now(),
                **context,
            )
        )
        response = web.Response(
            text=text,
            status=status,
            content_type="text/html",
            headers={"Vary": "Accept-Encoding, Accept-Language, Cookie"},
        )
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)  # done last, so that masking still finds the text
        response[OURS] = True
        return response

    def words(self, request: web.Request) -> Words:
        """The language of whoever sent ``request``, for texts that are made before the template."""
        language = language_of(request, self._locale.language)
        return Words(texts=load_translations(language), locale=Locale.parse(language))

    def error_page(self, request: web.Request, refused: Refused) -> web.Response:
        """What went wrong, for a person."""
        page = self.page(request, "error.html", status=refused.status, error=refused, title=phrase(refused.status))
        page.headers.update(refused.headers)
        return page

    def _environment(self, language: str, assets: Assets, compiled: BytecodeCache) -> Environment:
        environment = Environment(
            loader=PackageLoader("gateway.web", "templates"),
            bytecode_cache=compiled,
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        translations = load_translations(language)
        install(environment, translations)
        formats = Formats(Locale.parse(language), ZoneInfo(self._locale.timezone))
        environment.globals["asset"] = assets.address
        environment.filters.update(
            when=formats.when,
            full=formats.full,
            day=formats.day,
            clock=formats.clock,
            money=formats.money,
            machine_time=machine_time,
            span=span,
            moment=moment,
            duration=partial(duration, gettext=translations.gettext),
            size=size,
            number=number,
            excerpt=excerpt,
            safe_link=safe_link,
            said=lambda sentence: sentence.said(translations),  # not Sentence.said: there are several kinds
            crm_words=lambda text: crm_words(text).said(translations),
            state_name=lambda state: state_name(state).said(translations),
        )
        return environment


class _Compiled(BytecodeCache):
    """Templates are compiled once, not once a language."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what is kept of the template, if its source is still the same."""
        code = self._kept.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._kept[bucket.key] = bucket.bytecode_to_string()
