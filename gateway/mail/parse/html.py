"""HTML to text for people: blocks become lines, table cells tabs, quotations ``>``, and nothing hidden is shown.

A walk over selectolax's tree without recursion, with a cap on the nodes: form mails are tables, so rows must stay rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits

_SKIPPED = frozenset(
    {"head", "style", "script", "title", "noscript", "template", "svg", "object", "iframe", "select", "-comment"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "blockquote", "table"})
_BLOCKS = frozenset(
    {
        "div",
        "tr",
        "li",
        "dt",
        "dd",
        "section",
        "article",
        "header",
        "footer",
        "center",
        "form",
        "address",
        "hr",
        "tbody",
    }
    | {"thead", "caption", "fieldset", "legend", "main", "aside", "nav", "figure", "figcaption", "body", "html"}
)
_CELLS = frozenset({"td", "th"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)",
    re.IGNORECASE,
)
_SPACE_CHARS = (" ", "\t", "\r", "\n", "\f", "\u00a0")
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")
_TAG = re.compile(r"<[^<>]{0,4000}>")
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_EMBEDDED = re.compile(r"data:[\w/+.;=-]{1,100},[A-Za-z0-9+/=%\s]*")
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_NEVER_NESTED = frozenset(
    {
        "p",
        "br",
        "hr",
        "img",
        "input",
        "meta",
        "link",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "col",
        "option",
        "base",
        "wbr",
        "area",
    }
)
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200c\u2060\ufeff\u034f]")


class _Writer:
    """Collects text; what stands between two words (space, tab, line end) is decided when the second one comes."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, list[str]]] = []
        self._gap = ""
        self._written = 0
        self.quotes = 0

    def text(self, text: str) -> None:
        """Running text: white space is one space."""
        if text[:1] in _SPACE_CHARS:
            self.space()
        words = _SPACES.sub(" ", text).strip(" ")
        if not words:
            return
        self._put(words)
        if text[-1:] in _SPACE_CHARS:
            self.space()

    def verbatim(self, text: str) -> None:
        """Text of a <pre>: its line ends are meant."""
        for number, line in enumerate(text.expandtabs(8).split("\n")):
            if number:
                self.line_break()
            if line.strip():
                self._put(line.rstrip())

    def space(self) -> None:
        """White space between words; nothing at the edge of a block."""
        if not self._gap:
            self._gap = " "

    def cell(self) -> None:
        """The end of a table cell."""
        self._gap = "\t"

    def block(self, line_ends: int) -> None:
        """A block begins or ends: at least so many line ends, none between a cell's edge and its first block."""
        if self._gap != "\t" and self._gap.count("\n") < line_ends:
            self._gap = "\n" * line_ends

    def row(self) -> None:
        """A table row begins or ends, or a cell that was a layout of lines itself."""
        if "\n" not in self._gap:
            self._gap = "\n"

    def line_break(self) -> None:
        """A <br>: two of them leave a line empty."""
        self._gap = self._gap + "\n" if "\n" in self._gap else "\n"

    @property
    def place(self) -> tuple[int, int]:
        """The line that the next word will stand on, and how many words were written."""
        coming = min(self._gap.count("\n"), 3) if self._lines else 1
        return len(self._lines) + coming, self._written

    def wrote_lines_since(self, place: tuple[int, int]) -> int:
        """How many lines were written on since ``place``: 0 when nothing was written."""
        line, written = place
        return len(self._lines) - line + 1 if self._written > written else 0

    def _put(self, words: str) -> None:
        gap, self._gap = self._gap, ""
        self._written += 1
        if not self._lines:
            self._lines.append((self.quotes, [words]))
        elif "\n" in gap or self._lines[-1][0] != self.quotes:
            quoted = min(self.quotes, self._lines[-1][0])
            self._lines.extend((quoted, []) for _ in range(min(gap.count("\n"), 3) - 1))
            self._lines.append((self.quotes, [words]))
        else:
            self._lines[-1][1].extend((gap, words))

    def result(self) -> str:
        """The text, quoted lines marked with ``>``."""
        return "\n".join(("> " * quotes + "".join(pieces)).rstrip() for quotes, pieces in self._lines)


def html_to_text(html: str, limits: Limits = DEFAULT_LIMITS) -> tuple[str, bool]:
    """The readable text, and whether the HTML was too much to be read whole. Never raises for any string."""
    bare = _EMBEDDED.sub("", html).replace("\x00", "")
    cut = len(bare) > limits.html_chars
    bare = bare[: limits.html_chars]
    if _is_explosive(bare, limits):
        return " ".join(unescape(_TAG.sub(" ", bare)).split()), True
    root = LexborHTMLParser(bare).root
    if root is None:
        return "", cut
    writer = _Writer()
    cells: list[tuple[int, int]] = []
    for count, (node, entering) in enumerate(_walk(root)):
        if count > 2 * limits.html_nodes:
            return writer.result(), True
        if entering:
            _enter(writer, node, cells)
        else:
            _leave(writer, node, cells)
    return writer.result(), cut


def _is_explosive(html: str, limits: Limits) -> bool:
    """True where building the tree would take far more time or memory than the HTML has bytes."""
    tags = html.count("<")
    if tags < min(limits.html_depth, 1000):
        return False
    deepest = {True: 0, False: 0}
    depth = {True: 0, False: 0}
    for match in _OPEN_OR_CLOSE.finditer(html):
        name = match.group(2).lower()
        if name in _NEVER_NESTED:
            continue
        formatting = name in _FORMATTING
        depth[formatting] = max(0, depth[formatting] + (-1 if match.group(1) else 1))
        deepest[formatting] = max(deepest[formatting], depth[formatting])
    return deepest[False] > limits.html_depth or deepest[True] * tags > limits.html_growth


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node on entering and on leaving, without recursion."""
    node: LexborNode = root
    depth = 0
    while True:
        yield node, True
        child = None if _is_skipped(node) else node.child
        if child is not None:
            node, depth = child, depth + 1
            continue
        while True:
            yield node, False
            if depth == 0:
                return
            following = node.next
            if following is not None:
                node = following
                break
            parent = node.parent
            if parent is None:
                return
            node, depth = parent, depth - 1


def _is_skipped(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag == "-text":
        return True
    if tag in _SKIPPED:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _enter(writer: _Writer, node: LexborNode, cells: list[tuple[int, int]]) -> None:
    tag = node.tag or ""
    if tag == "-text":
        text = _INVISIBLE.sub("", node.text_content or "")
        if node.parent is not None and node.parent.tag in ("pre", "textarea"):
            writer.verbatim(text)
        else:
            writer.text(text)
    elif tag == "br":
        writer.line_break()
    elif tag in _CELLS:
        cells.append(writer.place)
    elif tag == "tr":
        writer.row()
    elif tag == "input":
        writer.text(f" {_field_value(node)} ")
    else:
        _edge(writer, tag)
        if tag == "li":
            writer.text("- ")
        if tag == "blockquote":
            writer.quotes += 1


def _leave(writer: _Writer, node: LexborNode, cells: list[tuple[int, int]]) -> None:
    tag = node.tag or ""
    if tag in ("-text", "br"):
        return
    if tag in _CELLS:
        lines = writer.wrote_lines_since(cells.pop()) if cells else 0
        if lines == 1:
            writer.cell()
        elif lines > 1:
            writer.row()
    elif tag == "tr":
        writer.row()
    elif tag == "a":
        _write_address(writer, node)
    else:
        if tag == "blockquote":
            writer.quotes = max(0, writer.quotes - 1)
        _edge(writer, tag)


def _edge(writer: _Writer, tag: str) -> None:
    if tag in _PARAGRAPHS:
        writer.block(2 if tag != "table" else 1)
    elif tag in _BLOCKS:
        writer.block(1)


def _field_value(node: LexborNode) -> str:
    attributes = node.attributes
    return (attributes.get("value") or "") if attributes.get("type") in (None, "text") else ""


def _write_address(writer: _Writer, node: LexborNode) -> None:
    """The address behind a link is shown when the link's text hides it: the customer may only be found there."""
    href = node.attributes.get("href") or ""
    scheme, _, rest = href.partition(":")
    address = rest.partition("?")[0].strip()
    shown = node.text() or ""
    if scheme.lower() in ("mailto", "tel") and address and len(address) < 255 and not _same(address, shown):
        writer.text(f" <{address}> " if scheme.lower() == "mailto" else f" {address} ")


def _same(address: str, shown: str) -> bool:
    def bare(text: str) -> str:
        return re.sub(r"[^\w@+.]", "", text).lower()

    digits = re.sub(r"\D", "", address)
    return bare(address) in bare(shown) or (len(digits) > 5 and digits[-7:] in re.sub(r"\D", "", shown))
