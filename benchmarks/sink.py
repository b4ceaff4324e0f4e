"""``python -m benchmarks.sink PORT``: a receiver of webhooks that does nothing but count."""

from __future__ import annotations

import json
import sys
import time
from urllib.request import urlopen

from aiohttp import web


class Sink:
    """Counts posts; ``GET /`` says how many, and when the first and the last came."""

    def __init__(self) -> None:
        self.count = 0
        self.first = 0.0
        self.last = 0.0

    async def post(self, request: web.Request) -> web.Response:
        """Take one."""
        await request.read()
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.count += 1
        return web.Response(status=204)

    async def get(self, _request: web.Request) -> web.Response:
        """What came."""
        return web.json_response({"count": self.count, "seconds": self.last - self.first})


def counted(port: int) -> tuple[int, float]:
    """How many the sink on ``port`` has, and the seconds between its first and its last."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        found = json.load(answer)
    return int(found["count"]), float(found["seconds"])


def main(port: int) -> None:
    """Serve until the process is ended."""
    sink = Sink()
    app = web.Application()
    app.router.add_post("/", sink.post)
    app.router.add_get("/", sink.get)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
