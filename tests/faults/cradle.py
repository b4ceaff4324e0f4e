"""``python -m tests.faults.cradle``: loads the gateway's code once and is forked for each start that is asked for.

Each line on stdin is an order (`Order` as JSON), each line on stdout the process id of the gateway that was born. To
load the code takes most of a start: who dies five hundred times should not pay for it each time.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import runpy
import signal
import sys
import traceback
from typing import TypedDict

PRELOADED = ("gateway.app", "gateway.cli.serve", "gateway.config", "gateway.storage.migrations", "alembic.command")
PR_SET_PDEATHSIG = 1
"""prctl(2): the kernel sends the signal when the parent is gone."""


class Order(TypedDict):
    """What a gateway is started with."""

    module: str
    words: list[str]
    environment: dict[str, str]
    folder: str
    log: str


def main() -> None:
    """Serve until stdin ends; the children die with this process."""
    for name in PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    for line in sys.stdin.buffer:
        order: Order = json.loads(line)
        pid = os.fork()
        if not pid:
            os._exit(_live(order))
        print(pid, flush=True)


def _live(order: Order) -> int:
    """The life of a child: the gateway, as ``python -m`` would run it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, path in ((0, os.devnull), (1, order["log"]), (2, order["log"])):
        opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = [order["module"], *order["words"]]
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
