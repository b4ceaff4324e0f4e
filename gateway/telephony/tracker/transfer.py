"""Transfers: BlindTransfer, AttendedTransfer (class ``call``).

The events only say that somebody was sent somewhere. ``Result: Success`` of a blind transfer means "put into the
dialplan"; whether the transferred person reached anybody is seen in the bridges.
"""

from __future__ import annotations

from gateway.telephony.tracker import bridges
from gateway.telephony.tracker.model import Call, Channel, PendingTransfer
from gateway.telephony.tracker.names import local_target, public_number
from gateway.telephony.tracker.people import who
from gateway.telephony.tracker.state import Event, State


def blind_transfer(state: State, event: Event) -> None:
    """Somebody sends his partner to an extension."""
    transferer = state.adopt(event, "Transferer")
    state.adopt(event, "Transferee")
    if transferer is None or event.get("Result") != "Success":
        return
    to = public_number(event.get("Extension"), state.region)
    pending = PendingTransfer(
        kind="blind", by=who(transferer, state.region), to=to,
        key=("blind", transferer.uniqueid, to or ""), known=(transferer.uniqueid,),
    )  # fmt: skip
    _note(state, transferer.call, pending)


def attended_transfer(state: State, event: Event) -> None:
    """Somebody joins his partner with the person whom he called before, who may still ring (``DestType: App``)."""
    first = state.adopt(event, "OrigTransferer")
    second = state.adopt(event, "SecondTransferer")
    transferee = state.adopt(event, "Transferee")
    target = state.adopt(event, "TransferTarget")
    if first is None or event.get("Result") != "Success" or event.get("DestType") == "Fail":
        return
    second = second or first
    call = first.call
    for other in (second, transferee, target):
        if other is not None:
            call = state.merge(call, other.call)
    pending = PendingTransfer(
        kind="attended",
        by=who(first if second.dialled else second, state.region),
        to=_target(state, call, first, second, transferee, target) or _last_seen(state, event),
        key=("attended", first.uniqueid, second.uniqueid),
        known=(first.uniqueid, second.uniqueid),
    )
    _note(state, call, pending)


def _target(
    state: State, call: Call, first: Channel, second: Channel, transferee: Channel | None, target: Channel | None
) -> str | None:
    """Where it went: what the consultation dialled, else who is at the target."""
    if second is not first and not second.dialled:
        return public_number(second.exten, state.region)
    if target is call.root and transferee is not None:  # two callers are joined: the later one goes to the earlier
        target = transferee
    if target is None:
        return None
    if target.half:
        return public_number(local_target(target.endpoint) or target.exten, state.region)
    return who(target, state.region)


def _last_seen(state: State, event: Event) -> str | None:
    """The number that the transferer's phone showed last.

    A transferer who hangs up as the target answers leaves an event without TransferTarget headers (Asterisk 16).
    """
    shown = event.get("SecondTransfererConnectedLineNum")
    return None if shown == event.get("TransfereeCallerIDNum") else public_number(shown, state.region)


def _note(state: State, call: Call, pending: PendingTransfer) -> None:
    """Keeps a transfer, once."""
    if all(transfer.key != pending.key for transfer in call.transfers):
        call.transfers.append(pending)
        bridges.review(state, call)
