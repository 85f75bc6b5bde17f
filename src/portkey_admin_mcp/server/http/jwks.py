"""The public keys of an issuer of tokens, read from its JWKS page and remembered."""

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

from .request import Refused

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
FRESH_S = 3600
PAUSE_S = 60
TIMEOUT_S = 5
MOST_BYTES = 64 * 1024
LEAST_RSA_BITS = 2048

logger = logging.getLogger(__name__)


class Keys:
    """Keys by their id.

    However many tokens name keys that do not exist, the page is asked once a minute at most, and
    by one request at a time. Keys that are known stay good while the page cannot be read: it is
    the issuer that is away, not the users.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._known: dict[str, PyJWK] = {}
        self._read = self._asked = -math.inf
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PyJWK | None:
        """The key of this id, or None; raises Refused (503) while no key at all is known."""
        if kid not in self._known or self._clock() - self._read >= FRESH_S:
            await self._refresh()
        if not self._known:
            wait = max(1, math.ceil(self._asked + PAUSE_S - self._clock()))
            raise Refused(
                503,
                "temporarily_unavailable",
                "The keys of the token issuer cannot be read now; try again later.",
                {"Retry-After": str(wait)},
            )
        return self._known.get(kid)

    async def _refresh(self) -> None:
        if self._reading is None and self._clock() - self._asked >= PAUSE_S:
            self._asked = self._clock()
            self._reading = asyncio.create_task(self._take())
        if self._reading is not None:
            # Shielded: whoever asked first may leave, others wait for the same answer.
            await asyncio.shield(self._reading)

    async def _take(self) -> None:
        try:
            known = _usable(json.loads(await self._page()))
            if not known:
                raise ValueError("no usable key")
            self._known, self._read = known, self._clock()
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
            logger.warning("The keys at %s cannot be read: %s", self._url, type(error).__name__)
        finally:
            self._reading = None

    async def _page(self) -> bytes:
        # A session each time: once an hour is no reason to keep a connection.
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
                raise ValueError("a redirect, or no page")
            page = bytearray()
            async for piece in response.content.iter_chunked(MOST_BYTES):
                page += piece
                if len(page) > MOST_BYTES:
                    raise ValueError("too large")
            return bytes(page)


def _usable(page: Any) -> dict[str, PyJWK]:
    """The keys that may verify a signature; those of kinds we do not know are passed over."""
    listed = page.get("keys") if isinstance(page, dict) else None
    entries = listed if isinstance(listed, list) else []
    keys = (_key(entry) for entry in entries if isinstance(entry, dict))
    return {str(key.key_id): key for key in keys if key is not None}


def _key(entry: dict[str, Any]) -> PyJWK | None:
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    # An elliptic key has the size of its algorithm.
    too_short = key.key_type == "RSA" and key.key.key_size < LEAST_RSA_BITS
    return None if too_short else key
