"""Says for people why a stored call is called incoming, outgoing or internal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.sentences import Sentence
from gateway.core.types import Json
from gateway.telephony.lines import LineRules


def why_direction(details: Mapping[str, Json], lines: LineRules) -> Sentence:
    """``came in from PJSIP/mango, context from-trunk (calls from outside usually enter in its context)``.

    ``details`` is the record of the call with its ``facts``, as stored. Adds what would be thought of the first channel
    now, where the configuration has changed since.
    """
    direction, facts = details.get("direction"), details.get("facts") or {}
    first = facts.get("first")
    if not isinstance(first, Mapping):
        return Sentence("an older record, or one from call detail records: the channel it began with was not kept")
    technology, endpoint, context = (str(first.get(name) or "") for name in ("technology", "endpoint", "context"))
    verdict, rule = lines.judge(technology, endpoint, context)
    place = {"channel": f"{technology}/{endpoint}", "context": context or Sentence("unknown"), "rule": rule}
    told = _begun(str(direction), bool(facts.get("originated")), place)
    taken = first.get("trunk")
    if verdict is None:
        return Sentence(
            "%(told)s; name it in [[pbx]] trunks if it leads outside, or its context in internal_contexts if not",
            {"told": told},
        )
    if taken is None or verdict == taken:
        return told
    if taken:
        return Sentence("%(told)s; it was taken for a trunk then, and would be taken for a phone now", {"told": told})
    return Sentence("%(told)s; it was taken for a phone then, and would be taken for a trunk now", {"told": told})


def _begun(direction: str, originated: bool, place: Mapping[str, object]) -> Sentence:
    if originated:
        return Sentence("was begun by the PBX with %(channel)s, context %(context)s (%(rule)s)", place)
    if direction == "inbound":
        return Sentence("came in from %(channel)s, context %(context)s (%(rule)s)", place)
    if direction == "outbound":
        return Sentence("went out from %(channel)s, context %(context)s (%(rule)s)", place)
    if direction == "internal":
        return Sentence("stayed between phones, from %(channel)s, context %(context)s (%(rule)s)", place)
    return Sentence("began with %(channel)s, context %(context)s (%(rule)s)", place)
