"""What Prometheus is told: HTTP requests by route, and the store's figures."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halve.core.models import ImageState
from halve.core.tally import Tally

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})


class Metrics:
    """One server's own registry, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "halve_http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "halve_http_request_duration_seconds",
            "Time from an HTTP request's first byte to the last one of its answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._figures: dict[str, Gauge] = {}
        self._done = _Done()
        self.registry.register(self._done)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def set_figures(self, figures: dict[str, int]) -> None:
        """`requests.pending` → `halve_requests{state="pending"}`."""
        for name, value in figures.items():
            what, _, state = name.partition(".")
            gauge = self._figures.get(what)
            if gauge is None:
                gauge = Gauge(f"halve_{what}", f"{what.capitalize()} in the state store.", ("state",), registry=self.registry)
                self._figures[what] = gauge
            gauge.labels(state).set(value)

    def watch(self, tally: Tally) -> None:
        """Tell what the worker in this process does, too."""
        self._done.tally = tally

    def text(self, accept: str) -> tuple[bytes, str]:
        """What is scraped, and its media type, in the form that the `Accept` header asks for."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type


class _Done(Collector):
    """A process's tally, as counters."""

    def __init__(self) -> None:
        self.tally = Tally()

    def collect(self) -> Iterator[CounterMetricFamily]:
        images = CounterMetricFamily("halve_images", "Images that ended, by how.", labels=["state"])
        for state in (ImageState.DONE, ImageState.KEPT, ImageState.FAILED):
            images.add_metric([state.value], self.tally.images[state])
        yield images
        sizes = CounterMetricFamily("halve_image_bytes", "Bytes of images that succeeded, before and after.", labels=["side"])
        sizes.add_metric(["in"], self.tally.bytes_in)
        sizes.add_metric(["out"], self.tally.bytes_out)
        yield sizes


class Measured:
    """ASGI middleware that counts and times. Routes are told by their templates, so ids do not multiply the series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.observe(scope["method"], route, status, perf_counter() - began)
