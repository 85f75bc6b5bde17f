"""The HTTP service logs no secret, of its settings or of its answers, at any log level."""

import base64
import json
import signal

import httpx2

from fake_portkey import Answer, FakePortkey
from http_service import HEADERS, TIMEOUT_S, running_service, wait_for_port
from redis_process import running_redis

CANARY = "Canary"
"""A part of every secret in this test."""

KEY = f"pk-{CANARY}-of-admins"
LINK = f"http://files.example/export.jsonl?X-Amz-Signature={CANARY}-of-a-link"
KEY_ARGUMENTS = {"name": "New", "type": "organisation", "sub_type": "service"}
KEY_ARGUMENTS |= {"scopes": ["logs.view"]}


def tool_call(tool, **arguments):
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def test_the_service_logs_no_secret_whatever_its_log_level(port, capfd):
    """The service reaches Portkey through a proxy, and its Redis goes down."""
    number = port()
    token = f"{CANARY}-of-callers"
    with FakePortkey() as fake, running_redis(f"{CANARY}-of-redis") as redis:
        fake_address = fake.url.removeprefix("http://").removesuffix("/v1")
        environment = {
            **fake.settings,
            "PORTKEY_API_KEY": KEY,
            "PORTKEY_KEY_MODE": "either",
            "PORTKEY_CALLER_KEYS": json.dumps({"bearer:ada": f"{CANARY}-of-ada-at-portkey"}),
            "MCP_METRICS": "true",
            "PORTKEY_BASE_URL": "http://portkey.example/v1",
            "HTTP_PROXY": f"http://me:{CANARY}-of-the-proxy@{fake_address}",
            "MCP_AUTH_TOKEN": token,
            "MCP_AUTH_TOKENS": json.dumps({"ada": f"{CANARY}-of-ada-herself"}),
            "MCP_SESSION_MODE": "stateless",
            "MCP_EVENT_STORE": "redis",
            "RATE_LIMIT_STORE": "redis",
            "MCP_REDIS_URL": redis.url,
            "PORTKEY_CONFIRM": "never",
            "PORTKEY_SECRET_SINK": "result",
            "MCP_EVENT_ENCRYPTION_KEY": base64.b64encode(f"{CANARY:_<32}".encode()).decode(),
            "MCP_FAST_PATH": "off",  # answers are then streams of sse-starlette
            "LOG_LEVEL": "debug",
        }
        client = httpx2.Client(
            base_url=f"http://127.0.0.1:{number}", headers=HEADERS, timeout=TIMEOUT_S
        )
        with running_service(number, **environment) as served, client as service:
            wait_for_port(number)
            authorized = {"authorization": f"Bearer {token}"}

            def call(tool, own_key=None, **arguments):
                body = tool_call(tool, **arguments)
                own = {} if own_key is None else {"x-portkey-api-key": own_key}
                return service.post("/mcp", json=body, headers=authorized | own).text

            fake.script([Answer(body={"id": "k-1", "key": f"{CANARY}-just-created"})] * 3)
            assert f"{CANARY}-just-created" in call("create_api_key", **KEY_ARGUMENTS)
            redis.stop()
            assert "Nothing was sent" in call("create_api_key", **KEY_ARGUMENTS)
            assert fake.requests[0].headers["x-portkey-api-key"] == KEY
            assert "proxy-authorization" in fake.requests[0].headers
            fake.script([Answer(body={"signed_url": LINK}), Answer(403, {"message": LINK})])
            assert LINK in call("download_log_export", export_id="e-1", first_rows=1)
            own_key = f"pk-{CANARY}-of-a-caller"
            fake.script([Answer(403, {"message": f"{own_key} has no such scope"})])
            refused = call("list_workspaces", own_key)
            assert "*** has no such scope" in refused
            assert fake.requests[0].headers["x-portkey-api-key"] == own_key
            assert "is a placeholder" in call("list_workspaces", f"${{{CANARY}}}")
            assert service.get(f"/mcp?api_key={CANARY}", headers=authorized).status_code == 400
            for page in ("/", "/auth/info", "/metrics", "/health"):
                assert CANARY not in service.get(page, headers={"x-portkey-api-key": own_key}).text
            wrong = {"authorization": f"Bearer {CANARY}-of-nobody"}
            assert service.get("/mcp", headers=wrong).status_code == 401
            assert service.get(f"/mcp?token={CANARY}", headers=authorized).status_code == 400
            assert service.get("/ready").status_code == 200
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(TIMEOUT_S)
            log = served.stderr

    assert CANARY not in log
    assert CANARY not in capfd.readouterr().out
    for logger in ("portkey.api: GET (signed link) answered 403", "executor: download_log_export"):
        assert logger in log
    assert "http://files.example/export.jsonl?***" in log
