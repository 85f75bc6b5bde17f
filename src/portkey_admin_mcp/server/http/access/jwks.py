"""The public keys of a token issuer, fetched from its JWKS URL and cached."""

import asyncio
import json
import logging
import math
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import truststore
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from ..request import RequestRefused

CACHE_TTL_S = 3600
MIN_REFRESH_INTERVAL_S = 60
TIMEOUT_S = 5
"""Seconds in which one document must arrive."""
TOTAL_TIMEOUT_S = 10
"""Seconds for finding the URL of the keys and fetching them."""
MAX_BYTES = 64 * 1024
MIN_RSA_BITS = 2048
FETCH_ERRORS = (aiohttp.ClientError, OSError, ValueError, RecursionError)
"""What `fetch_json` raises; TimeoutError is an OSError."""

RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
KEY_ALGORITHMS = {
    ("RSA", None): RSA_ALGORITHMS,
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
"""The algorithms that a key may be used for, by its type and curve. Shared keys have none."""

logger = logging.getLogger(__name__)


class IssuerUnusable(ValueError):
    """The documents of an issuer cannot be used; the message may be logged."""


class JwksCache:
    """A cache of public keys by key id and algorithm.

    `locate` returns the URL of the keys, or raises one of FETCH_ERRORS. The keys are fetched at
    most once a minute and by one request at a time, however many tokens name unknown keys. Cached
    keys stay valid while they cannot be fetched. `source` names them in the log.
    """

    def __init__(
        self,
        source: str,
        locate: Callable[[], Awaitable[str]],
        algorithms: frozenset[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._locate = locate
        self._algorithms = algorithms
        self._clock = clock
        self._keys: dict[tuple[str, str], PyJWK] = {}
        self._fetched_at = self._attempted_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> PyJWK | None:
        """The key with this id for this algorithm, or None.

        Raises RequestRefused (503) while no key is cached.
        """
        is_old = self._clock() - self._fetched_at >= CACHE_TTL_S
        if is_old or (kid, algorithm) not in self._keys:
            await self._refresh()
        if not self._keys:
            wait = max(1, math.ceil(self._attempted_at + MIN_REFRESH_INTERVAL_S - self._clock()))
            raise RequestRefused(
                503,
                "temporarily_unavailable",
                "The keys of the token issuer cannot be read now; try again later.",
                {"Retry-After": str(wait)},
            )
        return self._keys.get((kid, algorithm))

    async def _refresh(self) -> None:
        if self._fetching is None and self._clock() - self._attempted_at >= MIN_REFRESH_INTERVAL_S:
            self._attempted_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        if self._fetching is not None:
            # Shielded: other requests wait for the fetch even if this one is cancelled.
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_S):
                document = await fetch_json(await self._locate())
            keys = _usable_keys(document, self._algorithms)
            if not keys:
                raise IssuerUnusable("the document contains no usable key")
            self._keys, self._fetched_at = keys, self._clock()
        except FETCH_ERRORS as error:
            reason = str(error) if isinstance(error, IssuerUnusable) else type(error).__name__
            logger.warning("The keys at %s cannot be read: %s", self._source, reason)
        finally:
            self._fetching = None


async def fetch_json(url: str) -> Any:
    """The JSON document at a URL; raises one of FETCH_ERRORS."""
    # A new session each time: no connection is kept open for one request per hour.
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            raise_for_status=True,
            trust_env=True,
        ) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ValueError("not status 200")
        body = bytearray()
        async for chunk in response.content.iter_chunked(MAX_BYTES):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("too large")
        return json.loads(bytes(body))


def _usable_keys(document: Any, algorithms: frozenset[str]) -> dict[tuple[str, str], PyJWK]:
    """The keys of a JWKS document that can verify a signature; others are skipped."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return {}
    keys = (key for entry in entries if isinstance(entry, dict) for key in _keys(entry, algorithms))
    return {(str(key.key_id), key.algorithm_name): key for key in keys}


def _keys(entry: dict[str, Any], algorithms: frozenset[str]) -> Iterator[PyJWK]:
    """One entry as a key for each algorithm that it may be used for."""
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return
    suitable = KEY_ALGORITHMS.get((str(entry.get("kty")), entry.get("crv")), frozenset())
    named = entry.get("alg")
    for algorithm in suitable & algorithms if named is None else {named} & suitable & algorithms:
        try:
            key = PyJWK(entry, algorithm)
        except (PyJWTError, ValueError, TypeError, AttributeError):
            continue
        # Only RSA keys have a size of their own; the others have the size of their algorithm.
        if key.key_type != "RSA" or key.key.key_size >= MIN_RSA_BITS:
            yield key
