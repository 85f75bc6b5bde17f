"""What the HTTP service needs besides Portkey: Redis, and the issuer of access tokens."""

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from .findings import Area, Finding

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from ...settings.hosting import Hosting

AREA = Area("service")


async def check_service(hosting: "Hosting") -> AsyncIterator[Finding]:
    """Redis and the issuer, if the settings of the service name any."""
    if hosting.redis_url is None:
        yield AREA.skipped("Redis", "MCP_REDIS_URL is not set")
    else:
        async for finding in _redis(hosting):
            yield finding
    if hosting.issuer is None:
        yield AREA.skipped("issuer", f"MCP_AUTH_MODE={hosting.auth_mode} needs none")
    else:
        yield await _issuer(hosting)


async def _redis(hosting: "Hosting") -> AsyncIterator[Finding]:
    from redis.exceptions import AuthenticationError, RedisError

    from ...server.http.events.redis_connection import redis_client

    redis = redis_client(hosting)
    started = time.perf_counter()
    try:
        await redis.ping()
        elapsed_ms = (time.perf_counter() - started) * 1000
        server = await redis.info("server")
        yield AREA.ok("Redis", f"version {server['redis_version']} answers in {elapsed_ms:.0f} ms")
        async for finding in _redis_settings(redis):
            yield finding
    except AuthenticationError:
        cure = "Correct the user and password in MCP_REDIS_URL."
        yield AREA.failed("Redis", "it refuses the user or the password", cure)
    except (RedisError, OSError) as error:
        # Only the type: the message may show the address with its password.
        cure = "Check MCP_REDIS_URL, and that Redis runs and is reachable from here."
        yield AREA.failed("Redis", f"no answer ({type(error).__name__})", cure)
    finally:
        await redis.aclose()


async def _redis_settings(redis: "Redis") -> AsyncIterator[Finding]:
    """Whether Redis keeps what it is given: the journal and a freeze must not vanish."""
    from redis.exceptions import RedisError

    try:
        policy = (await redis.config_get("maxmemory-policy"))["maxmemory-policy"]
        appends = (await redis.config_get("appendonly"))["appendonly"]
    except (RedisError, KeyError):
        yield AREA.skipped("Redis keeps", "this user may not read its configuration")
        return
    policy = policy.decode() if isinstance(policy, bytes) else policy
    appends = appends.decode() if isinstance(appends, bytes) else appends
    if policy != "noeviction":
        yield AREA.warning(
            "Redis keeps",
            f"maxmemory-policy is {policy}: a freeze or an approval may be evicted",
            "Set maxmemory-policy to noeviction.",
        )
    elif appends != "yes":
        yield AREA.warning(
            "Redis keeps",
            "appendonly is off: a crash of Redis loses the last lines of the journal",
            "Set appendonly to yes.",
        )
    else:
        yield AREA.ok("Redis keeps", "nothing is evicted, and every write is appended to a file")


async def _issuer(hosting: "Hosting") -> Finding:
    """Whether the metadata and the keys of the issuer can be read."""
    from ...server.http.access.discovery import find_keys_url
    from ...server.http.access.jwks import FETCH_ERRORS, fetch_json

    issuer = hosting.issuer or ""
    try:
        url = await find_keys_url(issuer, hosting.oidc_allow_private_issuer)
        keys = await fetch_json(url)
    except FETCH_ERRORS as error:
        return AREA.failed(
            "issuer",
            f"{issuer}: {error or type(error).__name__}",
            "Check the issuer's address: it is exactly what its tokens have as `iss`.",
        )
    count = len(keys.get("keys", ())) if isinstance(keys, dict) else 0
    if not count:
        return AREA.failed("issuer", f"{url} holds no keys", "Tell those who run the issuer.")
    return AREA.ok("issuer", f"{issuer} publishes {count} keys")
