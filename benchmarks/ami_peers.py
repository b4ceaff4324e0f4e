"""panoramisk and cacofonisk on the stream of P1. Run by the Python of an environment that has them, not by ours.

``python benchmarks/ami_peers.py NAME FILE`` prints events a second and the number of events that made the peer fail.
panoramisk is framing and dispatch; cacofonisk is the call logic on top of it, wired as its own AmiRunner does.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CHUNK = 65_536
Handler = Callable[[Any], None]


def play(data: bytes, handle: Handler) -> float:
    """Feed the stream to panoramisk's protocol as a socket would; the seconds it took."""
    from panoramisk.ami_protocol import AMIProtocol

    protocol = AMIProtocol()
    protocol.connection_made(SimpleNamespace(close=lambda: None))
    protocol.encoding = "utf8"
    protocol.factory = SimpleNamespace(dispatch=handle, save_stream=None)
    began = time.perf_counter()
    for start in range(0, len(data), CHUNK):
        protocol.data_received(data[start : start + CHUNK])
    return time.perf_counter() - began


def call_logic(failures: list[str]) -> Handler:
    """cacofonisk's event handler with a reporter that does nothing; what it raises is counted."""
    from cacofonisk.handlers import EventHandler
    from cacofonisk.reporters import BaseReporter

    handler = EventHandler(reporter=BaseReporter(), hostname="localhost", logger=logging.getLogger("cacofonisk"))
    wanted = frozenset(handler.event_handlers())

    def handle(event: Any) -> None:
        if event.event in wanted:
            try:
                handler.on_event(event)
            except Exception as error:  # one event must not end the measurement of all
                failures.append(type(error).__name__)

    return handle


def main() -> None:
    """Measure one peer."""
    logging.disable(logging.CRITICAL)
    name, file = sys.argv[1:]
    data = Path(file).read_bytes()
    failures: list[str] = []
    handle = call_logic(failures) if name == "cacofonisk" else lambda _event: None
    seconds = play(data, handle)
    print(data.count(b"Event: ") / seconds, len(failures))


if __name__ == "__main__":
    main()
