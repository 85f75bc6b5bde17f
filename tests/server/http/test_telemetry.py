"""OpenTelemetry: a real service exports traces and metrics to a collector, and no secret."""

import asyncio
import signal

import aiohttp

from fake_portkey import Answer, FakePortkey
from http_service import HEADERS, TOKEN, running_service, wait_for_port

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "list_workspaces", "arguments": {"name": "a-canary"}},
}


async def test_requests_and_tool_calls_are_traced_and_measured_without_their_contents(port):
    number = port()
    with FakePortkey() as collector:
        collector.script([Answer(body=b"")])
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.removesuffix("/v1"),
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup",  # the old and the new names of attributes
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
            "PORTKEY_KEY_MODE": "either",
            "MCP_SESSION_MODE": "stateless",
        }
        with running_service(number, "--sandbox", **environment) as served:
            wait_for_port(number)
            own = {"x-portkey-api-key": "pk-a-canary"}
            async with aiohttp.ClientSession(headers=HEADERS | own) as session:
                url = f"http://127.0.0.1:{number}/mcp"
                async with session.post(url, json=CALL) as response:
                    assert response.status == 200
                    await response.read()
                async with session.get(f"{url}?tools=users&token=a-canary") as response:
                    assert response.status == 400
            served.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(served.process.wait, 20)

        exported = {request.target: request.body for request in collector.requests}

    exported_bytes = b"".join(exported.values())
    assert set(exported) == {"/v1/traces", "/v1/metrics"}
    assert b"list_workspaces" in exported["/v1/traces"]
    assert b"mcp_protocol_version" in exported["/v1/traces"]  # a header that is recorded
    assert b"http.server" in exported["/v1/metrics"]
    assert TOKEN.encode() not in exported_bytes
    assert b"a-canary" not in exported_bytes
