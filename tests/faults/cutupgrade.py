"""``python -m tests.faults.cutupgrade URL N``: upgrades a database and is killed at the N-th statement."""

from __future__ import annotations

import itertools
import os
import signal
import sys

from sqlalchemy import event

from gateway.storage.engine import writing_engine
from gateway.storage.migrations import upgrade_engine
from gateway.storage.settings import StorageSettings


def main(url: str, last: int) -> None:
    """Does not return unless the upgrade has fewer statements."""
    engine = writing_engine(StorageSettings(url=url).resolved(""))
    numbers = itertools.count(1)

    def count(*_: object) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", count)
    upgrade_engine(engine)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
