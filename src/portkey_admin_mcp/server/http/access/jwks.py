"""The public keys of a token issuer, fetched from its JWKS URL and cached."""

import asyncio
import json
import logging
import math
import ssl
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import truststore
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from ..request import RequestRefused

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
CACHE_TTL_S = 3600
MIN_REFRESH_INTERVAL_S = 60
TIMEOUT_S = 5
MAX_BYTES = 64 * 1024
MIN_RSA_BITS = 2048

logger = logging.getLogger(__name__)


class JwksCache:
    """A cache of public keys by key id.

    The URL is fetched at most once a minute and by one request at a time, however many tokens
    name unknown keys. Cached keys stay valid while the URL cannot be fetched.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = self._attempted_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PyJWK | None:
        """The key with this id, or None; raises RequestRefused (503) while no key is cached."""
        if kid not in self._keys or self._clock() - self._fetched_at >= CACHE_TTL_S:
            await self._refresh()
        if not self._keys:
            wait = max(1, math.ceil(self._attempted_at + MIN_REFRESH_INTERVAL_S - self._clock()))
            raise RequestRefused(
                503,
                "temporarily_unavailable",
                "The keys of the token issuer cannot be read now; try again later.",
                {"Retry-After": str(wait)},
            )
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        if self._fetching is None and self._clock() - self._attempted_at >= MIN_REFRESH_INTERVAL_S:
            self._attempted_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        if self._fetching is not None:
            # Shielded: other requests wait for the fetch even if this one is cancelled.
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            keys = _usable_keys(json.loads(await self._download()))
            if not keys:
                raise ValueError("the document contains no usable key")
            self._keys, self._fetched_at = keys, self._clock()
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
            logger.warning("The keys at %s cannot be read: %s", self._url, type(error).__name__)
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        # A new session each time: no connection is kept open for one request per hour.
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=True,
                trust_env=True,
            ) as session,
            session.get(self._url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ValueError("not status 200")
            body = bytearray()
            async for chunk in response.content.iter_chunked(MAX_BYTES):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("too large")
            return bytes(body)


def _usable_keys(document: Any) -> dict[str, PyJWK]:
    """The keys of a JWKS document that can verify a signature, by key id; others are skipped."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return {}
    keys = (_parse_key(entry) for entry in entries if isinstance(entry, dict))
    return {str(key.key_id): key for key in keys if key is not None}


def _parse_key(entry: dict[str, Any]) -> PyJWK | None:
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    # Only RSA keys have a size of their own; the others have the size of their algorithm.
    too_short = key.key_type == "RSA" and key.key.key_size < MIN_RSA_BITS
    return None if too_short else key
