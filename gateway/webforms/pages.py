"""What a visitor's browser is shown: the hosted page of a form, the answers to a plain post, the snippet's files.

Everything is in Russian and English. The pages hold no script or style of others and nothing inline.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO
from urllib.parse import urlsplit

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.webforms.settings import FormSettings

LANGUAGES = ("en", "ru")
_COMMENT = re.compile(r"(?:^\s*|(?<=[;{] ))// .*$")
"""A comment of the snippet: a line of its own, or behind the end of a statement."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served."""

    body: bytes
    content_type: str
    etag: str


def language_of(asked: str, accepted: str, default: str) -> str:
    """``?lang=ru``, else the browser's first known language (RFC 9110 section 12.5.4), else the default."""
    if asked in LANGUAGES:
        return asked
    tags = [part.partition(";")[0].strip() for part in accepted[:500].split(",")]
    found = negotiate_locale([tag for tag in tags if tag], LANGUAGES, sep="-")
    return found or (default if default in LANGUAGES else "en")


WIDGETS = {
    "turnstile": ("cf-turnstile", "https://challenges.cloudflare.com/turnstile/v0/api.js"),
    "hcaptcha": ("h-captcha", "https://js.hcaptcha.com/1/api.js"),
    "smartcaptcha": ("smart-captcha", "https://smartcaptcha.yandexcloud.net/captcha.js"),
}
"""Class of the element and address of the script, as each provider documents its widget."""


@dataclass(frozen=True, slots=True)
class Widget:
    """A captcha on the hosted page."""

    class_name: str
    script: str
    site_key: str


def widget_of(form: FormSettings) -> Widget | None:
    """The captcha of a form's own page; None where it has none."""
    if form.captcha is None or not form.captcha.site_key:
        return None
    return Widget(*WIDGETS[form.captcha.provider], form.captcha.site_key)


def form_page(form: FormSettings, language: str, token: str) -> str:
    """The hosted page: name, phone, mail, message."""
    return (
        _environment(language)
        .get_template("form.html")
        .render(form=form, language=language, title=form.title, token=token, widget=widget_of(form))
    )


def answer_page(status: int, language: str) -> str:
    """What a plain post is answered, for the person who sent it."""
    environment = _environment(language)
    say = _translations(language).gettext
    if status in (200, 422, 429):  # what is above the limit is kept, and looked at
        title, text = say("Thank you!"), say("We have received your request and will get in touch with you.")
    else:
        title = say("Your request was not sent")
        text = say(
            {
                413: "Please go back and send it without the files, or with smaller ones.",
                403: "This form can not be used. Please call us.",
            }.get(status, "Please go back and try again in a minute. What you have written is still there.")
        )
    return environment.get_template("answer.html").render(language=language, title=title, text=text)


def content_policy(form: FormSettings | None, *, embedded: bool, asking: bool = False) -> str:
    """Content-Security-Policy of a page. In a frame it works on the form's own sites only.

    ``asking``: the page with the form itself. Where that shows a captcha, it is open to its provider and no further.
    ``form-action`` also rules where the answer may lead (CSP level 3, in Chromium), so the redirect's site is named.
    """
    ancestors = " ".join(form.origins) if form is not None and embedded and form.origins else "'none'"
    target = ""
    if form is not None and form.redirect.startswith(("http://", "https://")):
        parts = urlsplit(form.redirect)
        target = f" {parts.scheme}://{parts.netloc}"
    vendor, frames = "", ""
    if asking and form is not None and form.captcha is not None and form.captcha.site_key:
        vendor = "".join(f" {site}" for site in form.captcha.sites)
        frames = f"frame-src{vendor}; "
    return (
        f"default-src 'none'; script-src 'self'{vendor}; style-src 'self'{vendor}; connect-src 'self'{vendor}; "
        f"{frames}worker-src blob:; form-action 'self'{target}; base-uri 'none'; frame-ancestors {ancestors}"
    )


@cache
def static_file(name: str) -> StaticFile:
    """A file of ``static``: ``work.js``, ``page.css``."""
    body = resources.files("gateway.webforms").joinpath("static", name).read_bytes()
    return _served(body, "text/css" if name.endswith(".css") else "text/javascript")


@cache
def snippet(guarded: bool) -> StaticFile:
    """The snippet, without comments and indents: it is on every page of a site."""
    source = resources.files("gateway.webforms").joinpath("static", "snippet.js").read_text(encoding="utf-8")
    lines = (_COMMENT.sub("", line).strip() for line in source.splitlines())
    text = "\n".join(["// Leadgate", *(line for line in lines if line)])
    return _served(text.replace("GUARDED = true;", f"GUARDED = {str(guarded).lower()};").encode(), "text/javascript")


def _served(body: bytes, content_type: str) -> StaticFile:
    return StaticFile(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.webforms", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["_"] = _translations(language).gettext
    return environment


@cache
def _translations(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    catalogue = resources.files("gateway.webforms").joinpath("locale", f"{language}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(catalogue), locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
