"""axe-core, which looks at a page for what keeps people with disabilities out: one script, fetched by install.sh.

It comes in the wheel axe-playwright-python, whose Python is not used (docs/decisions/0009).
"""

from __future__ import annotations

from functools import cache

from tests.peers.installed import root_of

PLACE = "site/axe_playwright_python/axe.min.js"


@cache
def script() -> str:
    """The source of axe-core (MPL-2.0). Raises PeerMissing."""
    return (root_of("axe") / PLACE).read_text(encoding="utf-8")
