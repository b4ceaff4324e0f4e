"""``GET /metrics`` for Prometheus: the same facts as /health, and what the listeners did."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from gateway.core.clock import Clock
from gateway.web.health import Backlog, Status, StatusSource, age_seconds
from gateway.web.problems import route_name

METRICS_PATH = "/metrics"
BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
"""Seconds. A page has 0.1 s, a form's sender gives up after about 10 s."""


class StatusCollector(Collector):
    """Shows the status that was set last."""

    def __init__(self, clock: Clock, version: str) -> None:
        self._clock = clock
        self._version = version
        self.status: Status | None = None

    def collect(self) -> Iterator[Metric]:
        """Gauges of the last status; only the version before there is one."""
        yield InfoMetricFamily("leadgate", "The running version.", value={"version": self._version})
        if self.status is None:
            return
        yield GaugeMetricFamily("leadgate_database_up", "1 while the database takes writes.", self.status.database.ok)
        yield from self._sources(self.status)
        for name, backlog, text in (
            ("spool", self.status.spool, "Items in files, as the database was away"),
            ("journal", self.status.journal, "Items stored, not yet turned into leads"),
            ("outbox", self.status.outbox, "Deliveries to CRMs that wait"),
            ("outgoing", self.status.outgoing, "Letters and messages on their way out"),
        ):
            yield from self._backlog(name, backlog, text)
        yield GaugeMetricFamily("leadgate_journal_aside", "Items set aside for a person.", self.status.journal_aside)
        yield GaugeMetricFamily("leadgate_outbox_held", "Deliveries held for a person.", self.status.outbox_held)
        yield GaugeMetricFamily("leadgate_outbox_dead", "Deliveries given up.", self.status.outbox_dead)

        yield from self._outgoing(self.status)

    def _outgoing(self, status: Status) -> Iterator[Metric]:
        yield GaugeMetricFamily("leadgate_outgoing_failed", "Letters and messages given up.", status.outgoing_failed)
        yield GaugeMetricFamily(
            "leadgate_outgoing_unknown", "Letters of which nobody knows whether they arrived.", status.outgoing_unknown
        )
        tries = CounterMetricFamily(
            "leadgate_outgoing_tries", "Tries to send a letter or message, by result.", labels=["result"]
        )
        for result, count in sorted({"sent": 0, **status.outgoing_tries}.items()):
            tries.add_metric([result], count)
        yield tries

    def _sources(self, status: Status) -> Iterator[Metric]:
        up = GaugeMetricFamily("leadgate_source_up", "1 while the source works.", labels=["source"])
        age = GaugeMetricFamily(
            "leadgate_source_last_event_age_seconds", "Since the source's last event.", labels=["source"]
        )
        now = self._clock.now()
        for source in status.sources:
            up.add_metric([source.name], source.ok)
            seconds = age_seconds(source.last_event_at, now)
            if seconds is not None:
                age.add_metric([source.name], seconds)
        yield from (up, age)

    def _backlog(self, name: str, backlog: Backlog, text: str) -> Iterator[Metric]:
        age = age_seconds(backlog.oldest_at, self._clock.now()) or 0.0
        yield GaugeMetricFamily(f"leadgate_{name}_waiting", f"{text}.", backlog.count)
        yield GaugeMetricFamily(f"leadgate_{name}_oldest_age_seconds", f"{text}: age of the oldest.", age)


class WebMetrics:
    """The registry and what is counted into it."""

    def __init__(self, clock: Clock, version: str) -> None:
        self.registry = CollectorRegistry()
        self._status = StatusCollector(clock, version)
        self.registry.register(self._status)
        self._clock = clock
        self._seconds = Histogram(
            "leadgate_http_request_seconds",
            "Time to answer, by route.",
            ("route", "method"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "leadgate_http_responses", "Answers, by route and status.", ("route", "status"), registry=self.registry
        )

    def middleware(self) -> Middleware:
        """Counts every request under its route's pattern, so that strangers can't make new series."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            begun = self._clock.monotonic()
            status = 500
            try:
                response = await handler(request)
                status = response.status
                return response
            except web.HTTPException as redirect:
                status = redirect.status
                raise
            finally:
                route = route_name(request)
                method = request.method if route != "unmatched" else "other"
                self._seconds.labels(route, method).observe(self._clock.monotonic() - begun)
                self._answers.labels(route, str(status)).inc()

        return count

    def route(self, source: StatusSource) -> web.RouteDef:
        """``GET /metrics``."""

        async def answer(_request: web.Request) -> web.Response:
            self._status.status = await source.status()
            return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

        return web.get(METRICS_PATH, answer)
