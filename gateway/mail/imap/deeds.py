"""What is done with letters after they were stored, where the configuration asks for it. Blocking, as the session is.

The only code that opens a folder for writing. It touches nothing but the letters that were stored a moment ago, and
never removes a letter that it has not copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from gateway.core.errors import LeadgateError
from gateway.mail.imap.trouble import words_of
from gateway.mail.settings import SEEN

AT_ONCE = 500
"""Letters of one command: its line stays below 8 KB."""


class DeedRefused(LeadgateError):
    """The server does not do it. The connection is in order."""

    code = "deed_refused"


def act(client: Any, folder: str, uidvalidity: int, uids: Sequence[int], after: str) -> None:
    """Do what ``after`` says with letters of ``folder``. Leaves it open for writing: EXAMINE it again.

    Raises DeedRefused, and what a broken connection raises. Nothing is done where UIDs mean something else now.
    """
    try:
        answer = client.select_folder(folder)
        if int(answer.get(b"UIDVALIDITY") or 0) != uidvalidity:
            return
        for start in range(0, len(uids), AT_ONCE):
            _act(client, list(uids[start : start + AT_ONCE]), after)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise DeedRefused(
            'Letters of "%(folder)s" were stored, but not marked (after = "%(after)s"): %(words)s',
            folder=folder,
            after=after,
            words=words_of(error),
        ) from None


def _act(client: Any, uids: list[int], after: str) -> None:
    deed, _, name = after.partition(":")
    if after == SEEN:
        client.add_flags(uids, ["\\Seen"], silent=True)
    elif deed == "flag":
        client.add_flags(uids, [name], silent=True)
    elif client.has_capability("MOVE"):
        client.move(uids, name)
    elif client.has_capability("UIDPLUS"):
        client.copy(uids, name)
        client.add_flags(uids, ["\\Deleted"], silent=True)
        client.uid_expunge(uids)
    else:  # a plain EXPUNGE would remove what others have marked as deleted, too
        raise IMAPClientError("the server can't move letters (neither MOVE nor UIDPLUS)")
