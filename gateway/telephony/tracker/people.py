"""Who sits behind a channel: the extension or number that people know it by.

The endpoint's own name is the surest for a company phone; its caller id may be rewritten by the dialplan (a queue,
the outgoing number of the company, click to call). For a line outside it is the number that was dialled, or that
called.
"""

from __future__ import annotations

import re

from gateway.core.phone import is_extension, is_withheld, to_e164
from gateway.telephony.tracker.model import Call, Channel
from gateway.telephony.tracker.names import birth_order, public_number

_DEVICE = re.compile(r"([0-9]{2,6})[-_][A-Za-z0-9]+")
"""One of several devices of an extension: ``101-webrtc``, ``101_2``."""


def who(channel: Channel, region: str) -> str | None:
    """Extension or number of the person on this channel; None when it is withheld."""
    return _as_leg(channel, region) if channel.dialled else as_caller(channel, region)


def as_caller(channel: Channel, region: str) -> str | None:
    """As the one who called."""
    if channel.withheld:
        return None
    if channel.trunk is not False and (channel.trunk or to_e164(channel.number, region)):
        number = channel.effective_number if is_withheld(channel.number) else channel.number
        return public_number(number, region)
    return _phone(channel, region) or _shown(channel, region) or _endpoint(channel)


def _as_leg(channel: Channel, region: str) -> str | None:
    """As the one who was called."""
    dialled = channel.dial_number or channel.effective_number
    if channel.trunk or (channel.trunk is None and to_e164(dialled, region)):
        return public_number(dialled, region)
    if is_extension(channel.number, region):
        return channel.number
    return _endpoint(channel)


def _phone(channel: Channel, region: str) -> str | None:
    """The extension of a company phone: as configured, as the dialplan says, or as the endpoint is called."""
    for candidate in (channel.number, channel.effective_number, _endpoint(channel)):
        if is_extension(candidate, region):
            return candidate
    return None


def _shown(channel: Channel, region: str) -> str | None:
    """The company's number that the dialplan lets the called party see; an account's own name is no number."""
    return None if channel.effective_number == channel.endpoint else public_number(channel.effective_number, region)


def _endpoint(channel: Channel) -> str:
    device = _DEVICE.fullmatch(channel.endpoint)
    return device[1] if device else channel.endpoint


def rung(call: Call, region: str) -> list[str]:
    """Everybody whose phone rang, in order, each once."""
    channels = call.channels
    if call.gap:  # a list of channels comes in no order
        channels = sorted(channels, key=lambda channel: birth_order(channel.uniqueid))
    ringing = (who(channel, region) for channel in channels if channel.rang)
    return list(dict.fromkeys([*call.rang, *(person for person in ringing if person)]))
