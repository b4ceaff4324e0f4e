"""HTML of strangers made harmless for showing: no script, no image, no style, nothing that is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping

import nh3

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s",
    "samp", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "tt", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
}
_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "svg",
    "math",
    "noscript",
    "iframe",
    "object",
    "template",
    "textarea",
    "select",
}
MAX_HTML = 2 * 1024 * 1024
"""Characters; longer HTML is cut before it is cleaned."""


def sanitise_html(html: str) -> str:
    """A copy of ``html`` that shows text, tables and links only. Links open nothing by themselves and leak no
    referrer.
    """
    return clean_html(html, {})


def clean_html(html: str, pictures: Mapping[str, str]) -> str:
    """The same with the pictures that the letter brought along: Content-ID -> ``data:`` address. All others go."""

    def kept(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("img", "src"):
            return pictures.get(value.removeprefix("cid:")) if value.startswith("cid:") else None
        return None if attribute == "href" and value.startswith("cid:") else value

    return nh3.clean(
        html[:MAX_HTML].replace("\x00", ""),
        tags=_TAGS | {"img"} if pictures else _TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES | {"img": {"src", "alt", "width", "height"}},
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
