"""The clients of several keys: each has connections and slots of its own, and few are kept."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.clients import CallerKey, Clients, using_key
from portkey_admin_mcp.portkey.http.http1 import MAX_CONNECTIONS
from portkey_admin_mcp.portkey.http.proxied import ProxyClient
from portkey_admin_mcp.settings.settings import Settings

TIMEOUT_S = 10


class Server:
    """Answers `{}` to every request, those of held keys when they are released."""

    def __init__(self):
        self.connections = []
        """For each connection, the keys that were sent on it."""
        self.closed = []
        self.held = set()
        self.waiting = 0
        self.released = asyncio.Event()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self
            self.released.set()

    async def until(self, condition):
        async with asyncio.timeout(TIMEOUT_S), self._changed:
            await self._changed.wait_for(condition)

    async def _serve(self, reader, writer):
        keys = []
        self.connections.append(keys)
        while head := await self._head(reader):
            headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            key = headers[b"x-portkey-api-key"].decode()
            keys.append(key)
            if key in self.held:
                await self._change(waiting=1)
                await self.released.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()
        self.closed.append(keys)
        await self._change()

    async def _change(self, waiting=0):
        async with self._changed:
            self.waiting += waiting
            self._changed.notify_all()

    async def _head(self, reader):
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


@pytest.fixture
async def server():
    async with Server().running() as running:
        yield running


@pytest.fixture
async def clients(server):
    """Clients of this server, of which two with callers' keys are kept."""
    settings = Settings(
        PORTKEY_API_KEY="own",
        PORTKEY_BASE_URL=f"{server.url}/v1",
        PORTKEY_ALLOW_PRIVATE_BASE_URL=True,
        PORTKEY_ALLOW_INSECURE_HTTP=True,
    )
    own = Portkey(settings)
    created = Clients(lambda: own, own.with_key, max_clients=2)
    yield created
    created.retire()
    await server.until(lambda: len(server.closed) == len(server.connections))


def using(key):
    return using_key(None if key is None else CallerKey(SecretStr(key), f"fingerprint of {key}"))


async def read(clients, key):
    with using(key):
        client = clients()
    return await client.read("/configs", {}, {})


async def test_each_key_has_its_own_connections_and_uses_them_again(clients, server):
    for _round in range(2):
        for key in ("a", "b", None):
            assert await read(clients, key) == {}

    assert server.connections == [["a"] * 2, ["b"] * 2, ["own"] * 2]


async def test_of_many_keys_the_one_not_used_for_longest_goes_with_its_connections(clients, server):
    for key in ("a", "b", "a", "c"):
        await read(clients, key)

    await server.until(lambda: server.closed == [["b"]])
    assert clients.count == 2
    await read(clients, "b")
    await read(clients, "c")
    assert server.connections == [["a", "a"], ["b"], ["c", "c"], ["b"]]


async def test_a_request_of_a_key_that_goes_is_answered_and_its_connection_closed(clients, server):
    server.held = {"a"}
    running = asyncio.create_task(read(clients, "a"))
    await server.until(lambda: server.waiting == 1)
    for key in ("b", "c"):
        await read(clients, key)
    assert server.closed == []

    server.released.set()

    assert await running == {}
    await server.until(lambda: server.closed == [["a"]])


async def test_a_key_whose_connections_are_all_in_use_delays_no_other(clients, server):
    server.held = {"a"}
    held = [asyncio.create_task(read(clients, "a")) for _ in range(MAX_CONNECTIONS + 8)]
    await server.until(lambda: server.waiting == MAX_CONNECTIONS)

    async with asyncio.timeout(TIMEOUT_S):
        assert await read(clients, "b") == {}

    server.released.set()
    assert await asyncio.gather(*held) == [{}] * len(held)


async def test_a_service_without_a_key_of_its_own_sends_nothing_without_the_callers(server):
    own = Portkey(Settings(PORTKEY_API_KEY="own", PORTKEY_BASE_URL="https://api.portkey.ai/v1"))
    clients = Clients(lambda: own, own.with_key, needs_caller_key=True)

    with pytest.raises(ConfigurationError, match="came without its caller's"):
        clients()
    assert server.connections == []


async def test_through_a_proxy_too_a_connection_is_closed_when_its_key_has_gone(server):
    client = ProxyClient(TIMEOUT_S, 1_000_000, lambda: None)

    async def send(key):
        headers = {"x-portkey-api-key": key}
        return await client.request(server.url, "GET", "http://portkey.example/v1", headers, None)

    server.held = {"held"}
    running = asyncio.create_task(send("held"))
    await server.until(lambda: server.waiting == 1)
    client.retire()
    assert server.closed == []
    server.released.set()
    assert (await running)[0] == 200
    await server.until(lambda: server.closed == [["held"]])

    other = ProxyClient(TIMEOUT_S, 1_000_000, lambda: None)
    client, retired = other, other
    assert (await send("idle"))[0] == 200
    retired.retire()
    await server.until(lambda: server.closed == [["held"], ["idle"]])


def test_the_clients_of_all_keys_read_the_certificates_once():
    own = Portkey(Settings(PORTKEY_API_KEY="own"))

    first, second = (own.with_key(SecretStr(key)) for key in ("a", "b"))

    contexts = [client._transport._direct._tls_context() for client in (own, first, second)]
    assert contexts[0] is contexts[1] is contexts[2]


def test_a_service_that_stops_makes_no_client_that_nobody_used():
    def made():
        raise AssertionError("nobody asked for this client")

    Clients(made, lambda _secret: made()).retire()
