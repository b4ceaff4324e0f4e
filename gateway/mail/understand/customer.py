"""Who a letter is about: its sender, the Reply-To of a site form, the person in the form, or the first writer of a
forward.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.address import canonical_address
from gateway.core.phone import to_e164
from gateway.mail.parse import Letter, Mailbox, parse_addresses
from gateway.mail.understand.form import Form
from gateway.mail.understand.forward import Forward
from gateway.mail.understand.history import Split
from gateway.mail.understand.kind import is_machine_box
from gateway.mail.understand.phones import MAX_PHONES, find_phones

_ROBOT = re.compile(
    r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|robot|bot|wordpress|www(?:-data)?|webmaster|apache|nginx|root"
    r"|noreply.*|mailer|forms?|web|site|notify|notifications?|notification|admin|"
    r"server|bitrix|sender|lead[s]?|zayavka|zakaz|order[s]?)(?:[-+_.].*)?$",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply)\b", re.IGNORECASE)
_PUBLIC = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "mail.ru",
        "bk.ru",
        "list.ru",
        "inbox.ru",
        "internet.ru",
        "yandex.ru",
        "ya.ru",
        "yandex.com",
        "yandex.by",
        "yandex.kz",
        "rambler.ru",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "proton.me",
        "protonmail.com",
        "ukr.net",
        "i.ua",
        "meta.ua",
        "tut.by",
        "narod.ru",
        "lenta.ru",
    ]
)
"""Domains where one domain does not mean one company."""


@dataclass(frozen=True, slots=True)
class Customer:
    """The person the lead is about."""

    name: str | None
    email: str | None
    """As written, in lower-case domain; None where the letter names none."""
    phones: tuple[str, ...]
    """E.164, the surest first."""


def find_customer(letter: Letter, split: Split, form: Form | None, forward: Forward | None, region: str) -> Customer:
    """Who the lead is about. Phones come from the form, the person's own words and their signature, never from
    quotations.
    """
    if form is not None:
        return _of_form(letter, form, forward, region)
    if forward is not None:
        words = f"{forward.text}\n{forward.signature}" if forward.text or forward.signature else letter.text
        return Customer(forward.sender.name or None, _usable(forward.sender.email), tuple(find_phones(words, region)))
    person = _person(letter)
    phones = find_phones(f"{letter.subject}\n{split.new}\n{split.signature}", region)
    if person is None or _NO_REPLY.match(person.email):
        # An address that many strangers share is nobody's handle.
        return Customer(person.name or None if person else None, None, tuple(phones))
    return Customer(person.name or None, _usable(person.email), tuple(phones))


def _person(letter: Letter) -> Mailbox | None:
    """From, unless a robot of the site wrote for someone else."""
    if letter.reply_to is not None and letter.reply_to.email and _speaks_for_others(letter):
        return letter.reply_to
    return letter.from_ or letter.sender or letter.reply_to


def _speaks_for_others(letter: Letter) -> bool:
    """True where From is the site itself: a robot's name, or the domain the letter was sent to."""
    if letter.from_ is None or not letter.from_.email:
        return True
    if letter.reply_to is not None and letter.reply_to.email.lower() == letter.from_.email.lower():
        return False
    local, _, domain = letter.from_.email.lower().rpartition("@")
    if _ROBOT.match(local) and not is_machine_box(letter.from_.email):
        return True
    return _is_ours(domain, letter) and not _is_ours(_domain(letter.reply_to), letter)


def _is_ours(domain: str, letter: Letter) -> bool:
    return bool(domain) and domain not in _PUBLIC and domain in {_domain(box) for box in letter.to}


def _domain(box: Mailbox | None) -> str:
    return box.email.lower().rpartition("@")[2] if box is not None else ""


def _of_form(letter: Letter, form: Form, forward: Forward | None, region: str) -> Customer:
    """Fields first; then Reply-To; From only where it is not the site that sent the form."""
    written = _first_address(form.value("email")) or _first_address(form.value("name")) or _any_address(form)
    fallback = (
        letter.reply_to if letter.reply_to is not None and letter.reply_to.email else _sender_of_form(letter, forward)
    )
    email = written.email if written else fallback.email if fallback else None
    return Customer(_form_name(form, fallback), _usable(email), tuple(_form_phones(form, region)))


def _sender_of_form(letter: Letter, forward: Forward | None) -> Mailbox | None:
    sender = letter.from_
    if forward is not None or sender is None or not sender.email:
        return None
    local, _, domain = sender.email.lower().rpartition("@")
    return None if _ROBOT.match(local) or _is_ours(domain, letter) else sender


def _form_name(form: Form, fallback: Mailbox | None) -> str | None:
    value = (form.value("name") or "").split("\n")[0]
    if value:
        boxes = parse_addresses(value)
        name = boxes[0].name if boxes else re.sub(r"<[^>]*>", "", value).strip()
        surname = _surname(form, value)
        return f"{name} {surname}".strip()[:200] or None
    return (fallback.name or None) if fallback else None


def _surname(form: Form, given: str) -> str:
    """The last name of a form that asks for both."""
    for label, value in form.fields.items():
        if label.lower().strip(" *:") in ("last name", "фамилия", "surname") and value and value != given:
            return value
    return ""


def _form_phones(form: Form, region: str) -> list[str]:
    named = [form.value("phone") or ""]
    found = [e164 for value in named for part in re.split(r"[,;/\n]", value) if (e164 := to_e164(part, region))]
    found += find_phones("\n".join(f"{label}: {value}" for label, value in form.fields.items()), region)
    return list(dict.fromkeys(found))[:MAX_PHONES]


def _first_address(value: str | None) -> Mailbox | None:
    boxes = parse_addresses(value) if value and "@" in value and len(value) < 400 else ()
    return boxes[0] if boxes else None


def _any_address(form: Form) -> Mailbox | None:
    short = (value for value in form.fields.values() if len(value) < 100)
    return next((box for value in short if (box := _first_address(value)) is not None), None)


def _usable(email: str | None) -> str | None:
    """A canonical address, or what was written where it is none."""
    return (canonical_address(email) or email) if email else None
