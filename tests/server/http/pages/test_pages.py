"""The public pages, without a browser."""

import asyncio
import base64
import hashlib
import re

import httpx2
import pytest
from starlette.applications import Starlette

from portkey_admin_mcp.server.http.pages.routes import page_routes
from portkey_admin_mcp.server.http.pages.service_info import ServiceInfo
from portkey_admin_mcp.settings.hosting import Hosting

TOKEN = "a-token-of-the-tests"
ISSUER = "https://clerk.acme.example"
EVENT_KEY = base64.b64encode(b"k" * 32).decode()
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
TOKENS = {"lovelace": "a-token-of-her-own"}
CLERK = {"MCP_AUTH_MODE": "clerk", "CLERK_ISSUER": ISSUER, "CLERK_AUDIENCE": "mcp"}
REDIS = {
    "MCP_EVENT_STORE": "redis",
    "MCP_REDIS_URL": "redis://:secret-of-redis@10.1.2.3:6379/0",
    "MCP_EVENT_ENCRYPTION_KEY": EVENT_KEY,
}
PAGES = ("/", "/health", "/ready", "/auth/info")


async def succeed():
    await asyncio.sleep(0)


async def fail():
    raise OSError("Error 111 connecting to 10.1.2.3:6379")


def service_info(checks=None, **facts):
    return ServiceInfo(
        version="1.2.3",
        sandbox=facts.get("sandbox", False),
        domains=facts.get("domains", {"configs": 7, "api_keys": 8}),
        digest=lambda: "sha256:12ab",
        sessions=lambda: 3,
        started=1_790_000_000,
        checks=checks or {},
        losses=facts.get("losses", {}),
    )


def app(hosting, info=None, metrics=None):
    return Starlette(routes=page_routes(hosting, info or service_info(), metrics))


def client_of(served):
    transport = httpx2.ASGITransport(served, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000")


async def get(path, variables=None, info=None, **headers):
    async with client_of(app(Hosting(**(variables or {})), info)) as client:
        return await client.get(path, headers=headers)


async def test_health_names_the_version():
    answer = await get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1.2.3"})


async def test_health_is_ok_while_checks_fail():
    answer = await get("/health", info=service_info({"redis": fail}))

    assert answer.status_code == 200


async def test_ready_shows_sessions_the_event_store_and_checks():
    answer = await get("/ready", {"MCP_EVENT_STORE": "memory"}, service_info({"redis": succeed}))

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ready")
    assert body["sessions"] == {"mode": "stateful", "open": 3, "max": 100}
    assert body["event_store"] == "memory"
    assert body["checks"]["redis"]["status"] == "ok"
    assert 0 <= body["checks"]["redis"]["ms"] < 1000


async def test_ready_counts_no_sessions_in_stateless_mode():
    answer = await get("/ready", {"MCP_SESSION_MODE": "stateless"})

    assert answer.json()["sessions"] == {"mode": "stateless"}


async def test_one_failed_check_makes_the_service_not_ready():
    answer = await get("/ready", info=service_info({"redis": fail, "portkey": succeed}))

    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "not ready")
    states = {name: check["status"] for name, check in body["checks"].items()}
    assert states == {"redis": "unreachable", "portkey": "ok"}
    assert "10.1.2.3" not in answer.text


async def test_a_failed_check_that_calls_can_do_without_degrades_the_service():
    losses = {"event store": "Streams cannot be resumed.", "rate limits": "No limits."}
    checks = {"event store": fail, "rate limits": succeed, "portkey": succeed}

    answer = await get("/ready", info=service_info(checks, losses=losses))
    broken = await get("/ready", info=service_info({**checks, "portkey": fail}, losses=losses))

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "degraded")
    assert body["checks"]["event store"]["status"] == "unreachable"
    assert body["checks"]["event store"]["loss"] == "Streams cannot be resumed."
    assert "loss" not in body["checks"]["rate limits"]
    assert (broken.status_code, broken.json()["status"]) == (503, "not ready")


async def test_concurrent_requests_share_one_check():
    checks = 0

    async def counting():
        nonlocal checks
        checks += 1
        await asyncio.sleep(0)

    async with client_of(app(Hosting(), service_info({"portkey": counting}))) as client:
        answers = await asyncio.gather(*(client.get("/ready") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert checks == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"mode": "none", "endpoint": "http://127.0.0.1:3000/mcp"}),
        (
            BEARER | {"MCP_PUBLIC_BASE_URL": "https://mcp.acme.example/"},
            {
                "mode": "bearer",
                "endpoint": "https://mcp.acme.example/mcp",
                "header": "Authorization: Bearer TOKEN",
            },
        ),
        (
            CLERK,
            {
                "mode": "clerk",
                "endpoint": "http://127.0.0.1:3000/mcp",
                "header": "Authorization: Bearer TOKEN",
                "issuer": ISSUER,
                "resource_metadata": "http://127.0.0.1:3000/.well-known/"
                "oauth-protected-resource/mcp",
            },
        ),
    ],
    ids=["none", "bearer", "clerk"],
)
async def test_auth_info_says_how_to_sign_in(variables, expected):
    answer = await get("/auth/info", variables)

    body = answer.json()
    assert body.pop("how").endswith(".")
    assert body.pop("tools_digest") == "sha256:12ab"
    assert body.pop("portkey_key")["mode"] == "server"
    assert body == expected


@pytest.mark.parametrize(
    ("mode", "header", "shown"),
    [
        ("server", None, "The server’s"),
        ("caller", "X-Portkey-Api-Key: KEY", "The caller’s own"),
        ("either", "X-Portkey-Api-Key: KEY", "The caller’s own, or the server’s"),
    ],
)
async def test_the_pages_say_whose_portkey_key_is_used(mode, header, shown):
    variables = BEARER | {"PORTKEY_KEY_MODE": mode}

    key = (await get("/auth/info", variables)).json()["portkey_key"]

    assert key.pop("how").endswith(".")
    assert key == {"mode": mode} | ({} if header is None else {"header": header})
    page = (await get("/", variables)).text
    assert f"<dt>Portkey key</dt><dd>{shown}<" in page
    assert ("put yours into the variable" in page) == (mode == "caller")


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_contains_a_secret(path):
    info = service_info({"redis": fail, "portkey": succeed})

    answer = await get(path, {**BEARER, **REDIS, "MCP_AUTH_TOKENS": TOKENS})
    with_failure = await get(path, {**BEARER, **REDIS}, info)

    for secret in (
        TOKEN,
        *TOKENS,
        *TOKENS.values(),
        "secret-of-redis",
        "10.1.2.3",
        "6379",
        EVENT_KEY,
    ):
        assert secret not in answer.text
        assert secret not in with_failure.text


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_repeats_the_host_of_the_request(path):
    answer = await get(path, Host="evil.example", X_Forwarded_Host="evil.example")

    assert "evil.example" not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_not_cached_and_their_type_is_not_guessed(path):
    answer = await get(path)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
async def test_pages_answer_only_reads(path):
    async with client_of(app(Hosting())) as client:
        answer = await client.post(path)

    assert answer.status_code == 405


def directives(answer):
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


async def test_the_security_policy_allows_only_the_page_itself():
    answer = await get("/")

    style, script = (
        re.search(rf"<{tag}>(.*?)</{tag}>", answer.text, re.S)[1] for tag in ("style", "script")
    )
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (style, script)
    ]
    assert directives(answer) == {
        "default-src": "'none'",
        "style-src": hashes[0],
        "script-src": hashes[1],
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_the_status_page_loads_nothing_from_other_hosts():
    answer = await get("/", CLERK)

    assert not re.findall(r"""(?:src|action)=|url\(|@import|style=|\son\w+=""", answer.text)
    links = re.findall(r'href="([^"]+)"', answer.text)
    applications = ("cursor://anysphere.cursor-deeplink/", "vscode:", "vscode-insiders:")
    assert sum(link.startswith(applications) for link in links) == 3
    others = [link for link in links if not link.startswith(("data:", *applications))]
    assert {link for link in others if ":" in link} == {
        "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp"
    }


async def test_the_status_page_escapes_settings():
    hostile = "https://acme.example/</script><script>alert(1)</script>"

    answer = await get("/", {"MCP_PUBLIC_BASE_URL": hostile})

    assert answer.text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize(
    ("variables", "info", "expected"),
    [
        ({}, {"sandbox": True}, ["This is a sandbox.", "Emulated (sandbox)", "Stateful"]),
        (
            REDIS | {"MCP_SESSION_MODE": "stateless", "MCP_EVENT_TTL_SECONDS": "90"},
            {},
            ["Stateless", "In Redis, encrypted", "kept for 90 seconds"],
        ),
        (
            BEARER | {"MCP_SESSION_TIMEOUT": "7200000", "MCP_MAX_SESSIONS": "5"},
            {},
            ["Bearer token", "at most 5, ended after 2 hours without requests"],
        ),
        (
            CLERK | {"CLERK_AUDIENCE": "mcp"},
            {},
            [ISSUER, "resource metadata", "getToken({ template: "],
        ),
        ({}, {}, ["15 tools over", "api keys", "15 in 2 domains", "1.2.3", "2026-09-21"]),
    ],
    ids=["sandbox", "stateless", "bearer", "clerk", "tools"],
)
async def test_the_status_page_shows_the_setup(variables, info, expected):
    answer = await get("/", variables, service_info(**info))

    assert [words for words in expected if words not in answer.text] == []


async def test_a_service_without_tools_has_a_status_page():
    answer = await get("/", info=service_info(domains={}))

    assert answer.status_code == 200
    assert "?tools=" not in answer.text.partition("<script>")[0]


async def test_without_metrics_there_is_no_metrics_page():
    assert (await get("/metrics")).status_code == 404
