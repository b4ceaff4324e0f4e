"""Phones being rung: DialBegin, DialState, DialEnd (class ``call``; DialState from Asterisk 14 on).

A forked Dial has a pair of events for each phone. An originated call has no ``Channel``: nobody dials, the PBX does.
"""

from __future__ import annotations

from gateway.telephony.tracker.channels import mark_rung
from gateway.telephony.tracker.model import RINGING, UP, Call, Channel
from gateway.telephony.tracker.names import dialled_number
from gateway.telephony.tracker.people import who
from gateway.telephony.tracker.state import Event, State

_AUDIBLE = frozenset({"RINGING", "PROGRESS"})


def dial_begin(state: State, event: Event) -> None:
    """A channel is being rung."""
    dialler, target = _both(state, event)
    if target is None or not target.alive:
        return
    number = dialled_number(event.get("DialString", ""), state.region)
    if dialler is None:
        # An attended transfer by keys has no dialler either, but does not begin a call.
        target.dialled = True
        waiting = _given_back(state, target, event.get("DestConnectedLineNum", ""))
        if waiting is not None:
            state.merge(waiting, target.call)
        target.call.originated |= target.uniqueid == target.call.linkedid
    else:
        if target.uniqueid not in target.call.linkedids:  # a phone that picks the call up was a caller itself
            target.dialled = True
        state.merge(dialler.call, target.call)
        _note_dial(target, number)
    if target.person:
        target.dial_number = target.dial_number or number
        target.stage = len(target.call.stages)
    target.dial_status = ""
    if target.state == RINGING:
        mark_rung(state, target)


def dial_state(state: State, event: Event) -> None:
    """The rung phone rings, or sends early media."""
    _, target = _both(state, event)
    if target is not None and event.get("DialStatus") in _AUDIBLE:
        mark_rung(state, target)


def dial_end(state: State, event: Event) -> None:
    """One phone's result. It may come twice in queues, after the phone's Hangup, or not at all (pickup).

    So it takes up no channel that was not known: that may be over.
    """
    dialler = state.channels.get(event.get("Uniqueid", ""))
    target = state.channels.get(event.get("DestUniqueid", ""))
    if target is None:
        return
    state.set_state(target, event.get("DestChannelState", ""))
    if dialler is not None:
        state.merge(dialler.call, target.call)
    status = event.get("DialStatus", "")
    if status == "ANSWER" or not target.dial_status:
        target.dial_status = status
    if target.dialled and (target.state == RINGING or status == "ANSWER"):
        mark_rung(state, target)


def _given_back(state: State, target: Channel, shown: str) -> Call | None:
    """The call whose caller is offered to the transferer again, as nobody took him (features.conf, atxferdropcall).

    That channel has a linkedid of its own, and shares a bridge with the caller only if the transferer answers; but it
    shows the caller's number from the beginning.
    """
    if not shown or target.uniqueid != target.call.linkedid:
        return None
    transferer = who(target, state.region)
    for call in state.calls.values():
        root = call.root
        if root is None or not root.alive or root.number != shown:
            continue
        if any(transfer.by == transferer and not transfer.answered for transfer in call.transfers):
            return call
    return None


def _both(state: State, event: Event) -> tuple[Channel | None, Channel | None]:
    return state.adopt(event), state.adopt(event, "Dest")


def _note_dial(target: Channel, number: str | None) -> None:
    """What an originated call leads to once its first person is there; and that the caller is waiting for phones."""
    call = target.call
    root = call.root
    if call.originated:
        if call.target is None and root is not None and root is not target and root.state == UP:
            call.target = number or (target.effective_number if target.person else None)
    elif not call.answered and (not call.stages or call.stages[-1] not in ("dial", "queue")):
        call.stages.append("dial")
    if call.queue_result == "waiting":
        call.queue_joined = True
