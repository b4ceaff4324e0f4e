"""The closed set of errors that cross a room's door.

Each says whether trying again can help (``retryable``), carries a stable ``code`` for programs, and reads as a sentence
for people: what is wrong, with which thing, and the way out.
"""

from __future__ import annotations

from gateway.core.sentences import Sentence


class LeadgateError(Exception):
    """Base of all errors that Leadgate raises on purpose.

    ``NotFound("There is no stage %(stage)s.", stage=name)``: programs and the log get English, and the pages say it
    in their reader's language. So the sentence is a literal, and tests/unit/web/test_refusals.py looks it up.
    """

    code = "error"
    retryable = False

    def __init__(self, sentence: str | Sentence = "", /, **values: object) -> None:
        self.sentence = sentence if isinstance(sentence, Sentence) else Sentence(sentence, values)
        super().__init__(str(self.sentence))


class StoreUnavailable(LeadgateError):
    """The database can't be reached or can't be written to now."""

    code = "store_unavailable"
    retryable = True


class NotDurable(LeadgateError):
    """Neither the database nor the spool took the item: the sender must be asked to try again."""

    code = "not_durable"
    retryable = True


class SchemaTooNew(LeadgateError):
    """The database was written by a newer Leadgate than this one."""

    code = "schema_too_new"


class ConfigError(LeadgateError):
    """The configuration can't be used. The text names file, line and the nearest valid name."""

    code = "config"


class Unreadable(LeadgateError):
    """A raw item that no connector can make sense of. It stays stored and visible."""

    code = "unreadable"


class NotFound(LeadgateError):
    """What was asked for is not there."""

    code = "not_found"


class Conflict(LeadgateError):
    """Somebody else was faster, or it would contradict what is there. The sentence says who or what."""

    code = "conflict"


class NotPossible(LeadgateError):
    """What was asked for makes no sense as asked: an unknown stage, an empty note, an amount without a currency."""

    code = "not_possible"
