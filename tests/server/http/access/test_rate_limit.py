"""How often one address may call, counted in memory and in a real Redis."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from asgi_client import Clock, client_of, echo_app
from portkey_admin_mcp.server.http.access.rate_limit import RateLimit, client_address
from portkey_admin_mcp.server.http.access.rate_limiter import (
    BACKOFF_S,
    MAX_KEYS,
    WARNING_INTERVAL_S,
    MemoryCounter,
    RateLimiter,
    create_rate_limiter,
)
from portkey_admin_mcp.settings.hosting import Hosting

TIMEOUT_S = 20


def rate_limited(
    limiter: RateLimiter, limit: int = 3, address: str = "10.0.0.1"
) -> httpx2.AsyncClient:
    app = RateLimit(echo_app(), limiter, limit, client_address, frozenset({"/health"}))
    return client_of(app, address)


async def test_a_request_over_the_limit_is_refused_with_the_time_to_wait():
    client = rate_limited(create_rate_limiter(Hosting(RATE_LIMIT_WINDOW_MS=30_000)))
    answers = [await client.get("/mcp") for _ in range(4)]

    refused = answers[3]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 30
    assert refused.headers["ratelimit"] == f'"default";r=0;t={wait}'
    assert refused.headers["ratelimit-policy"] == '"default";q=3;w=30'
    assert refused.json()["error"] == "rate_limited"


async def test_a_request_is_allowed_after_the_time_in_retry_after():
    client = rate_limited(create_rate_limiter(Hosting(RATE_LIMIT_WINDOW_MS=1000)), limit=2)
    while (refused := await client.get("/mcp")).status_code == 200:
        pass

    await asyncio.sleep(int(refused.headers["retry-after"]))

    assert (await client.get("/mcp")).status_code == 200


async def test_requests_are_counted_per_address_and_per_ipv6_network():
    limiter = create_rate_limiter(Hosting())
    addresses = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2", "unix"]

    answers = [await rate_limited(limiter, 1, address).get("/mcp") for address in addresses]

    assert [answer.status_code for answer in answers] == [200, 429, 200, 200, 429, 200]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", "/health", 200), ("HEAD", "/health", 200), ("POST", "/health", 429)],
)
async def test_only_reading_an_exempt_page_is_unlimited(method, path, expected):
    client = rate_limited(create_rate_limiter(Hosting()), limit=1)
    await client.get("/mcp")

    assert (await client.request(method, path)).status_code == expected


async def test_the_previous_window_counts_as_far_as_it_is_within_the_last_seconds():
    clock = Clock()
    counter = MemoryCounter(10, clock)
    allowed = []
    for clock.now in (105, 110, 115, 120, 140):
        waits = [await counter.hit("key", 4) for _ in range(6)]
        allowed.append(waits.count(0))
        assert all(wait > 0 for wait in waits[allowed[-1] :])

    # At 110 all of the window before counts, at 115 half of it, at 120 only the two of 115.
    assert allowed == [4, 0, 2, 2, 4]


async def test_a_counter_in_memory_keeps_a_limited_number_of_keys():
    clock = Clock()
    counter = MemoryCounter(10, clock)
    for clock.now in (100, 110):
        for number in range(MAX_KEYS + 100):
            assert await counter.hit(f"address-{clock.now}-{number}", 1) == 0
        assert await counter.hit(f"address-{clock.now}-{MAX_KEYS}", 1) > 0

    assert len(counter) == 2 * MAX_KEYS
    clock.now = 130
    await counter.hit("key", 1)
    assert len(counter) == 1


async def test_a_limiter_in_memory_has_nothing_to_close():
    limiter = create_rate_limiter(Hosting())
    assert await limiter.hit("key", 1) == 0

    await limiter.close()

    assert await limiter.hit("key", 1) > 0


def on_redis(url: str, clock: Callable[[], float] = time.monotonic, **settings: Any) -> RateLimiter:
    hosting = Hosting(RATE_LIMIT_STORE="redis", MCP_REDIS_URL=url, **settings)
    return create_rate_limiter(hosting, clock)


async def test_two_instances_share_their_count_in_redis_under_the_prefix(redis):
    one, other = on_redis(redis.url), on_redis(redis.url)
    answers = [await rate_limited(limiter).get("/mcp") for limiter in (one, other) * 2]

    await one.close()
    await other.close()

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    with socket.create_connection(("127.0.0.1", redis.port), TIMEOUT_S) as connection:
        connection.sendall(b"KEYS *\r\n")
        names = [n for n in connection.recv(4096).split(b"\r\n") if n and n[:1] not in b"*$"]
    assert names
    assert all(b"portkey-admin-mcp:rate" in name for name in names)


async def test_a_limiter_tells_whether_it_can_count(redis):
    limiter = on_redis(redis.url)
    await limiter.ping()
    await create_rate_limiter(Hosting()).ping()

    redis.stop()

    with pytest.raises(ConnectionError):
        await limiter.ping()
    await limiter.close()


async def test_without_redis_every_request_passes_and_one_warning_a_minute_is_logged(redis, caplog):
    clock = Clock()
    limiter = on_redis(redis.url, clock)
    client = rate_limited(limiter, limit=1)
    await client.get("/mcp")
    redis.stop()
    warnings = []

    for clock.now in (0, BACKOFF_S, WARNING_INTERVAL_S - BACKOFF_S, WARNING_INTERVAL_S):
        assert [(await client.get("/mcp")).status_code for _ in range(5)] == [200] * 5
        warnings.append(caplog.text.count("Requests are not rate limited"))
    await limiter.close()

    assert warnings == [1, 1, 1, 2]


async def test_a_redis_that_does_not_respond_is_not_asked_again_during_the_backoff():
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0)
        limiter = on_redis(
            f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
            clock,
            MCP_EVENT_STORE_COMMAND_TIMEOUT_MS=100,
        )
        client = rate_limited(limiter)
        attempts = []

        for clock.now in (0, BACKOFF_S - 1, BACKOFF_S):
            statuses = {(await client.get("/mcp")).status_code for _ in range(20)}
            attempts.append(connections_to(silent))
            assert statuses == {200}

        await limiter.close()
    assert attempts == [1, 0, 1]


def connections_to(listening: socket.socket) -> int:
    """How many connections were opened since the last call."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count
