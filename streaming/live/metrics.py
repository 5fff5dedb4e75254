"""Figures of a live worker for Prometheus, and its `/health`, on one port of loopback."""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from candlewick.health import Condition, Health
from candlewick.live.continuity import Continuity, Saying

_LAGS = (
    *(0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)


class Metrics:
    """Everything that a live worker counts."""

    def __init__(self, venue: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.venue = venue
        self.events = self._counter("events", "Events received", "series")
        self.published = self._counter("published", "Events acknowledged by Pulsar", "series")
        self.published_bytes = self._counter(
            "published_bytes", "Bytes of events acknowledged by Pulsar", "series"
        )
        self.filled = self._counter("filled", "Trades of gaps that the venue gave later", "series")
        self.duplicates = self._gauge("duplicates", "Trades that had come before, dropped", "series")
        self.coalesced = self._gauge(
            "coalesced", "Tickers replaced by newer ones while Pulsar was away", "series"
        )
        self.depth = self._gauge("queue_depth", "Events not yet acknowledged by Pulsar", "series")
        self.open_gaps = self._gauge("open_gaps", "Gaps that are not filled", "series")
        self.gaps = self._counter("gaps", "Gaps that were found", "series")
        self.exchange_lag = self._histogram("exchange_lag_seconds", "From the venue's time to receipt")
        self.publish_lag = self._histogram("publish_lag_seconds", "From sending to Pulsar's acknowledgement")
        self.received_bytes = self._counter("received_bytes", "Bytes received from the venue")
        self.reconnects = self._counter("reconnects", "Connections that ended", "cause")
        self.connected = self._gauge("connected", "1 while the venue's stream is open")
        self.unknown = self._counter("unknown_messages", "Messages of no documented kind")
        self.bad_frames = self._counter("bad_frames", "Frames that could not be read")

    def series(self, name: str) -> "SeriesMetrics":
        return SeriesMetrics(self, name)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"candlewick_live_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"candlewick_live_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"candlewick_live_{name}", text, ("series",), registry=self.registry, buckets=_LAGS)


class SeriesMetrics:
    """The figures of one series; `acknowledged` is called by the client library's thread."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.name = name
        self.count = 0
        self.fills = 0
        self._events = metrics.events.labels(name)
        self._published = metrics.published.labels(name)
        self._bytes = metrics.published_bytes.labels(name)
        self._filled = metrics.filled.labels(name)
        self._gaps = metrics.gaps.labels(name)
        self._exchange_lag = metrics.exchange_lag.labels(name)
        self._publish_lag = metrics.publish_lag.labels(name)

    def events(self, count: int, exchange_lag_s: float) -> None:
        self.count += count
        self._events.inc(count)
        self._exchange_lag.observe(exchange_lag_s)

    def acknowledged(self, size: int, seconds: float) -> None:
        self._published.inc()
        self._bytes.inc(size)
        self._publish_lag.observe(seconds)

    def filled(self, count: int) -> None:
        self.fills += count
        self._filled.inc(count)

    def record(self, record: Continuity) -> None:
        if record.kind == Saying.GAP:
            self._gaps.inc()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """No line per request."""


StartResponse = Callable[[str, list[tuple[str, str]]], object]


class MetricsServer:
    """Serves `/metrics` and `/health` from a thread; `/health` is 200 only while the worker is well."""

    def __init__(self, metrics: Metrics, port: int, health: Callable[[], Health | None]) -> None:
        self._health = health
        self._metrics = make_wsgi_app(metrics.registry)
        self._server = make_server("127.0.0.1", port, self._answer, _Server, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def __enter__(self) -> "MetricsServer":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, object], start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/metrics":
            answer: Iterable[bytes] = self._metrics(environ, start)
            return answer
        if environ.get("PATH_INFO") == "/health":
            record = self._health()
            well = record is not None and record.condition is Condition.OK
            body = {
                "healthy": well,
                "summary": record.summary if record else "starting",
                "facts": dict(record.facts) if record else {},
            }
            start("200 OK" if well else "503 Service Unavailable", [("Content-Type", "application/json")])
            return [json.dumps(body).encode()]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics and /health\n"]
