"""Which numbers may be called for a manager, and how the dialplan is told. Pure.

Whoever gets hold of a manager's session must not be able to run up a bill: only public numbers of the countries in the
configuration, no premium ones, and never an emergency number, which a person dials himself.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from gateway.core.outcalls import Refusal
from gateway.core.phone import region_of, to_e164
from gateway.core.sentences import Sentence
from gateway.telephony.actions.settings import OriginateSettings

_PREMIUM = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


def judge(text: str, settings: OriginateSettings, region: str) -> tuple[str, Refusal | None]:
    """The number in E.164 (as it was written where it is no public one), and why it may not be called, if so."""
    e164 = to_e164(text, region)
    if is_emergency(text, region):
        reason = Sentence("Emergency numbers are not called from here: dial it on the phone itself.")
        return e164 or text, Refusal(code="emergency_number", reason=reason)
    if e164 is None:
        reason = Sentence(
            "This is no public phone number. Write it with its country code, as +79261234567; colleagues are called on "
            "the phone itself."
        )
        return text, Refusal(code="bad_number", reason=reason)
    return e164, _refusal(e164, settings, region)


def is_emergency(text: str, region: str) -> bool:
    """112, 911 and the region's own, also with digits after them, which the network would not read."""
    if text.strip().startswith("+"):
        return False  # no emergency number has a country code, and +91 12... is one of India
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    return digits in ("112", "911") or bool(digits and phonenumbers.connects_to_emergency_number(digits, region))


def dialled(e164: str, settings: OriginateSettings, region: str) -> str:
    """What is dialled in the configured context: ``+79261234567`` -> ``989261234567`` with "national" and prefix 9."""
    if settings.number_format == "e164":
        return settings.prefix + e164
    if settings.number_format == "digits":
        return settings.prefix + e164.removeprefix("+")
    parsed = phonenumbers.parse(e164, None)
    if region_of(e164) == region:
        text = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, region)
    return settings.prefix + "".join(letter for letter in text if letter.isdigit())


def _refusal(e164: str, settings: OriginateSettings, region: str) -> Refusal | None:
    if e164.startswith(settings.refused_prefixes):
        return Refusal(
            code="number_not_allowed", reason=Sentence("Numbers that begin so are refused by [pbx.originate].")
        )
    country = region_of(e164)
    allowed = settings.countries or (region,)
    if country not in allowed and not e164.startswith(settings.prefixes):
        where = country or Sentence("numbers of no country")
        reason = Sentence(
            "Calls to %(where)s are not allowed; the administrator can add it to countries or prefixes in "
            "[pbx.originate].",
            {"where": where},
        )
        return Refusal(code="number_not_allowed", reason=reason)
    if not settings.premium and _is_premium(phonenumbers.parse(e164, None)):
        reason = Sentence(
            "This number has a price of its own, and [pbx.originate] does not allow such (premium = true would)."
        )
        return Refusal(code="premium_number", reason=reason)
    return None


def _is_premium(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in _PREMIUM
