"""Whether the words of a submission are spam. Rules that a customer can hardly meet; each says which one it was.

A customer who is taken for spam is not lost (the item is stored, shown and can be brought back), but waits. So every
rule wants two signs at once, and nothing is spam for its language, its length or a single word.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'\])]+", re.IGNORECASE)
_MARKUP = re.compile(r"\[/?url|<a\s+href", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SPAM_WORDS = re.compile(
    r"\b(?:online casinos?|casino bonus\w*|free spins|viagra|cialis|levitra|payday loans?|porn\w*|sex dating|onlyfans|"
    r"buy (?:cheap )?backlinks?|dofollow backlinks?|guest posts?|domain authority|rank(?:ing)?s? (?:on|in) google|"
    r"crypto (?:trading|investment)s?|bitcoin (?:trading|investment)s?|forex signals?|passive income|"
    r"онлайн[- ]казино|казино онлайн|фриспин\w*|бездепозитн\w+ бонус\w*|букмекерск\w+ контор\w*|ставки на спорт|"
    r"виагр\w*|сиалис\w*|порно\w*|проститутк\w*|интим[- ]услуг\w*|секс[- ]знакомств\w*|займ\w* без отказа|"
    r"микрозайм\w*|накрутк\w+ подписчиков|прогон\w* по (?:базам|каталогам)|вечны\w+ ссыл\w+|пассивн\w+ доход\w*|"
    r"заработок в интернете|рассылк\w+ по формам|обратной связи сайтов)\b",
    re.IGNORECASE,
)
_LATIN_NAME = re.compile(r"[A-Za-z]{8,}")
_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
FEW_WORDS = 2
"""A message with no more words beside its links is links only."""
MANY_LINKS = 3
REPEATED = 3
"""From so many different people on, a text with a foreign link is a mailing."""
MAX_SENDERS = 20
"""Of one text that are remembered."""
REMEMBERED = 2_000
"""Texts with links that are remembered, at 300 bytes each."""
REPEATED_SECONDS = 86_400.0


def reason(message: str, *, name: str, reachable: bool, hosts: Collection[str], words: Sequence[str]) -> str | None:
    """Why a message is spam, as a sentence; None: it is not.

    ``reachable``: a valid phone number came. ``hosts``: the site's own, links to which are what customers send.
    ``words``: the owner's own, one of which is enough.
    """
    folded = message.casefold()
    own = next((word for word in words if word.casefold() in folded), None)
    if own is not None:
        return f"It has {own!r}, which is among the spam_words of this form."
    foreign = foreign_links(message, hosts)
    if foreign and _is_links_only(message) and (not reachable or len(set(foreign)) >= MANY_LINKS):
        return "Its message is nothing but links to other sites."
    known = {found.casefold() for found in _SPAM_WORDS.findall(message)}
    if known and (foreign or len(known) > 1):
        return f"It advertises: {', '.join(sorted(known)[:3])}."
    if foreign and _MARKUP.search(message) and len(set(foreign)) > 1:
        return "Its message has links as forums write them."
    if LINK.search(name):
        return "Its name is a link."
    if is_nonsense(name) and is_nonsense(message.strip()):
        return "Its name and its message are random letters."
    return None


def foreign_links(message: str, hosts: Collection[str]) -> list[str]:
    """The links in a message that lead elsewhere than to the site it was sent from."""
    return [link for link in LINK.findall(message) if not _is_own(_host(link), hosts)]


def _host(link: str) -> str:
    try:
        return (urlsplit(link if "://" in link else f"//{link}").hostname or "").removeprefix("www.")
    except ValueError:  # a bracket that never closes
        return ""


def host_of(address: str | None) -> str | None:
    """The host of a page's address, without ``www.``; None where there is none."""
    return _host(address) or None if address else None


def _is_own(host: str, hosts: Collection[str]) -> bool:
    return any(host == own or host.endswith(f".{own}") for own in hosts)


def _is_links_only(message: str) -> bool:
    return len(_WORD.findall(LINK.sub(" ", message))) <= FEW_WORDS


def is_nonsense(text: str) -> bool:
    """One word of at least eight Latin letters with capitals in its midst as no name has them, or without a vowel."""
    if not _LATIN_NAME.fullmatch(text):
        return False
    return len(_INNER_CAPITAL.findall(text)) >= 3 or not _VOWEL.search(text)


class Repeats:
    """Remembers texts with foreign links, of all forms, and from how many different people and forms each came."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, tuple[float, frozenset[tuple[str, str]]]] = OrderedDict()

    def is_mailing(self, message: str, form: str, person: str, now: float) -> bool:
        """Whether this text came from at least three people through at least two forms within a day.

        ``now``: seconds. One form alone may fill in a text of its own for everybody.
        """
        text = " ".join(message.casefold().split())
        key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        since, seen = self._seen.get(key, (now, frozenset[tuple[str, str]]()))
        if now - since > REPEATED_SECONDS:
            since, seen = now, frozenset()
        if len(seen) < MAX_SENDERS:
            seen |= {(form, person)}
        self._seen[key] = since, seen
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return len({one for _, one in seen}) >= REPEATED and len({one for one, _ in seen}) > 1
