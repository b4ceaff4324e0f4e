"""How something is doing, as people say it: the one word that /health has for programs."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.sentences import Sentence, verbatim

_NAMES: Mapping[str, Sentence] = {
    "ok": Sentence("in order"),
    "degraded": Sentence("needs attention"),
    "failing": Sentence("failing"),
    "busy": Sentence("busy"),
    "connected": Sentence("connected"),
    "connecting": Sentence("connecting"),
    "corrupt": Sentence("damaged"),
    "down": Sentence("gives no answers"),
    "dropped": Sentence("connection lost"),
    "failed": Sentence("failed"),
    "full": Sentence("full"),
    "held": Sentence("held back"),
    "idle": Sentence("waits for letters"),
    "incomplete": Sentence("answers are missing"),
    "late": Sentence("late"),
    "listening": Sentence("listening"),
    "low": Sentence("little room"),
    "paused": Sentence("paused"),
    "polling": Sentence("asked regularly"),
    "reading": Sentence("being read"),
    "ready": Sentence("ready"),
    "refused": Sentence("refused"),
    "refusing": Sentence("takes nothing"),
    "silent": Sentence("silent"),
    "standby": Sentence("on standby"),
    "stopped": Sentence("stopped"),
    "throttled": Sentence("slowed down"),
    "unauthorized": Sentence("not authorized"),
    "unproven": Sentence("sender not proved"),
    "unreachable": Sentence("can't be reached"),
    "unreadable": Sentence("unreadable"),
    "unstorable": Sentence("can't be stored"),
    "untrusted": Sentence("not trusted"),
    "waiting": Sentence("waits"),
}


def state_name(state: str) -> Sentence:
    """``connected`` as a Sentence; a word that is new here stays as it is."""
    return _NAMES.get(state, verbatim(state))
