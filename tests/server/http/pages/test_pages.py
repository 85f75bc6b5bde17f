"""The pages that anybody may read."""

import asyncio
import base64
import hashlib
import re

import httpx2
import pytest
from starlette.applications import Starlette

from portkey_admin_mcp.server.http.pages.pages import ServiceInfo, page_routes
from portkey_admin_mcp.settings.hosting import Hosting

TOKEN = "a-token-of-the-tests"
ISSUER = "https://clerk.acme.example"
EVENT_KEY = base64.b64encode(b"k" * 32).decode()
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
TOKENS = {"lovelace": "a-token-of-her-own"}
CLERK = {"MCP_AUTH_MODE": "clerk", "CLERK_ISSUER": ISSUER}
REDIS = {
    "MCP_EVENT_STORE": "redis",
    "MCP_REDIS_URL": "redis://:secret-of-redis@10.1.2.3:6379/0",
    "MCP_EVENT_ENCRYPTION_KEY": EVENT_KEY,
}
PAGES = ("/", "/health", "/ready", "/auth/info")


async def fine():
    await asyncio.sleep(0)


async def broken():
    raise OSError("Error 111 connecting to 10.1.2.3:6379")


def facts(checks=None, **given):
    return ServiceInfo(
        version="1.2.3",
        sandbox=given.get("sandbox", False),
        domains=given.get("domains", {"configs": 7, "api_keys": 8}),
        sessions=lambda: 3,
        started=1_790_000_000,
        checks=checks or {},
    )


def app(hosting, known=None, metrics=None):
    return Starlette(routes=page_routes(hosting, known or facts(), metrics))


def visit(served):
    transport = httpx2.ASGITransport(served, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000")


async def get(path, variables=None, known=None, **headers):
    async with visit(app(Hosting(**(variables or {})), known)) as client:
        return await client.get(path, headers=headers)


async def test_health_names_the_version():
    answer = await get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1.2.3"})


async def test_health_is_well_while_nothing_else_is():
    answer = await get("/health", known=facts({"redis": broken}))

    assert answer.status_code == 200


async def test_ready_tells_how_sessions_and_events_are_kept():
    answer = await get("/ready", {"MCP_EVENT_STORE": "memory"}, facts({"redis": fine}))

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ready")
    assert body["sessions"] == {"mode": "stateful", "open": 3, "max": 100}
    assert body["event_store"] == "memory"
    assert body["checks"]["redis"]["status"] == "ok"
    assert 0 <= body["checks"]["redis"]["ms"] < 1000


async def test_without_sessions_none_are_counted():
    answer = await get("/ready", {"MCP_SESSION_MODE": "stateless"})

    assert answer.json()["sessions"] == {"mode": "stateless"}


async def test_one_check_that_fails_makes_it_not_ready():
    answer = await get("/ready", known=facts({"redis": broken, "portkey": fine}))

    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "not ready")
    states = {name: check["status"] for name, check in body["checks"].items()}
    assert states == {"redis": "unreachable", "portkey": "ok"}
    assert "10.1.2.3" not in answer.text


async def test_many_who_ask_share_one_check():
    made = 0

    async def counting():
        nonlocal made
        made += 1
        await asyncio.sleep(0)

    async with visit(app(Hosting(), facts({"portkey": counting}))) as client:
        answers = await asyncio.gather(*(client.get("/ready") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert made == 1


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
    assert body == expected


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_tells_a_secret(path):
    known = facts({"redis": broken, "portkey": fine})

    answer = await get(path, {**BEARER, **REDIS, "MCP_AUTH_TOKENS": TOKENS})
    troubled = await get(path, {**BEARER, **REDIS}, known)

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
        assert secret not in troubled.text


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_repeats_what_a_request_calls_the_service(path):
    answer = await get(path, Host="evil.example", X_Forwarded_Host="evil.example")

    assert "evil.example" not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_neither_kept_nor_guessed_at(path):
    answer = await get(path)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_only_read(path):
    async with visit(app(Hosting())) as client:
        answer = await client.post(path)

    assert answer.status_code == 405


def directives(answer):
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


async def test_the_policy_lets_nothing_in_but_the_page_itself():
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


async def test_the_status_page_asks_nobody_else_for_anything():
    answer = await get("/", CLERK)

    assert not re.findall(r"""(?:src|action)=|url\(|@import|style=|\son\w+=""", answer.text)
    links = re.findall(r'href="([^"]+)"', answer.text)
    assert {link for link in links if "://" in link and not link.startswith("data:")} == {
        "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp"
    }


async def test_the_status_page_takes_settings_for_text():
    hostile = "https://acme.example/</script><script>alert(1)</script>"

    answer = await get("/", {"MCP_PUBLIC_BASE_URL": hostile})

    assert answer.text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize(
    ("variables", "known", "expected"),
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
            ["Bearer token", "at most 5, ended after 2 hours of rest"],
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
async def test_the_status_page_tells_how_the_service_is_set_up(variables, known, expected):
    answer = await get("/", variables, facts(**known))

    assert [words for words in expected if words not in answer.text] == []


async def test_a_service_without_tools_has_a_status_page_too():
    answer = await get("/", known=facts(domains={}))

    assert answer.status_code == 200
    assert "?tools=" not in answer.text.partition("<script>")[0]


async def test_there_are_no_metrics_unless_asked_for():
    assert (await get("/metrics")).status_code == 404
