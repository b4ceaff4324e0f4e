"""Third-party mails with expected results, compared with what we read. Not part of the repository: see
LEADGATE_CORPORA.

Each ``check_*`` function reads one source and yields one ``Check`` a field that has an expectation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.core.types import Json
from gateway.mail.inspect import inspect_mail
from gateway.mail.parse import Letter, html_to_text, read_letter
from gateway.mail.understand.forward import find_forward
from gateway.mail.understand.history import split_history

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ROOT = Path(os.environ.get("LEADGATE_CORPORA") or Path(__file__).parents[4] / "shared") / "mail"
NOT_MAIL = ("expected.json", "COPYING", "LICENSE", "SOURCES.md")


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison."""

    source: str
    field: str
    file: str
    got: Json
    expected: Json

    @property
    def ok(self) -> bool:
        """True when we read what was expected."""
        return bool(self.got == self.expected)


def expectations(source: str) -> dict[str, Json]:
    """The expected.json of one source."""
    table: dict[str, Json] = json.loads((ROOT / source / "expected.json").read_text(encoding="utf-8"))
    return table


def all_mails() -> list[Path]:
    """Every file of the corpora that is a mail."""
    folders = [
        f for f in sorted(ROOT.iterdir()) if f.is_dir() and not f.name.startswith(("body_", "imaptest", "mimekit_tnef"))
    ]
    return [p for folder in folders for p in sorted(folder.iterdir()) if p.is_file() and p.name not in NOT_MAIL]


def letter_of(source: str, file: str) -> Letter:
    """One mail, parsed."""
    return read_letter((ROOT / source / file).read_bytes(), NOW)


def words(text: str | None) -> str:
    """Text without the differences of white space that nobody sees."""
    return " ".join((text or "").split())


def date_of(text: str) -> str | None:
    """An expected date in UTC; the year 1900 is how imap_tools writes "none", 3609 is absurd."""
    moment = datetime.fromisoformat(text)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return moment.isoformat() if 1970 <= moment.year < 2100 else None


def check_imap_tools() -> Iterator[Check]:
    """Full expectations: subject, addresses, date, text, attachments."""
    for file, want in expectations("imap_tools").items():
        letter = letter_of("imap_tools", file)
        pairs: list[tuple[str, Json, Json]] = [
            ("subject", words(letter.subject), words(want["subject"])),
            ("from", letter.from_.email if letter.from_ else None, want["from"]["email"] if want["from"] else None),
            ("name", letter.from_.name if letter.from_ else None, want["from"]["name"] if want["from"] else None),
            ("to", [box.email for box in letter.to], [box["email"] for box in want["to"] if box["email"]]),
            ("cc", [box.email for box in letter.cc], [box["email"] for box in want["cc"] if box["email"]]),
            ("date", letter.date.isoformat() if letter.date else None, date_of(want["date"])),
            ("attachments", _named(letter), [_attached(one) for one in want["attachments"] if one["filename"]]),
        ]
        if want["text"].strip():
            pairs.append(("text", words(letter.text), words(want["text"])))
        elif want["html"].strip():
            pairs.append(("html", words(letter.text), words(html_to_text(want["html"])[0])))
        yield from (Check("imap_tools", field, file, got, expected) for field, got, expected in pairs)


def _named(letter: Letter) -> list[list[Json]]:
    """Attachments that came with a name; the sizes of nested letters depend on how the reader writes them again."""
    return [_sized(a.name, a.content_type, a.size) for a in letter.attachments if not a.name.startswith("attachment-")]


def _attached(want: Json) -> list[Json]:
    return _sized(want["filename"], want["content_type"], want["size"])


def _sized(name: str, content_type: str, size: int) -> list[Json]:
    return [name, content_type, None if content_type == "message/rfc822" else size]


def check_stalwart() -> Iterator[Check]:
    """Torture cases of Dovecot and the examples of the RFCs."""
    for file, want in expectations("stalwart_mail_parser").items():
        letter = letter_of("stalwart_mail_parser", file)
        yield Check("stalwart", "subject", file, words(letter.subject), words(want["subject"]))
        emails = [box["email"] for box in want["from"] if box["email"]]
        yield Check(
            "stalwart", "from", file, [letter.from_.email] if letter.from_ and letter.from_.email else [], emails[:1]
        )
        yield Check(
            "stalwart", "to", file, [b.email for b in letter.to], [b["email"] for b in want["to"] if b["email"]]
        )
        if want["message_id"]:
            yield Check("stalwart", "message_id", file, letter.message_id, want["message_id"])
        texts = [words(text) for text in want["text_bodies"] if words(text)]
        if texts and not want["encoding_problem"] and not texts[0].startswith("<html"):  # it shows HTML as it is
            yield Check("stalwart", "text", file, words(letter.text), words(" ".join(texts)))


def check_php_imap() -> Iterator[Check]:
    """Bug reports of users."""
    for file, want in expectations("php_imap").items():
        letter = letter_of("php_imap", file)
        if "subject" in want:
            yield Check("php_imap", "subject", file, words(letter.subject), words(want["subject"]))
        if "text" in want:
            yield Check("php_imap", "text", file, words(letter.text), words(want["text"]))
        if "attachment_count" in want:
            yield Check("php_imap", "attachment_count", file, len(letter.attachments), want["attachment_count"])
        real = [name for name in want.get("attachment_filenames", ()) if "." in name]
        if real:
            names = [a.name for a in letter.attachments]
            yield Check("php_imap", "names", file, [name for name in real if name in names], real)
        if "date_utc" in want:
            yield Check(
                "php_imap",
                "date",
                file,
                letter.date.strftime("%Y-%m-%d %H:%M:%S") if letter.date else None,
                want["date_utc"],
            )
        if "message_id" in want:
            yield Check("php_imap", "message_id", file, letter.message_id, want["message_id"])
        for field, boxes in (("from_first", [letter.from_] if letter.from_ else []), ("to_first", list(letter.to))):
            if "@" in want.get(field, ""):
                yield Check("php_imap", field, file, boxes[0].email if boxes else None, want[field])


def check_php_mime() -> Iterator[Check]:
    """Subjects, addresses, and a phrase of the text."""
    for file, want in expectations("php_mime_mail_parser").items():
        letter = letter_of("php_mime_mail_parser", file)
        yield Check("php_mime", "subject", file, words(letter.subject), words(want["subject"]))
        yield Check("php_mime", "from", file, letter.from_.email if letter.from_ else None, want["from"][0]["email"])
        yield Check("php_mime", "to", file, [b.email for b in letter.to], [b["email"] for b in want["to"]])
        yield Check("php_mime", "text", file, want["text"]["value"].strip() in letter.text, True)


def check_mime4j() -> Iterator[Check]:
    """Line ends and boundaries gone wrong: every text leaf must be in what we show."""
    for file, want in expectations("mime4j").items():
        letter = letter_of("mime4j", file)
        texts = [
            leaf["text_latin1"]
            for leaf in want["leaf_parts"].values()
            if leaf["kind"] == "txt" and leaf["text_latin1"].strip()
        ]
        if texts:
            yield Check(
                "mime4j",
                "text",
                file,
                words(texts[0])[:60].encode("ascii", "ignore").decode() in _ascii(letter.text),
                True,
            )


def _ascii(text: str) -> str:
    return words(text).encode("ascii", "ignore").decode()


def _kind(source: str, file: str) -> str:
    kind: str = inspect_mail((ROOT / source / file).read_bytes(), file=file, region="RU", now=NOW)["kind"]
    return kind


def check_sisimai() -> Iterator[Check]:
    """Bounces of many mail systems, vacation answers, abuse reports, and letters that only look like them."""
    for file, want in expectations("sisimai").items():
        kind = _kind("sisimai", file)
        yield Check("sisimai", "bounce", file, kind == "bounce", want["bounce"])
        if want.get("auto_reply") is not None:
            yield Check("sisimai", "auto_reply", file, kind == "auto_reply", want["auto_reply"])


def check_bounces() -> Iterator[Check]:
    """The labelled bounces of flanker and enmime."""
    for source in ("flanker", "enmime"):
        for file, want in expectations(source).items():
            yield Check(source, "bounce", file, _kind(source, file) == "bounce", want["bounce"])


def check_spamassassin() -> Iterator[Check]:
    """Only that no honest letter is called spam: judging content is the mail server's work."""
    for file, want in expectations("spamassassin").items():
        if not want["spam"]:
            yield Check("spamassassin", "not spam", file, _kind("spamassassin", file) == "spam", False)


def check_talon() -> Iterator[Check]:
    """Answers of the common programs, the HTML of Mail.ru, Yandex and Outlook among them."""
    for file, want in expectations("talon").items():
        text = want["reply_text"].split("\n\n")[0]  # two expectations keep "Sent from my iPhone", which we cut
        yield Check("talon", "new_text", file, words(split_history(letter_of("talon", file).text).new), words(text))
    for path in sorted((ROOT / "talon" / "html_replies").iterdir()):
        shown, _ = html_to_text(path.read_text(encoding="utf-8", errors="replace"))
        yield Check("talon", "html", path.name, words(split_history(shown).new).startswith("Hi. I am fine."), True)
        yield Check("talon", "html cut", path.name, "How are you" in split_history(shown).new, False)


def check_forwards() -> Iterator[Check]:
    """Forwards of ten programs in 21 languages: original sender, subject and text."""
    folder = ROOT / "body_forward_crisp"
    for file, cases in expectations("body_forward_crisp").items():
        for want in cases:
            fixture = want.get("subject_fixture")
            subject = (folder / fixture).read_text(encoding="utf-8").strip() if fixture else "Integer"
            head = f"From: Boss <boss@our.ru>\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n"
            letter = read_letter((head + (folder / file).read_text(encoding="utf-8")).encode(), NOW)
            forward = find_forward(letter, split_history(letter.text))
            yield Check("forward_crisp", "found", file, forward is not None, want["forwarded"])
            if forward is None or not want["forwarded"]:
                continue
            if (want.get("from") or {}).get("email"):
                yield Check("forward_crisp", "sender", file, forward.sender.email, want["from"]["email"])
            if want.get("body"):
                yield Check("forward_crisp", "body", file, words(forward.text), words(want["body"]))


def check_replies(source: str, key: str) -> Iterator[Check]:
    """Answers with the history below: ``new_text`` of the whole letter, as ``leadgate inspect mail`` gives it."""
    head = b"From: Ivan <ivan@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    for file, want in expectations(source).items():
        raw = head + (ROOT / source / file).read_bytes()
        got = inspect_mail(raw, file=file, region="RU", now=NOW)["new_text"]
        yield Check(source, "new_text", file, words(got), words(want[key]))


CHECKS: dict[str, Callable[[], Iterator[Check]]] = {
    "imap_tools": check_imap_tools,
    "stalwart": check_stalwart,
    "php_imap": check_php_imap,
    "php_mime": check_php_mime,
    "mime4j": check_mime4j,
    "sisimai": check_sisimai,
    "bounces": check_bounces,
    "spamassassin": check_spamassassin,
    "talon": check_talon,
    "forward_crisp": check_forwards,
    "reply_crisp": lambda: check_replies("body_reply_crisp", "first_fragment"),
    "reply_discourse": lambda: check_replies("body_reply_discourse", "trimmed"),
}
"""Name of the source -> its comparisons."""
