"""Money as whole numbers of the smallest unit (kopecks, cents), and as people and programs write it. No floats."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from gateway.core.sentences import Unusable

MOST = 10**15
"""In smallest units: ten thousand billion roubles. Sums of a thousand such amounts still fit 64 bits."""

_WITHOUT_CENTS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def digits(currency: str) -> int:
    """Decimal places of a currency (ISO 4217, "minor unit")."""
    return 0 if currency in _WITHOUT_CENTS else 3 if currency in _THOUSANDTHS else 2


def check_currency(currency: str) -> str:
    """The code itself. Raises ValueError for what is no code of ISO 4217's form."""
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Unusable(
            "%(currency)r is no currency code of three capital letters, such as RUB or EUR", currency=currency[:20]
        )
    return currency


def parse_amount(text: str, currency: str) -> int:
    """``12 500,50`` or ``12500.50`` or ``12,500.50`` -> 1250050 kopecks. Raises ValueError with a sentence."""
    bare = re.sub(r"[\s\u00a0\u202f'_]", "", text)
    if _GROUPED_COMMA.fullmatch(bare):
        bare = bare.replace(",", "")
    elif bare.count(",") == 1 and "." not in bare:
        bare = bare.replace(",", ".")
    if len(bare) > 40 or not _PLAIN.fullmatch(bare) or not bare.isascii():
        raise Unusable("%(text)r is no amount: write it like 12500.50", text=text[:40])
    try:
        units = Decimal(bare).scaleb(digits(currency))
    except InvalidOperation:
        raise Unusable("%(text)r is no amount: write it like 12500.50", text=text[:40]) from None
    if units != units.to_integral_value():
        raise Unusable(
            "%(text)r has more decimal places than %(currency)s has (%(digits)s)",
            text=text[:40],
            currency=currency,
            digits=digits(currency),
        )
    if abs(units) > MOST:
        raise Unusable("%(text)r is more than can be stored", text=text[:40])
    return int(units)


def plain(units: int, currency: str) -> str:
    """1250050 kopecks -> ``12500.50``: as programs write it, and as ``parse_amount`` reads it back."""
    return str(Decimal(units).scaleb(-digits(currency)).quantize(Decimal(1).scaleb(-digits(currency))))
