"""The templates as a whole."""

from __future__ import annotations

from gateway.core.clock import SystemClock
from gateway.web.pages.assets import Assets
from gateway.web.pages.render import Renderer
from gateway.web.settings import LocaleSettings


async def test_every_template_is_compiled_beforehand() -> None:
    """One with a fault would be found here, not by the first to open its page."""
    await Renderer(LocaleSettings(), Assets(), SystemClock()).warm()
