"""Host, Origin and ambiguous headers are checked before anything else."""

from typing import Any

import httpx2
import pytest

from asgi_client import client_of, echo_app
from portkey_admin_mcp.server.http.access.host_and_origin import HostAndOrigin, origin_of
from portkey_admin_mcp.settings.hosting import Hosting


def guarded(**settings: Any) -> httpx2.AsyncClient:
    return client_of(HostAndOrigin(echo_app(), Hosting(**settings)))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1:1",
        "[::1]:3000",
        "[0:0:0:0:0:0:0:1]",
        "10.0.0.5",
        "mcp.example.com:443",
        "Other.Example.com",
        "ported.example.com",
    ],
)
async def test_every_configured_host_is_served(host):
    client = guarded(
        MCP_HOST="10.0.0.5",
        MCP_PUBLIC_BASE_URL="https://mcp.example.com/",
        MCP_ALLOWED_HOSTS="other.example.com, ported.example.com:8443",
    )

    assert (await client.get("/mcp", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.example.com"],
        ["127.0.0.1.evil.example.com"],
        ["localhost.evil.example.com"],
        ["evil.example.com/localhost"],
        ["localhost@evil.example.com"],
        ["localhost:evil"],
        ["localhost evil.example.com"],
        ["localhost\x00"],
        ["[::1"],
        ["[localhost]"],
        ["2130706433"],
        ["0.0.0.0:3000"],
        ["[::]"],
        ["x.other.example.com"],
        ["localhost", "localhost"],
        ["localhost", "evil.example.com"],
    ],
)
async def test_a_request_for_another_host_is_refused(hosts):
    client = guarded(MCP_HOST="0.0.0.0", MCP_ALLOWED_HOSTS="other.example.com,")
    request = client.build_request("GET", "/mcp")
    request.headers = httpx2.Headers([("Host", host) for host in hosts])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (421, "misdirected_request")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\n", 200),
        ("GET /mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET //mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /MCP HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp/ HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.0\r\n", 421),
        ("GET http://localhost/mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: a\r\nMcp-Session-Id: b\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nMCP-Protocol-Version: 2\x85Set\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n", 403),
    ],
)
def test_a_real_server_passes_on_every_header_that_is_checked(exchange, text, expected):
    assert exchange(f"{text}Connection: close\r\n\r\n").status == expected


async def test_a_websocket_is_refused():
    """Our own server offers none; another ASGI host may."""
    messages = []

    async def send(message):
        messages.append(message)

    scope = {"type": "websocket", "path": "/mcp", "headers": [(b"host", b"localhost")]}
    await HostAndOrigin(echo_app(), Hosting())(scope, None, send)

    assert messages == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    "origin",
    [
        "https://chat.example.com",
        "https://Chat.example.com:443",
        "https://ported.example.com:8443",
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        "http://[::1]:3000",
    ],
)
async def test_a_page_of_an_allowed_origin_may_call(origin):
    client = guarded(ALLOWED_ORIGINS="https://chat.example.com/,https://ported.example.com:8443")

    assert (await client.get("/mcp", headers={"Origin": origin})).status_code == 200


EXTENSION_ID = "fmkadmapgofadopljbjfkapdkoienihi"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (f"chrome-extension://{EXTENSION_ID}", 200),
        ("moz-extension://1b2c-4d", 200),
        ("safari-web-extension://E1A0-77", 200),
        ("vscode-webview://0abc", 200),
        (f"chrome-extension://{EXTENSION_ID[:-1]}", 403),
        (f"moz-extension://{EXTENSION_ID}", 403),
        (f"chrome-extension://{EXTENSION_ID}/page", 403),
        (f"chrome-extension://{EXTENSION_ID}/", 403),
        (f"https://{EXTENSION_ID}", 403),
    ],
)
async def test_an_extension_may_call_if_its_origin_is_allowed(origin, status):
    client = guarded(
        ALLOWED_ORIGINS=f"chrome-extension://{EXTENSION_ID}/, moz-extension://1b2c-4d, "
        "safari-web-extension://E1A0-77, vscode-webview://0abc"
    )

    assert (await client.get("/mcp", headers={"Origin": origin})).status_code == status


@pytest.mark.parametrize(
    "origins",
    [
        ["null"],
        [""],
        ["https://evil.example.com"],
        ["http://chat.example.com"],
        ["https://chat.example.com:8443"],
        ["https://chat.example.com.evil.example.com"],
        ["https://evil.example.com/https://chat.example.com"],
        ["https://chat.example.com/path"],
        ["https://chat.example.com@evil.example.com"],
        ["https://evil.example.com#@chat.example.com"],
        ["https://chat.exam\tple.com"],
        ["https://chat.example.com https://evil.example.com"],
        ["http://localhost:3001"],
        ["http://localhost"],
        ["https://localhost:3000"],
        ["http://localhost:port"],
        ["file://"],
        ["chrome-extension://abc"],
        ["https://chat.example.com", "https://evil.example.com"],
    ],
)
async def test_a_page_of_a_foreign_origin_may_not_call(origins):
    client = guarded(ALLOWED_ORIGINS="https://chat.example.com")

    answer = await client.post("/mcp", headers=[("Origin", origin) for origin in origins])

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_origin")


async def test_a_service_on_a_public_address_does_not_trust_pages_on_localhost():
    client = guarded(MCP_HOST="0.0.0.0", MCP_PUBLIC_BASE_URL="https://mcp.example.com")

    local = await client.get("/mcp", headers={"Origin": "http://localhost:3000"})
    own = await client.get("/mcp", headers={"Origin": "https://mcp.example.com"})

    assert (local.status_code, own.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://Chat.Example.com:443/path", "https://chat.example.com"),
        ("http://[0::1]:3000/", "http://[::1]:3000"),
        ("http://localhost:80", "http://localhost"),
        ("chrome-extension://abc/", "chrome-extension://abc"),
        ("chrome-extension://abc/page", None),
        ("gopher-extension://abc", None),
        ("ftp://localhost", None),
        ("https://user@localhost", None),
        ("http://[", None),
        ("https://", None),
    ],
)
def test_an_origin_is_normalized_as_browsers_write_it(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"])
@pytest.mark.parametrize(
    "value", ["", "two words", "a\tb", "a\r\nSet-Cookie: x", "a\x00", "\x7f", "ü", "x" * 201]
)
async def test_a_header_with_unsafe_characters_is_refused(name, value):
    answer = await guarded().get("/mcp", headers=[(name.encode(), value.encode())])

    assert answer.status_code == 400
    assert name.lower() in answer.json()["message"]


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"])
async def test_a_valid_header_may_be_sent_only_once(name):
    client = guarded()

    once = await client.get("/mcp", headers=[(name, "!" + "x" * 198 + "~")])
    equal = await client.get("/mcp", headers=[(name, "a"), (name, "a")])
    different = await client.get("/mcp", headers=[(name, "a"), (name.lower(), "b")])

    assert (once.status_code, equal.status_code, different.status_code) == (200, 400, 400)
    assert "must be sent once" in different.json()["message"]


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "5"), ("Content-Length", "6")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        [("Content-Length", "-5")],
        [("Content-Length", "5, 5")],
        [("Content-Length", "+5")],
        [("Content-Length", "9" * 5000)],
    ],
)
async def test_invalid_lengths_that_a_lenient_server_passes_on_are_refused(headers):
    client = guarded()
    request = client.build_request("POST", "/mcp", content=b"hello")
    request.headers = httpx2.Headers([("Host", "127.0.0.1"), *headers])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_header")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/health", "/ready"])
@pytest.mark.parametrize("hosts", [["10.42.0.7:3000"], ["lb.internal"], [], ["a", "b"]])
async def test_health_checks_are_answered_for_every_host(path, hosts):
    client = guarded()
    statuses = []
    for method, target in (("GET", path), ("HEAD", path), ("POST", path), ("GET", f"/{path}")):
        request = client.build_request(method, target)
        request.headers = httpx2.Headers([("Host", host) for host in hosts])
        statuses.append((await client.send(request)).status_code)

    assert statuses[2:] == [421, 421]
    assert 421 not in statuses[:2]


async def test_a_health_check_from_a_page_of_a_foreign_origin_is_refused():
    answer = await guarded().get("/health", headers={"Origin": "https://evil.example.com"})

    assert answer.status_code == 403
