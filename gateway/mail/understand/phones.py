"""Phone numbers in running text, to E.164; never an order number, an INN or an account."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher, PhoneNumberType

MAX_TEXT = 20_000
"""Characters that are searched: a signature stands within them."""
MAX_PHONES = 10

_CANDIDATE = re.compile(r"\d(?:[^\d\n]{0,4}\d){5}")
_NOT_A_PHONE = re.compile(
    r"(?:№|#|\bn[o°º]\.?|\binn|\bинн|\bкпп|\bогрн(?:ип)?|\bокпо|\bбик|\bснилс|\bр/?с(?:ч[её]т)?|\bк/?с"
    r"|\bсч[её]та?|\bзаказ\w*|\bзаявк\w*|\bдоговор\w*|\bнакладн\w*|\bартикул\w*"
    r"|\bтрек\w*|\bтикет\w*|\bобращени\w*|\border\w*|\binvoice\w*|\bticket\w*|\baccount\w*|\bcontract\w*"
    r"|\btracking\w*|\barticle\w*|\bsku|\bvin|\biban|\bvat|\btax|\bcase\w*"
    r"|\brequest\w*|\bid|\bкод\w*|\bсумм\w*|\bцен\w*|\bномер(?:\s+(?:заказа|сч[её]та|заявки|договора))"
    r"|\border\s+number|\bкарт[аыу]\w*|\bcard)\s*(?:number|no\.?|номер|id)?\s*[:=№#.-]*\s*$",
    re.IGNORECASE,
)
_IS_A_PHONE = re.compile(
    r"(?:\bтел\w*|\bмоб\w*|\bсот\w*|\bфакс|\bwhats\s?app|\bватсап\w*|\bвацап\w*|\bvi?ber|\bвайбер\w*"
    r"|\btelegram|\bтелеграм\w*|\btg|\bphone|\bmobile|\bcell|\btel|\bfax|\bcall|\bзвон\w*"
    r"|\bперезвон\w*|\bконтакт\w*|\bномер\w*|\bнабер\w*|\bp|\bm|\bt|\bт|\bм|☎|📞|📱)\s*[.:)\-–—]*\s*(?:[\w "
    r"]{0,20}[:\-–—]\s*)?$",
    re.IGNORECASE,
)
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def find_phones(text: str, region: str) -> list[str]:
    """The public numbers of ``text`` in E.164, in order, each once.

    ``region`` reads numbers without a country code. A bare run of digits counts only when it is a mobile number or
    a word for phones stands before it; behind a word for orders, accounts or tax numbers nothing counts.

    """
    found: dict[str, None] = {}
    for line in text[:MAX_TEXT].splitlines():
        if len(found) >= MAX_PHONES:
            break
        if _CANDIDATE.search(line):
            found.update(dict.fromkeys(_line_phones(line[:1000], region)))
    return list(found)[:MAX_PHONES]


def _line_phones(line: str, region: str) -> Iterator[str]:
    for match in PhoneNumberMatcher(line, region, leniency=Leniency.VALID, max_tries=20):
        if _is_meant(line, match):
            yield phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)


def _is_meant(line: str, match: PhoneNumberMatch) -> bool:
    before = line[: match.start]
    if _NOT_A_PHONE.search(before):
        return False
    written = match.raw_string
    if written.startswith("+") or before.endswith("+") or _IS_A_PHONE.search(before):
        return True
    if not written.isdigit():
        return not _is_date_or_sum(written)
    return phonenumbers.number_type(match.number) in _MOBILE


def _is_date_or_sum(written: str) -> bool:
    """``12.05.2024 10`` and ``1 500 000`` can be read as numbers of some country."""
    return re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*|\d{1,3}(?: \d{3}){2,3}", written) is not None
