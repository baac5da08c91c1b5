"""Numbers for Prometheus: requests, their times, what was judged, what is waiting."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_TIMES_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Measures:
    """The server's numbers, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "mammoscope_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "mammoscope_request_seconds",
            "From request to the end of the answer.",
            ("route",),
            buckets=_TIMES_S,
            registry=self.registry,
        )
        self.pending = Gauge(
            "mammoscope_jobs_pending", "Jobs that wait or run.", registry=self.registry
        )
        self.judged = Gauge(
            "mammoscope_images_judged", "Images judged since the start.", registry=self.registry
        )
        self.studies = Gauge("mammoscope_studies", "Studies kept.", registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware that counts requests by route; a path's ids never become labels."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app, self.measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, seen)
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.measures.requests.labels(method, route, str(status)).inc()
            self.measures.seconds.labels(route).observe(time.perf_counter() - start)
