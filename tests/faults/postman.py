"""Puts letters into a mailbox of the test's Dovecot."""

from __future__ import annotations

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import letter
from tests.peers.dovecot import DovecotServer

LARGE = 200_000
"""Bytes of a large letter's text: it does not come in one piece."""


class Postman:
    """What he put into the mailbox, Leadgate owes."""

    def __init__(self, server: DovecotServer) -> None:
        self.user = server.new_user()
        self.ledger = Ledger()
        self._server = server
        server.maildir(self.user)

    def bring(self, first: int, count: int, *, large: bool = False) -> None:
        """Letters by number."""
        for number in range(first, first + count):
            name = f"mail-{number}"
            message = letter(number, name)
            if large:
                message.set_content("x" * 70 + "\n" + ("y" * 70 + "\n") * (LARGE // 71))
            self.ledger.sent.add(name)
            self._server.deliver(self.user, message.as_bytes())
            self.ledger.acknowledged.add(name)
