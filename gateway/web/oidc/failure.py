"""Why nobody could be signed in by the provider, in words for whoever tried."""

from __future__ import annotations

from gateway.core.errors import LeadgateError


class OidcFailure(LeadgateError):
    """Base. ``status`` is that of the answer."""

    code = "oidc"
    status = 403


class ProviderAway(OidcFailure):
    """The provider does not answer, or nonsense. Nothing that the person does helps."""

    code = "oidc_away"
    status = 502
    retryable = True


class BadAnswer(OidcFailure):
    """What came through the browser or from the provider can't be believed."""

    code = "oidc_answer"


class TooManyTries(OidcFailure):
    """One address failed too often."""

    code = "oidc_throttled"
    status = 429


class ClockSkew(BadAnswer):
    """The provider's clock and ours differ too much."""

    code = "oidc_clock"


class UnknownKey(BadAnswer):
    """Signed with a key that we have not got (yet): the provider may have changed its keys."""

    code = "oidc_key"


class NotLetIn(OidcFailure):
    """The provider knows the person, but they have no place here."""

    code = "oidc_person"
