"""Moving and ending channels that are there: AMI Redirect and Hangup, on whichever PBX is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused, AmiError

NORMAL_CLEARING = 16
"""Q.850 cause of an ordinary hangup."""

_PLACE = re.compile(r"[A-Za-z0-9_.+*#-]{1,79}")
"""What dialplan contexts and extensions are made of (AST_MAX_CONTEXT and AST_MAX_EXTENSION are 80). No comma, brace or
ampersand: those mean something to the dialplan."""
_CHANNEL = re.compile(r"[A-Za-z0-9_]+/[A-Za-z0-9_.+*#@:;=/-]{1,120}")
"""A channel's full name, ``PJSIP/mango-00000017`` or ``Local/101@from-internal-0003;1``. Never ``/regex/``, which
Hangup takes too and which would end many."""


def is_place(name: str) -> bool:
    """Whether a dialplan can have a context or extension of this name."""
    return _PLACE.fullmatch(name) is not None


class Pbx(Protocol):
    """What is needed of a ``gateway.telephony.connector.PbxConnector``."""

    @property
    def line(self) -> AmiConnection:
        """The connection for actions. Raises AmiClosed while there is none."""
        ...


class ActionFailed(LeadgateError):
    """The PBX could not be asked, or did not do it. A sentence with the way out."""

    code = "pbx_action_failed"

    def __init__(self, sentence: str | Sentence, /, *, code: str = "pbx_action_failed", **values: object) -> None:
        super().__init__(sentence, **values)
        self.code = code


class Switch:
    """Redirect and Hangup for all PBXs. ``pbxs``: name -> connector."""

    def __init__(self, pbxs: Mapping[str, Pbx]) -> None:
        self._pbxs = pbxs

    async def redirect(self, pbx: str, channel: str, context: str, exten: str, priority: int = 1) -> None:
        """Send a channel to another place of the dialplan. Raises ActionFailed with a sentence.

        Success means that Asterisk took it; what becomes of the call the tracker sees.
        """
        _check_channel(channel)
        for what, place in (("context", context), ("extension", exten)):
            if not is_place(place):
                raise ActionFailed("%(place)r is no %(what)s of a dialplan", code="bad_place", place=place, what=what)
        if priority < 1:
            raise ActionFailed(
                "%(priority)s is no priority of a dialplan: they begin with 1", code="bad_place", priority=priority
            )
        headers = {"Channel": channel, "Context": context, "Exten": exten, "Priority": str(priority)}
        await self._do(pbx, "Redirect", headers, right="call")

    async def hangup(self, pbx: str, channel: str, cause: int = NORMAL_CLEARING) -> None:
        """End one channel, with a Q.850 cause. Raises ActionFailed with a sentence, also where there is no such one."""
        _check_channel(channel)
        if not 0 <= cause <= 127:
            raise ActionFailed("%(cause)s is no hangup cause: Q.850 has 0 to 127", code="bad_cause", cause=cause)
        await self._do(pbx, "Hangup", {"Channel": channel, "Cause": str(cause)}, right="call")

    async def _do(self, name: str, action: str, headers: dict[str, str], *, right: str) -> None:
        pbx = self._pbxs.get(name)
        if pbx is None:
            raise ActionFailed("There is no PBX %(name)r in the configuration", code="unknown_pbx", name=name)
        try:
            await pbx.line.action(action, headers)
        except ActionRefused as error:
            raise ActionFailed(words_for(error, name, action, right), code=code_for(error)) from None
        except AmiError as error:
            raise ActionFailed(
                "%(action)s could not be sent to %(name)s: %(why)s",
                code="pbx_unreachable",
                action=action,
                name=name,
                why=error,
            ) from None


def words_for(error: ActionRefused, pbx: str, action: str, right: str) -> Sentence:
    """The PBX's refusal as a sentence with the way out."""
    if code_for(error) == "no_right":
        return Sentence(
            "The manager account of %(pbx)s may not use %(action)s: add %(right)s to write of the account in "
            "manager.conf, reload the manager, and ask leadgate doctor",
            {"pbx": pbx, "action": action, "right": right},
        )
    return Sentence("%(pbx)s refused %(action)s: %(why)s", {"pbx": pbx, "action": action, "why": error})


def code_for(error: ActionRefused) -> str:
    """``no_right`` for an account that may not, else ``pbx_refused``."""
    return "no_right" if "permission denied" in str(error).lower() else "pbx_refused"


def _check_channel(channel: str) -> None:
    if not _CHANNEL.fullmatch(channel):
        raise ActionFailed("%(channel)r is no name of a channel", code="bad_channel", channel=channel[:80])
