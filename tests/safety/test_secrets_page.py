"""The page that shows a new secret once, in a browser, over HTTP and by several instances."""

import json
import logging
import socket
import subprocess
import time

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from asgi_server import plain_client, serve_app
from browser import Tab
from http_service import HEADERS
from portkey_admin_mcp.assembly import http_app
from portkey_admin_mcp.safety.secret_sink_page import (
    KEEP_S,
    SecretPagesUnavailable,
)
from portkey_admin_mcp.safety.secret_sink_redis import RedisSecretPages
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from programs import require_program

TOKENS = {"ada": "a-token-of-adas-own", "ben": "a-token-of-bens-own"}
KEY = {"name": "New", "type": "organisation", "sub_type": "service", "scopes": ["logs.view"]}
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "create_api_key", "arguments": KEY},
}
SHOWN = "[...document.querySelectorAll('dd')].map(e => e.textContent)"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The address of a sandbox with two bearer tokens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORTKEY_CONFIRM", "never")
        patch.setenv("PORTKEY_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        variables = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS, "MCP_METRICS": True}

        def create(port):
            hosting = Hosting(MCP_PORT=port, MCP_SESSION_MODE="stateful", **variables)
            return http_app(Settings(PORTKEY_SANDBOX=True), hosting)

        with serve_app(create) as address:
            yield address


class Caller:
    """A client with the token of a principal, and what it has received."""

    def __init__(self, http, name):
        self._http = http
        self._headers = {**HEADERS, "authorization": f"Bearer {TOKENS[name]}"}
        self.received = ""

    async def new_secret(self):
        """Create a key; the address of the page that shows its secret."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        body = {**CALL, "params": {**CALL["params"], "_meta": meta}}
        headers = {
            **self._headers,
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "create_api_key",
        }
        answer = await self._http.post("/mcp", json=body, headers=headers)
        self.received += answer.text
        return answer.json()["result"]["structuredContent"]["secret_page"]

    async def take(self, id):
        answer = await self._http.post("/secret", json={"id": id}, headers=self._headers)
        self.received += "" if answer.status_code == 200 else answer.text
        return answer


@pytest.fixture
async def http(service):
    async with plain_client(base_url=service, timeout=20) as client:
        yield client


@pytest.fixture
def ada(http):
    return Caller(http, "ada")


@pytest.fixture
def ben(http):
    return Caller(http, "ben")


async def test_only_the_caller_who_created_a_key_gets_its_secret_and_only_once(
    service, http, ada, ben, caplog
):
    caplog.set_level(logging.DEBUG)
    url, _, id = (await ada.new_secret()).partition("#")
    metrics = (await http.get("/metrics")).text

    assert url == f"{service}/secret"
    assert (await ben.take(id)).status_code == 404
    assert (await http.post("/secret", json={"id": id})).status_code == 401
    shown = await ada.take(id)
    assert shown.status_code == 200
    secret = shown.json()["secrets"]["key"]
    assert len(secret) == 28
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    gone = await ada.take(id)
    assert gone.status_code == 404
    assert "rotated" in gone.json()["message"]
    pages = "".join([(await http.get(p)).text for p in ("/", "/secret", "/metrics", "/ready")])
    for text in (ada.received, ben.received, metrics, pages, caplog.text):
        assert secret not in text
    assert id not in metrics + pages + caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id": 5}', b'{"id": ""}', json.dumps({"id": "x" * 101}).encode()]
)
async def test_a_request_without_an_id_is_refused(http, body):
    headers = {**HEADERS, "authorization": f"Bearer {TOKENS['ada']}"}
    headers |= {"content-type": "application/json"}

    assert (await http.post("/secret", content=body, headers=headers)).status_code == 400


async def test_the_page_is_the_same_for_everybody_and_may_load_nothing(http):
    page = await http.get("/secret")
    policy = page.headers["content-security-policy"]

    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.text == (await http.get("/secret")).text
    for word in ("localStorage", "sessionStorage", "cookie", "http://", "https://", "{{"):
        assert word not in page.text


async def submit(tab, token):
    await tab.click("#token")
    await tab.type(token)
    await tab.press("Enter")
    waiting = ("", "Waiting for the answer…")
    await tab.until("document.querySelector('#verdict').textContent", lambda t: t not in waiting)
    return await tab.text("#verdict")


async def test_a_person_sees_the_secret_in_a_browser_and_leaves_no_trace(chromium, ada):
    url = await ada.new_secret()
    async with Tab(chromium) as tab:
        await tab.set_viewport(360)
        await tab.open(url)
        assert "no spaces" in await submit(tab, "Bearer a token")
        await tab.run("document.querySelector('#token').value = ''")
        assert "no such secret" in await submit_again(tab, TOKENS["ben"])
        assert await tab.run(SHOWN) == []
        assert await tab.run("document.querySelector('#token').value") == ""
        said = await submit_again(tab, TOKENS["ada"])
        assert said == "Store it now: it is not shown again."
        (secret,) = await tab.run(SHOWN)
        assert len(secret) == 28
        assert await tab.run("location.href") == url.partition("#")[0]
        assert await tab.run("[localStorage.length, sessionStorage.length, document.cookie]") == [
            0,
            0,
            "",
        ]
        assert await tab.run("document.documentElement.scrollWidth - innerWidth") <= 0
        addresses = [request["url"] for request in tab.requests]
        assert {address.partition("#")[0] for address in addresses} == {url.partition("#")[0]}
        assert not [a for a in addresses if TOKENS["ada"] in a or secret in a]
        # The browser logs the answer 404 to the wrong token, and nothing else.
        assert [error for error in tab.errors if "404" not in error] == []


async def submit_again(tab, token):
    await tab.run("document.querySelector('#verdict').textContent = ''")
    return await submit(tab, token)


@pytest.fixture(scope="module")
def redis_port():
    program = require_program("redis-server")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    process = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    yield port
    process.kill()
    process.wait()


@pytest.fixture
async def redis(redis_port):
    client = Redis(port=redis_port)
    await client.flushall()
    yield client
    await client.aclose()


def instance(port, key=b"k" * 32):
    redis = Redis(port=port, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    return RedisSecretPages(redis, "ours", key)


async def test_any_instance_shows_what_another_kept_once_and_encrypted(redis, redis_port):
    first, second, foreign = instance(redis_port), instance(redis_port), instance(redis_port, b"f")
    await first.keep("id-1", "bearer:ada", b"pk-secret-1")
    await first.keep("id-2", "bearer:ada", b"pk-secret-2")
    names = [name for name in await redis.keys("*") if not name.endswith(b":all")]
    stored = b"".join([await redis.get(name) for name in names])

    assert len(names) == 2
    assert b"secret-1" not in stored
    assert not [name for name in names if b"id-1" in name or b"ada" in name]
    assert {0 < await redis.ttl(name) <= KEEP_S for name in await redis.keys("*")} == {True}
    assert await second.take("id-1", "bearer:ben") is None
    assert await second.take("id-1", "bearer:ada") == b"pk-secret-1"
    assert await first.take("id-1", "bearer:ada") is None
    assert await foreign.take("id-2", "bearer:ada") is None
    for pages in (first, second, foreign):
        await pages.close()


async def test_the_secrets_in_redis_are_bounded(redis, redis_port):
    pages = RedisSecretPages(Redis(port=redis_port), "ours", b"k" * 32, max_kept=10)
    for number in range(12):
        await pages.keep(f"id-{number}", "bearer:ada", b"1")

    assert await redis.dbsize() == 10 + 1  # with the index
    assert await redis.zcard("ours:secrets:all") == 10
    assert await pages.take("id-0", "bearer:ada") is None
    assert await pages.take("id-2", "bearer:ada") == b"1"
    await pages.close()


async def test_without_redis_the_instance_shows_its_own_secrets(caplog):
    pages = instance(1)
    await pages.keep("id-1", "bearer:ada", b"pk-secret-1")

    assert await pages.take("id-1", "bearer:ada") == b"pk-secret-1"
    assert "only this instance can show" in caplog.text
    assert "pk-secret-1" not in caplog.text
    await pages.keep("id-2", "bearer:ada", b"pk-secret-2")
    await pages.close()
    for id in ("id-1", "id-2"):
        with pytest.raises(SecretPagesUnavailable):
            await pages.take(id, "bearer:ada")
