"""Traces and metrics for OpenTelemetry, if an OTLP endpoint is set."""

from typing import Any, NamedTuple

from starlette.middleware import Middleware
from starlette.types import Scope

from ... import __version__
from ...errors import ConfigurationError

UNTRACED_PATHS = "/health$,/ready$"
SECRET_HEADERS = ["authorization", "proxy-authorization", "cookie", ".*key.*", ".*token.*"]
"""Patterns of the names of headers whose values are not recorded."""
ATTRIBUTES_WITH_QUERY = ("http.url", "http.target", "url.full", "url.query")


class Telemetry(NamedTuple):
    """The middleware that traces requests, and the providers to shut down with the service."""

    middleware: Middleware
    providers: tuple[Any, ...]

    def close(self) -> None:
        """Export what is buffered, and stop."""
        for provider in self.providers:
            provider.shutdown()


def start_telemetry() -> Telemetry:
    """Trace requests and tool calls, and measure requests, as the OTEL_ variables configure it.

    Raises ConfigurationError if the OpenTelemetry libraries are not installed.
    """
    try:
        from opentelemetry import metrics, trace
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.util.http import (
            OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS as SANITIZED,
        )
        from opentelemetry.util.http import get_custom_headers
    except ImportError as error:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the OpenTelemetry libraries are not "
            "installed: install portkey-admin-mcp[otel], or unset the variable."
        ) from error

    resource = Resource.create(
        {"service.name": "portkey-admin-mcp", "service.version": __version__}
    )
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    meter_provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)
    # The SDK's server makes a span for each message, with the tool's name and the outcome.
    middleware = Middleware(
        OpenTelemetryMiddleware,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        excluded_urls=UNTRACED_PATHS,
        server_request_hook=_remove_query,
        # OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_… may record headers, but none with a secret.
        http_capture_headers_sanitize_fields=[*SECRET_HEADERS, *get_custom_headers(SANITIZED)],
    )
    return Telemetry(middleware, (tracer_provider, meter_provider))


def _remove_query(span: Any, scope: Scope) -> None:
    """Remove the query from a span: a request with a token there is refused, but traced."""
    if scope.get("query_string"):
        recorded = getattr(span, "attributes", None) or {}
        for name in ATTRIBUTES_WITH_QUERY:
            if name in recorded:
                is_url = name != "url.query"
                span.set_attribute(name, recorded[name].partition("?")[0] if is_url else "")
