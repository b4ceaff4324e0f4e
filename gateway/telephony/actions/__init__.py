"""What Leadgate asks a PBX to do: call somebody (click to call), move a channel, end one."""

from gateway.core.outcalls import CallRefused, CallRequest, Originated
from gateway.telephony.actions.originate import CallingPbx, Originator
from gateway.telephony.actions.switch import ActionFailed, Switch

__all__ = ["ActionFailed", "CallRefused", "CallRequest", "CallingPbx", "Originated", "Originator", "Switch"]
