"""Traces and metrics for OpenTelemetry, when OTLP variables name somebody who takes them."""

from typing import Any, NamedTuple

from starlette.middleware import Middleware

from ... import __version__
from ...errors import ConfigurationError

UNTRACED = "/health$,/ready$"


class Telemetry(NamedTuple):
    """What is started with the service, and stopped with it."""

    middleware: Middleware
    providers: tuple[Any, ...]

    def close(self) -> None:
        """Send what is left."""
        for provider in self.providers:
            provider.shutdown()


def start_telemetry() -> Telemetry:
    """Trace requests and tool calls, and measure requests; OTEL_ variables say where to and how.

    Raises ConfigurationError where the libraries for it are not installed.
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
    except ImportError as error:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the libraries for it are not installed: "
            "install portkey-admin-mcp[otel], or unset it."
        ) from error
    import fastmcp

    about = Resource.create({"service.name": "portkey-admin-mcp", "service.version": __version__})
    tracing = TracerProvider(resource=about)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    measuring = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], about)
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(measuring)
    # Off otherwise, by isolate_fastmcp: a span for each tool call, with its name and outcome.
    fastmcp.settings.telemetry_mode = "native"
    middleware = Middleware(
        OpenTelemetryMiddleware,
        tracer_provider=tracing,
        meter_provider=measuring,
        excluded_urls=UNTRACED,
    )
    return Telemetry(middleware, (tracing, measuring))
