"""What can go wrong with a PBX, each as a sentence for people and a state for programs."""

from __future__ import annotations

from gateway.core.errors import LeadgateError


class AmiError(LeadgateError):
    """Base of what an AMI connection raises. ``state`` is what the health of the source shows."""

    code = "ami"
    retryable = True
    state = "unreachable"


class AmiUnreachable(AmiError):
    """No connection: name, network, port, certificate of no TLS server."""

    code = "ami_unreachable"


class AmiClosed(AmiError):
    """The connection ended; what waited for an answer will get none, and is not sent again."""

    code = "ami_closed"


class AmiOverflow(AmiClosed):
    """Events came faster than they were worked on, and the connection was dropped on purpose, visibly."""

    code = "ami_overflow"


class AmiTimeout(AmiError):
    """The peer did not answer in time."""

    code = "ami_timeout"


class NotAmi(AmiError):
    """Something answers at the address, and it is no AMI server, or not one we trust."""

    code = "not_ami"
    state = "refused"


class LoginRefused(AmiError):
    """The PBX does not take user name and secret. Trying often would get the address banned."""

    code = "ami_login_refused"
    state = "refused"


class ActionRefused(AmiError):
    """The PBX answered an action with ``Response: Error``. The text is the PBX's own."""

    code = "ami_action_refused"
    retryable = False
