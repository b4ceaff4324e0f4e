"""Forms that come by mail: ``Name: value`` lines or table rows, as site builders and scripts send them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_FIELDS = 100
MAX_LINES = 600

_ROLES = {
    "name": (
        "name, your name, full name, first name, last name, your-name, fio, contact name, contact person, "
        "имя, ваше имя, фио, ф.и.о., ф.и.о, имя клиента, контактное лицо, "
        "как вас зовут, как к вам обращаться, клиент, заказчик, имя и фамилия, фамилия имя, фамилия, имя "
        "отправителя, отправитель, name_input, customer, customer name, client, от, from"
    ),
    "phone": (
        "phone, telephone, tel, tel., phone number, your phone, your-phone, mobile, mobile phone, cell, "
        "contact phone, телефон, тел, тел., ваш телефон, номер телефона, "
        "контактный телефон, мобильный, мобильный телефон, моб. телефон, моб., телефон клиента, номер, "
        "whatsapp, viber, телефон для связи"
    ),
    "email": (
        "email, e-mail, mail, your email, your-email, your e-mail, email address, e-mail address, почта, "
        "ваша почта, электронная почта, эл. почта, "
        "эл.почта, емейл, имейл, ваш email, ваш e-mail, адрес электронной почты, электронный адрес, email "
        "клиента, эл. адрес"
    ),
    "message": (
        "message, your message, your-message, message body, comment, comments, question, your question, "
        "text, enquiry, inquiry, details, notes, description, "
        "сообщение, текст сообщения, ваше сообщение, комментарий, комментарии, вопрос, ваш вопрос, текст, "
        "описание, пожелания, примечание, суть вопроса, текст обращения, отзыв, комментарий к заказу"
    ),
    "company": "company, organization, organisation, company name, your company, компания, организация, название "
    "компании, название организации, фирма",
    "other": (
        "page, url, site, website, form, form name, form-name, source, referer, referrer, ip, ip address, "
        "city, date, time, subject, topic, service, product, budget, quantity, "
        "utm_source, utm_medium, utm_campaign, utm_term, utm_content, gclid, yclid, address, country, тема, "
        "тема сообщения, страница, адрес страницы, ссылка, сайт, форма, название формы, "
        "источник, город, услуга, товар, дата, время, бюджет, количество, адрес, id заявки, номер заявки, "
        "удобное время, удобное время звонка, тип, должность, дата отправки, "
        "selected service, department, отдел, регион, модель, марка, площадь, способ связи, transaction id, "
        "request id, tranid, formid, block id, form id"
    ),
}
ROLES = {label.strip(): role for role, labels in _ROLES.items() for label in labels.split(",")}
"""Label, lower case -> what it means: name, phone, email, message, company, other."""

_ROLE_WORDS = (
    ("phone", re.compile(r"\bтелефон|\bphone\b|\bwhatsapp\b")),
    ("email", re.compile(r"\be-?mail\b|\bпочт[аы]\b")),
    ("name", re.compile(r"^(?:имя|фио|автор|name|your name|ваше имя)\b")),
    ("message", re.compile(r"^(?:текст|сообщение|комментарий|вопрос|message|comment|question)\b")),
)
"""Words that tell the meaning of a longer label."""
_MARKS = " \t\u00a0*•·-–—|"
_PAIR = re.compile(r"([^\s:：=\t|][^:：=\t|]{0,58}?)[ *]{0,3}(?:[:：]|\t|\s\|\s|=(?=\s?\S))")
_DASHED = re.compile(r"([^\s:][^:]{0,30}?) {1,3}[-–—] {1,3}(?=\S)")
_NO_LABEL = re.compile(r"^(?:https?|ftp|mailto|tel|www\..*|\d[\d\s.]*|re|fw|fwd)$", re.IGNORECASE)
_END = re.compile(
    r"^\s*(?:--|—|_{3,}|-{3,}|={3,}|\*{3,})\s*$|^\s*(?:this e-?mail was sent|sent from your website)"
    r"|^\s*(?:это |данное )?(?:письмо|сообщение) (?:было )?(?:отправлено|сгенерировано|создано)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """A filled-in form."""

    fields: dict[str, str]
    """Label as written -> value, in order. A label that repeats has its values joined with a line end."""

    def value(self, role: str) -> str | None:
        """The first filled-in value whose label means ``role``."""
        return next((text for label, text in self.fields.items() if role_of(label) == role and text), None)


def role_of(label: str) -> str | None:
    """What a label means, or None. ``Имя посетителя`` is a name, ``E-mail автора`` an address."""
    plain = " ".join(label.lower().replace("*", " ").split()).strip(" .:")
    role = ROLES.get(plain)
    if role is None and len(plain.split()) <= 4:
        role = next((name for name, pattern in _ROLE_WORDS if pattern.search(plain)), None)
    return role


def find_form(text: str, *, sure: bool = False) -> Form | None:
    """The form in ``text``, or None for a letter that people write. ``sure``: only with a name or a message in it."""
    lines = text.split("\n")[:MAX_LINES]
    fields, loose = _read(lines)
    if sure and not {"name", "message"}.intersection(filter(None, map(role_of, fields))):
        return None
    return Form(fields) if _is_form(fields, loose) else None


def _is_form(fields: dict[str, str], loose: int) -> bool:
    """Two known labels, one of them a way to reach a person or a message, and not lost in prose (``loose`` lines)."""
    roles = set(filter(None, map(role_of, fields)))
    if len(roles) < 2 or not roles & {"phone", "email", "message"}:
        return False
    # Phone and address alone are a signature, unless there is nothing else.
    return loose <= 1 if roles - {"other"} == {"phone", "email"} else loose <= len(fields) + 1


def _read(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """The labelled values, and how many lines belong to none of them."""
    loose = 0
    fields: dict[str, str] = {}
    current: str | None = None
    for index, line in enumerate(lines):
        if _END.match(line):
            if fields:
                break
            continue
        pair = _pair(line) or _stacked(lines, index)
        if pair is not None and len(fields) < MAX_FIELDS:
            current = _add(fields, *pair)
        elif current is not None and _continues(fields, current, line):
            fields[current] = f"{fields[current]}\n{line.strip()}" if fields[current] else line.strip()
        elif line.strip():
            loose += 1
            current = None
    # A heading ("Request details:") is no field; a known one left empty is.
    kept = {label: value.strip() for label, value in fields.items() if value.strip() or role_of(label)}
    return kept, loose


def _continues(fields: dict[str, str], label: str, line: str) -> bool:
    """Messages run over lines, empty ones too; other values stand in one line, or below their label."""
    if role_of(label) == "message":
        return True
    return bool(line.strip()) and not fields[label]


def _add(fields: dict[str, str], label: str, value: str) -> str:
    fields[label] = f"{fields[label]}\n{value}" if fields.get(label) else value
    return label


def _pair(line: str) -> tuple[str, str] | None:
    bare = line.lstrip(_MARKS)
    if bare.startswith(">"):
        return None
    match = _PAIR.match(bare)
    if match is None:
        match = _DASHED.match(bare)
        if match is None or role_of(match.group(1)) is None:
            return None
    label, value = match.group(1).strip(), bare[match.end() :].strip(" \t\u00a0*|")
    if _NO_LABEL.match(label) or value.startswith("//"):
        return None
    # A sentence may have a colon too: unknown labels are short.
    return (label, value) if role_of(label) or len(label.split()) <= 5 else None


def _stacked(lines: Sequence[str], index: int) -> tuple[str, str] | None:
    """A known label alone on its line, its value on the next."""
    label = lines[index].strip().strip("*")
    if role_of(label) is None:
        return None
    following = lines[index + 1].strip() if index + 1 < len(lines) else ""
    return (label, "") if following and role_of(following) is None else None
