"""Headers of every answer, so that a hole elsewhere is not enough to run a script or to leak a lead."""

from __future__ import annotations

from aiohttp import web

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
"""No exception and no inline script or style anywhere."""

BY_TLS_PROXY: web.RequestKey[bool] = web.RequestKey("by_tls_proxy", bool)
"""Set when a trusted proxy says that the client spoke TLS: signals get the request as it came, not our changed one."""

FIXED = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set unless the handler chose its own: only fingerprinted assets may be cached."""

STRICT_TRANSPORT_SECURITY = "max-age=31536000"
"""One year. RFC 6797 section 7.2: sent over https only."""


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For ``Application.on_response_prepare``."""
    for name, value in FIXED.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "leadgate"  # aiohttp would name itself with its version
    if request.secure or request.get(BY_TLS_PROXY):
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
