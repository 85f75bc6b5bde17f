"""Prometheus metrics: requests, sessions, tool calls.

With several workers, each writes its metrics into files of a shared directory, and the worker that
answers `/metrics` adds them up: the multiprocess mode of prometheus_client. The library selects it
when it is imported, if PROMETHEUS_MULTIPROC_DIR is set; `serve.run_workers` sets it.
"""

import os
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.values import MutexValue, ValueClass
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .paths import MCP, PAGES

PATHS = PAGES | {MCP}
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})
IS_MULTIPROCESS = ValueClass is not MutexValue
"""Whether prometheus_client keeps values in files that several processes share."""

CALL_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of this process, or of all workers.

    Label values never come from the caller unchecked: each new value takes memory.
    """

    def __init__(self, sessions: Callable[[], int]) -> None:
        # Not the global registry of the library: two services in one process would share it.
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "portkey_admin_http_requests",
            "HTTP requests.",
            ("path", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "portkey_admin_http_request_seconds",
            "Seconds until the response was complete; for GET /mcp, how long the stream was open.",
            ("path", "method"),
            registry=registry,
        )
        self._calls = Counter(
            "portkey_admin_tool_calls", "Tool calls.", ("tool", "outcome"), registry=registry
        )
        self._call_seconds = Histogram(
            "portkey_admin_tool_call_seconds",
            "Duration of tool calls in seconds.",
            ("tool",),
            buckets=CALL_BUCKETS_S,
            registry=registry,
        )
        # Of running workers only. Not set_function: it does not work in multiprocess mode.
        self._open_sessions = Gauge(
            "portkey_admin_sessions",
            "Open sessions.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._sessions = sessions

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Wrap `app` to count its responses and their durations."""

        async def measured_app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            # The status that uvicorn sends if the app fails before its response starts.
            status = 500

            async def record_status(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            started = time.perf_counter()
            try:
                await app(scope, receive, record_status)
            finally:
                self._record_request(scope, status, time.perf_counter() - started)

        return measured_app

    def tool_called(self, name: str, outcome: str, seconds: float) -> None:
        """Count a call; `name` must be that of an existing tool."""
        self._calls.labels(name, outcome).inc()
        self._call_seconds.labels(name).observe(seconds)

    async def page(self, _request: Request) -> Response:
        """Answer `GET /metrics`."""
        self._open_sessions.set(self._sessions())
        registry = self._registry
        if IS_MULTIPROCESS:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # not typed
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return Response(generate_latest(registry), headers=headers)

    def close(self) -> None:
        """Remove this worker's open sessions from the sum."""
        if IS_MULTIPROCESS:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]  # not typed

    def _record_request(self, scope: Scope, status: int, seconds: float) -> None:
        path = MCP if scope["path"] == f"{MCP}/" else scope["path"]
        path = path if path in PATHS else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(path, method, str(status)).inc()
        self._seconds.labels(path, method).observe(seconds)
