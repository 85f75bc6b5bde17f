"""Counting tool calls for Prometheus, in the SDK and in the fast path."""

import time
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from ..calls.outcome import Outcome
from ..fastpath.answers import Call
from .pages.metrics import Metrics


def counted_calls(call: Call, metrics: Metrics) -> Call:
    """The same calls, counted: those of the fast path, which knows no middleware."""

    async def counted(name: str, arguments: dict[str, Any]) -> Outcome:
        began = time.perf_counter()
        outcome = await call(name, arguments)
        told = "error" if outcome.is_error else "ok"
        metrics.tool_called(name, told, time.perf_counter() - began)
        return outcome

    return counted


class ToolCallMetrics(Middleware):
    """Counts calls of existing tools; an unknown name must not become a label."""

    def __init__(self, metrics: Metrics, names: set[str]) -> None:
        self._metrics = metrics
        self._names = names

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Record the outcome and the duration of the call."""
        outcome, began = "error", time.perf_counter()
        try:
            result = await call_next(context)
            outcome = "ok"
            return result
        finally:
            if context.message.name in self._names:
                elapsed_s = time.perf_counter() - began
                self._metrics.tool_called(context.message.name, outcome, elapsed_s)
