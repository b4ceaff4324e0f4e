"""What the label of an answer means, in Russian and English. Tables, asked in order; the first that fits wins."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Meaning(StrEnum):
    """What an answer is. ``OTHER`` is what the visitor filled in and no rule knows."""

    NAME = "name"
    FIRST_NAME = "first_name"
    MIDDLE_NAME = "middle_name"
    LAST_NAME = "last_name"
    PHONE = "phone"
    EMAIL = "email"
    COMPANY = "company"
    MESSAGE = "message"
    SUBJECT = "subject"
    CONTACT = "contact"
    """A phone or an address, whichever the visitor liked."""
    CONSENT = "consent"
    UTM = "utm"
    CLICK_ID = "click_id"
    PAGE = "page"
    REFERER = "referer"
    COOKIES = "cookies"
    SOURCEBUSTER = "sourcebuster"
    """A cookie of the sbjs library, sent as a field."""
    IP = "ip"
    USER_AGENT = "user_agent"
    SERVICE = "service"
    """The builder's own control field: of no interest to people."""
    OTHER = "other"

    @property
    def filled_in(self) -> bool:
        """True for what the visitor filled in, rather than what was sent along."""
        return self not in SENT_ALONG


SENT_ALONG = frozenset(
    {Meaning.UTM, Meaning.CLICK_ID, Meaning.PAGE, Meaning.REFERER, Meaning.COOKIES, Meaning.SOURCEBUSTER, Meaning.IP,
     Meaning.USER_AGENT, Meaning.SERVICE}
)  # fmt: skip
"""What came with the answers, but not from the visitor."""

CLICK_IDS = {
    "gclid": "gclid", "wbraid": "wbraid", "gbraid": "gbraid", "yclid": "yclid", "ymclid": "ymclid", "fbclid": "fbclid",
    "msclkid": "msclkid", "ttclid": "ttclid", "ym_uid": "ym_uid", "_ym_uid": "ym_uid", "metrika_client_id": "ym_uid",
    "ga": "ga", "_ga": "ga", "ga_client_id": "ga", "roistat": "roistat", "roistat_visit": "roistat",
    "rb_clickid": "rb_clickid", "_openstat": "openstat",
}  # fmt: skip
"""Field, cookie or query names of the ids that advertisers recognise a click or visitor by, and our name of each."""

_UTM = re.compile(r"(?:^|[._])utm[._]([a-z]+(?:_[a-z]+)*)$")
_EXACT = {
    **dict.fromkeys(CLICK_IDS, Meaning.CLICK_ID),
    **dict.fromkeys(
        ("page", "page_url", "pageurl", "url", "href", "location", "source_url", "current_url", "page url", "страница",
         "адрес страницы", "url страницы"),
        Meaning.PAGE,
    ),
    **dict.fromkeys(("referer", "referrer", "http_referer", "document_referrer", "реферер"), Meaning.REFERER),
    **dict.fromkeys(("cookies", "cookie"), Meaning.COOKIES),
    **dict.fromkeys(("ip", "remote_ip", "ip_address", "user_ip"), Meaning.IP),
    **dict.fromkeys(("user_agent", "useragent", "user agent"), Meaning.USER_AGENT),
    **dict.fromkeys(
        ("_gotcha", "_next", "_redirect", "_charset_", "_token", "csrf_token", "csrfmiddlewaretoken",
         "authenticity_token", "_wpnonce", "_wp_http_referer", "g-recaptcha-response", "h-captcha-response",
         "cf-turnstile-response", "smart-token", "bot-field", "submit",
         "redirect"),
        Meaning.SERVICE,
    ),
    **dict.fromkeys(("contact", "контакт", "контакты", "контактные данные", "связь"), Meaning.CONTACT),
    **dict.fromkeys(("номер", "contact_number", "contact number"), Meaning.PHONE),
}  # fmt: skip

_CAMEL = re.compile(r"([a-zа-яё])([A-ZА-ЯЁ])")
_WORD = re.compile(r"[a-zа-яё]+")
_CONSENT_STEMS = ("соглас", "персональн", "политик", "конфиденциальн", "оферт")

_PHONE_WORDS = (
    "phone phones tel telephone mobile cell cellphone phonenumber whatsapp viber msisdn телефон телефона телефоны тел "
    "моб мобильный сотовый ватсап"
)
_COMPANY_WORDS = "company organization organisation firm компания компании организация организации фирма"
_NOT_A_PERSON = "form file product project item event course site page quiz domain campaign формы товара файла"
_MESSAGE_WORDS = (
    "message msg comment comments question text textarea enquiry inquiry request description details notes сообщение "
    "сообщения комментарий комментарии вопрос текст запрос описание пожелания пожелание"
)
_RULES: tuple[tuple[Meaning, frozenset[str], frozenset[str]], ...] = tuple(
    (meaning, frozenset(words.split()), frozenset(unless.split()))
    for meaning, words, unless in (
        (Meaning.CONSENT, "agree consent gdpr acceptance privacy", ""),
        (Meaning.EMAIL, "email emails mail почта почты почту емейл емайл имейл имэйл эмейл мейл", "индекс"),
        (Meaning.PHONE, _PHONE_WORDS, "модель марка model brand"),
        (Meaning.COMPANY, _COMPANY_WORDS, ""),
        (Meaning.LAST_NAME, "lastname lname surname фамилия", ""),
        (Meaning.MIDDLE_NAME, "middlename patronymic отчество", ""),
        (Meaning.FIRST_NAME, "firstname fname", ""),
        (Meaning.NAME, "name fullname username имя имени фио fio зовут обращаться", _NOT_A_PERSON),
        (Meaning.SUBJECT, "subject тема", ""),
        (Meaning.MESSAGE, _MESSAGE_WORDS, ""),
    )
)
"""Meaning, words of which one must be in the label, words of which none may be."""
_NAME_PARTS = {"first": Meaning.FIRST_NAME, "given": Meaning.FIRST_NAME, "middle": Meaning.MIDDLE_NAME,
               "last": Meaning.LAST_NAME, "family": Meaning.LAST_NAME, "sur": Meaning.LAST_NAME}  # fmt: skip
MAX_WORDS = 8
"""A longer label is a question of its own ("In what city do you have your company?"), and its answer stays one."""


@lru_cache(maxsize=4096)  # the same few labels come all day
def meaning_of(label: str) -> Meaning:
    """``Ваше имя *`` -> NAME, ``tel-123`` -> PHONE, ``utm_source`` -> UTM, ``Город`` -> OTHER."""
    canonical = label.strip().strip("*: ").lower()
    exact = _EXACT.get(canonical) or _EXACT.get(canonical.rpartition(".")[2])
    if exact is not None:
        return exact
    if _UTM.search(canonical):
        return Meaning.UTM
    if canonical.startswith("sbjs_"):
        return Meaning.SOURCEBUSTER
    words = _WORD.findall(canonical)
    if any(word.startswith(_CONSENT_STEMS) for word in words):
        return Meaning.CONSENT
    if len(words) > MAX_WORDS:
        return Meaning.OTHER
    split = _WORD.findall(_CAMEL.sub(r"\1 \2", label).lower())  # phoneNumber, but also WhatsApp
    return _by_words(frozenset(words) | frozenset(split))


def _by_words(words: frozenset[str]) -> Meaning:
    for meaning, wanted, unless in _RULES:
        if words & wanted and not words & unless:
            if meaning is Meaning.NAME:
                return next((_NAME_PARTS[part] for part in _NAME_PARTS if part in words), meaning)
            return meaning
    return Meaning.OTHER


def utm_name(label: str) -> str | None:
    """``UTM_Source`` -> ``source``; None for what is no UTM label."""
    match = _UTM.search(label.strip().lower())
    return match.group(1) if match else None


def click_id_name(label: str) -> str | None:
    """``_ym_uid`` -> ``ym_uid``; None for what is no click id."""
    canonical = label.strip().lower()
    return CLICK_IDS.get(canonical) or CLICK_IDS.get(canonical.rpartition(".")[2])
