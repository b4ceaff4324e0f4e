"""All site builders that are recognised, the most particular shape first. Adding one is one line here."""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.presets.amocrm import AMOCRM
from gateway.webforms.presets.base import Preset
from gateway.webforms.presets.bitrix24 import BITRIX24
from gateway.webforms.presets.contact_form_7 import CONTACT_FORM_7
from gateway.webforms.presets.elementor import ELEMENTOR
from gateway.webforms.presets.google_ads import GOOGLE_ADS
from gateway.webforms.presets.google_forms import GOOGLE_FORMS
from gateway.webforms.presets.gravity_forms import GRAVITY_FORMS
from gateway.webforms.presets.html import HTML
from gateway.webforms.presets.hubspot import HUBSPOT
from gateway.webforms.presets.jotform import JOTFORM
from gateway.webforms.presets.json import JSON
from gateway.webforms.presets.marquiz import MARQUIZ
from gateway.webforms.presets.meta import META
from gateway.webforms.presets.standard_webhooks import STANDARD_WEBHOOKS
from gateway.webforms.presets.tally import TALLY
from gateway.webforms.presets.tilda import TILDA
from gateway.webforms.presets.typeform import TYPEFORM
from gateway.webforms.presets.webflow import WEBFLOW
from gateway.webforms.presets.wpforms import WPFORMS

PRESETS: tuple[Preset, ...] = (
    TILDA,
    TYPEFORM,
    GOOGLE_ADS,
    META,
    WEBFLOW,
    TALLY,
    MARQUIZ,
    BITRIX24,
    AMOCRM,
    GOOGLE_FORMS,
    HUBSPOT,
    JOTFORM,
    GRAVITY_FORMS,
    WPFORMS,
    ELEMENTOR,
    CONTACT_FORM_7,
    STANDARD_WEBHOOKS,
    JSON,
    HTML,  # takes anything, so it stands last
)

CUES = frozenset[str]().union(*(preset.cues for preset in PRESETS))
WITHOUT_CUES = tuple(preset for preset in PRESETS if not preset.cues)
"""What is asked about a body that has nothing of the others: nearly all plain forms."""

PRESET_NAMES: tuple[str, ...] = tuple(preset.name for preset in PRESETS)


def preset_named(name: str) -> Preset | None:
    """The preset that a form's settings name, or None."""
    return next((preset for preset in PRESETS if preset.name == name), None)


def recognise(body: Body) -> Preset:
    """The first preset whose shape the body has; the last takes any."""
    candidates = WITHOUT_CUES if CUES.isdisjoint(body.roots) else PRESETS
    return next(preset for preset in candidates if preset.recognises(body))
