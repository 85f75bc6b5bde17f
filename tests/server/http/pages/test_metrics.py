"""The metrics that Prometheus reads."""

import httpx2
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from portkey_admin_mcp.server.http.pages.metrics import Metrics


async def ok(_request):
    return PlainTextResponse("ok")


async def failing(_request):
    raise RuntimeError


async def samples_after(metrics, *requests):
    """Send these requests to a measured app, and return the samples."""
    routes = [
        Route("/mcp", ok, methods=["POST"]),
        Route("/health", failing),
        Route("/metrics", metrics.page),
    ]
    served = httpx2.ASGITransport(
        metrics.middleware(Starlette(routes=routes)), raise_app_exceptions=False
    )
    async with httpx2.AsyncClient(transport=served, base_url="http://127.0.0.1") as client:
        for method, path in requests:
            await client.request(method, path)
        return (await client.get("/metrics")).text


async def test_requests_are_counted_by_path_method_and_status():
    text = await samples_after(
        Metrics(lambda: 4), ("POST", "/mcp"), ("POST", "/mcp"), ("GET", "/metrics"), ("PUT", "/mcp")
    )

    name = "portkey_admin_http_requests_total"
    assert f'{name}{{method="POST",path="/mcp",status="200"}} 2.0' in text
    assert f'{name}{{method="GET",path="/metrics",status="200"}} 1.0' in text
    assert f'{name}{{method="PUT",path="/mcp",status="405"}} 1.0' in text
    seconds = "portkey_admin_http_request_seconds_count"
    assert f'{seconds}{{method="POST",path="/mcp"}} 2.0' in text
    assert "portkey_admin_sessions 4.0" in text


async def test_a_request_that_raises_counts_as_500():
    text = await samples_after(Metrics(lambda: 0), ("GET", "/health"))

    assert 'requests_total{method="GET",path="/health",status="500"} 1.0' in text


async def test_unknown_paths_and_methods_are_no_labels():
    text = await samples_after(Metrics(lambda: 0), ("GET", "/made-up"), ("BREW", "/mcp"))

    assert 'requests_total{method="GET",path="other",status="404"} 1.0' in text
    assert 'requests_total{method="other",path="/mcp",status="405"} 1.0' in text
    assert "made-up" not in text
    assert "BREW" not in text


async def test_tool_calls_are_counted_by_outcome():
    metrics = Metrics(lambda: 0)
    metrics.tool_called("list_configs", "ok", 0.2)
    metrics.tool_called("list_configs", "error", 0.1)

    text = await samples_after(metrics)

    name = "portkey_admin_tool_calls_total"
    assert f'{name}{{outcome="ok",tool="list_configs"}} 1.0' in text
    assert f'{name}{{outcome="error",tool="list_configs"}} 1.0' in text
    assert 'tool_call_seconds_sum{tool="list_configs"} 0.3' in text


async def test_two_services_in_one_process_have_separate_metrics():
    first, second = Metrics(lambda: 1), Metrics(lambda: 2)
    first.tool_called("list_configs", "ok", 0.1)

    assert "list_configs" not in await samples_after(second)
