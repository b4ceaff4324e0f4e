"""Settings of the forms: ``[[form]]`` of the configuration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.webforms.controls import CAPTCHA
from gateway.webforms.presets import PRESET_NAMES

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SITE_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_FILE_TYPE = re.compile(r"[a-z0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


VERIFIERS = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "smartcaptcha": "https://smartcaptcha.yandexcloud.net/validate",
}
"""Where each provider checks a visitor's token."""
MAX_WORK = 5_000_000
"""Hashes: above, a telephone takes most of a minute."""


CAPTCHA_SITES = {
    "turnstile": ("https://challenges.cloudflare.com",),
    "hcaptcha": ("https://hcaptcha.com", "https://*.hcaptcha.com"),
    "smartcaptcha": ("https://smartcaptcha.yandexcloud.net",),
}
"""What the page of a form must be allowed to load for each provider's widget, as each documents it."""


class CaptchaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A captcha that the form's page shows, and whose token is checked with its provider."""

    provider: str
    """``turnstile``, ``hcaptcha`` or ``smartcaptcha``."""
    secret: str
    """The server key."""
    site_key: str = ""
    """The key for browsers: with it our own page of the form shows the captcha. Empty: your page shows it."""
    on_outage: Literal["accept", "spam"] = "accept"
    """What becomes of a submission while the provider can't be asked: a lead with a remark, or spam."""
    url: str = ""
    """Where tokens are checked; empty: the provider's own address."""

    def __post_init__(self) -> None:
        if self.provider not in VERIFIERS:
            raise ValueError(f'provider = "{self.provider}" is unknown: there are {", ".join(VERIFIERS)}')
        if not self.secret:
            raise ValueError("secret is empty: it is the server key of the captcha")
        if self.site_key and not _SITE_KEY.fullmatch(self.site_key):
            raise ValueError(f'site_key = "{self.site_key}" must be 1 to 200 of the characters A-Z a-z 0-9 _ - .')
        if self.url and urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f'url = "{self.url}" must be a whole address, like {VERIFIERS[self.provider]}')

    def __repr__(self) -> str:
        return f"CaptchaSettings(provider={self.provider!r}, on_outage={self.on_outage!r})"

    @property
    def address(self) -> str:
        """Where tokens are checked."""
        return self.url or VERIFIERS[self.provider]

    @property
    def sites(self) -> tuple[str, ...]:
        """What a page that shows the widget must be allowed to load."""
        return CAPTCHA_SITES[self.provider]

    @property
    def field(self) -> str:
        """The field of the form in which the token comes."""
        return CAPTCHA[self.provider]


class CrmAccess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the answers of a lead are fetched, when a CRM's webhook tells only its number."""

    vendor: Literal["bitrix24", "amocrm", "hubspot"]
    """Whose webhooks come to this form."""
    url: str = ""
    """Bitrix24: its incoming webhook (``https://x.bitrix24.ru/rest/1/CODE/``, right: crm). amoCRM: the account
    (``https://x.amocrm.ru``). HubSpot: empty."""
    token: str = ""
    """amoCRM: a long-lived token. HubSpot: the private app's access token. Bitrix24: none, it is in the address."""

    def __post_init__(self) -> None:
        if self.url and (urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc):
            raise ValueError("url must be a whole address, like https://example.amocrm.ru")
        if not self.url and self.vendor != "hubspot":
            raise ValueError(f"url is missing: {self.vendor} has an address for each customer")
        if not self.token and self.vendor != "bitrix24":
            raise ValueError(f"token is missing: without it {self.vendor} tells nothing")

    def __repr__(self) -> str:
        """The vendor only: address and token let one read the CRM."""
        return f"CrmAccess(vendor={self.vendor!r})"

    __str__ = __repr__


MIN_SPAM_WORD = 3


class FormSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One form, or one site builder's hook: whatever posts to ``/f/KEY``."""

    key: str
    """The last part of the address to post to. Whoever knows it may post, so a long random one keeps bots away."""
    name: str = ""
    """How people call it; empty: its key."""
    preset: str = ""
    """Which builder posts here (``tilda``, ``elementor``, ...). Empty: told by the shape of what comes."""
    mapping: Mapping[str, str] = {}
    """For a sender of no known shape: what an answer is, to where it stands: ``{phone = "client.phones.0"}``."""
    secret: str = ""
    """What proves the sender: the key it signs with, or a word it sends along. Without the proof: 403."""
    previous_secret: str = ""
    """The secret before this one, still accepted while the sender is being changed over."""
    previous_keys: tuple[str, ...] = ()
    """Former keys, whose addresses go on working until they are removed here."""
    redirect: str = ""
    """Where a browser goes after an ordinary form was sent, for example ``https://example.com/thanks``."""
    origins: tuple[str, ...] = ()
    """Sites whose scripts may read the answer (``https://example.com``). Empty: any."""
    max_size: int = 8 << 20
    """Bytes of one submission with its files; more is answered 413."""
    max_files: int = 20
    """Files of one submission that are listed; the raw submission keeps all."""
    max_file_size: int = 8 << 20
    """Bytes of one file; a larger one stays in the raw submission only."""
    file_types: tuple[str, ...] = ()
    """Endings of files that are listed (``["pdf", "jpg"]``); others stay in the raw submission only. Empty: any."""
    body_seconds: float = 60
    """How long one submission may take to arrive."""
    per_minute: int = 600
    """Submissions a minute; more are kept in quarantine, answered 429, and open no lead."""
    per_address: int = 30
    """The same for one visitor's address. Browsers only: a builder's hook sends everything from one address."""

    honeypot: str = ""
    """A field of your form that people do not see: a submission that fills it in is spam, kept but no lead."""
    min_seconds: float = 0
    """Faster than this nobody fills in the form: then it is spam. Needs the snippet or our page. 0: no check."""
    proof_of_work: int = 0
    """Hashes that a browser must compute (50000 takes some tenths of a second); without them it is spam. 0: none."""
    captcha: CaptchaSettings | None = None
    """``{provider = "turnstile", secret = "..."}``: a submission without the captcha's token is spam."""
    content_rules: bool = True
    """Whether advertising is told by its words and links; it is spam then, kept but no lead."""
    spam_words: tuple[str, ...] = ()
    """Words of your own that make a message spam."""
    consent: str = ""
    """Text beside the box that must be ticked on our own page of the form; empty: no box."""
    silent_days: float = 0
    """So many days without a submission are an alarm in /health: the site may have lost its form. 0: no alarm."""
    graph_token: str = ""
    """Meta Lead Ads: the page's access token, with which the answers of a lead are fetched from Graph."""
    graph_url: str = "https://graph.facebook.com/v24.0"
    """Meta's Graph API."""
    crm: CrmAccess | None = None
    """``{vendor = "amocrm", url = "...", token = "..."}``: where the answers are fetched when only a number comes."""

    def __post_init__(self) -> None:
        for key in (self.key, *self.previous_keys):
            if not _KEY.fullmatch(key):
                field = "key" if key == self.key else "previous_keys"
                raise ValueError(f'{field} = "{key}" must be 1 to 64 of the characters A-Z a-z 0-9 _ -')
        for field in ("max_size", "max_files", "max_file_size", "body_seconds", "per_minute", "per_address"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} = {getattr(self, field)} must be greater than zero")
        if self.preset and self.preset not in PRESET_NAMES:
            nearest = difflib.get_close_matches(self.preset, PRESET_NAMES, n=1)
            meant = f', did you mean "{nearest[0]}"?' if nearest else ":"
            raise ValueError(f'preset = "{self.preset}" is unknown{meant} There are {", ".join(PRESET_NAMES)}')
        self._check_guards()
        self._check_redirect()
        for origin in self.origins:
            _check_origin(origin)

    def _check_guards(self) -> None:
        for field in ("min_seconds", "silent_days", "proof_of_work"):
            if getattr(self, field) < 0:
                raise ValueError(f"{field} = {getattr(self, field)} must not be below zero")
        if self.proof_of_work > MAX_WORK:
            raise ValueError(f"proof_of_work = {self.proof_of_work} takes a telephone too long: at most {MAX_WORK}")
        if self.mapping and self.preset:
            raise ValueError(f'mapping takes the place of preset = "{self.preset}": keep one of the two')
        for name, path in self.mapping.items():
            if not name or not path or "" in path.split("."):
                raise ValueError(f'mapping: {name} = "{path}" must be a path like client.phones.0')
        for ending in self.file_types:
            if not _FILE_TYPE.fullmatch(ending):
                raise ValueError(f'file_types: "{ending}" must be the ending of a name in small letters, like pdf')
        if any(len(word.strip()) < MIN_SPAM_WORD for word in self.spam_words):
            raise ValueError(f"spam_words must have at least {MIN_SPAM_WORD} letters: shorter ones are in many words")
        if urlsplit(self.graph_url).scheme not in ("http", "https"):
            raise ValueError(f'graph_url = "{self.graph_url}" must be a whole address')

    def _check_redirect(self) -> None:
        if not self.redirect:
            return
        parts = urlsplit(self.redirect)
        absolute = parts.scheme in ("http", "https") and parts.netloc
        local = self.redirect.startswith("/") and not self.redirect.startswith("//")
        if _CONTROL.search(self.redirect) or not (absolute or local):
            raise ValueError(f'redirect = "{self.redirect}" must be a whole address, like https://example.com/thanks')

    def __repr__(self) -> str:
        """Key and name; the struct's own would show the secrets."""
        return f"FormSettings(key={self.key!r}, name={self.name!r}, preset={self.preset!r})"

    __str__ = __repr__

    @property
    def guarded(self) -> bool:
        """Whether a submission must show that a person sent it."""
        return self.min_seconds > 0 or self.proof_of_work > 0 or self.captcha is not None

    @property
    def title(self) -> str:
        """The name that people see."""
        return self.name or self.key


EMBEDDED_FORMS = (FormSettings(key="site"),)
"""The forms of a gateway without configuration: one, so that a first submission needs no set-up."""


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != origin:
        raise ValueError(f'origins: "{origin}" must be scheme and host only, like https://example.com')
