"""HTML to PDF by WeasyPrint, which needs Pango of the system; where that is missing, documents stay HTML.

Nothing is fetched: a template's pictures are ``data:`` addresses, or ``asset:NAME`` for a file in the folder of the
company's own templates.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence
from gateway.documents.library import Library

log = logging.getLogger(__name__)

for _chatty in ("weasyprint.progress", "fontTools"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)  # a line for each step of each page is no news

_ONE_AT_A_TIME = threading.Lock()
"""WeasyPrint shares font tables of the process; a page costs milliseconds."""
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "css": "text/css",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "woff2": "font/woff2",
}


class NoPdf(LeadgateError):
    """This machine can't make PDF files; says what to install."""

    code = "pdf_not_available"


def why_no_pdf() -> Sentence | None:
    """A sentence where PDF files can't be made here; None where they can."""
    try:
        import weasyprint  # noqa: F401 - to see whether it loads
    except (ImportError, OSError) as error:
        log.debug("WeasyPrint does not load: %s", error, extra={"action": "pdf_not_available"})
        return Sentence(
            "PDF files can't be made on this machine: WeasyPrint finds no Pango. Install it "
            "(Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0) and restart Leadgate. "
            "The document itself is stored, and can be opened and printed as a page."
        )
    return None


def to_pdf(html: str, library: Library) -> bytes:
    """The PDF of a page. Raises NoPdf. Takes some ten milliseconds a page: not on the event loop."""
    sentence = why_no_pdf()
    if sentence is not None:
        raise NoPdf(sentence)
    import weasyprint

    with _ONE_AT_A_TIME:
        content: bytes = weasyprint.HTML(string=html, url_fetcher=_fetcher(library)).write_pdf()
    return content


def _fetcher(library: Library) -> Any:
    """Gives ``data:`` and ``asset:``, and refuses everything else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.lower().startswith("data:"):
                return super().fetch(url, headers)
            scheme, _, name = url.partition(":")
            content = library.asset(name) if scheme == "asset" else None
            if content is None:
                log.warning(
                    "A template asks for something that is not there or not allowed",
                    extra={"action": "document_fetch_refused", "url": url[:200]},
                )
                raise ValueError("only data: and asset: are given")
            kind = _TYPES[name.rpartition(".")[2].lower()]
            return URLFetcherResponse(url, content, {"Content-Type": kind})

    return Fetcher(allowed_protocols={"data"}, allow_redirects=False)
