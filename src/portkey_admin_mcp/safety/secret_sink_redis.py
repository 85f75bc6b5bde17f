"""Secrets for pages in Redis: encrypted, shared by all instances."""

import hashlib
import logging
import secrets
import time
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import Redis
from redis.exceptions import RedisError

from .secret_sink_page import KEEP_S, MAX_KEPT, MemorySecretPages, SecretPagesUnavailable, name_of

NONCE_BYTES = 12
UNREACHABLE = (RedisError, OSError, TimeoutError)

log = logging.getLogger(__name__)


class RedisSecretPages:
    """`SecretPages` in Redis, or in this process while Redis cannot be reached.

    The key of each secret is made of `key`, which the instances share, and of its id, so neither
    a copy of Redis nor the key of the service opens it.
    """

    def __init__(self, redis: Redis, prefix: str, key: bytes, max_kept: int = MAX_KEPT) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:secrets"
        self._index = f"{self._prefix}:all"
        self._key = key
        self._max_kept = max_kept
        self._here = MemorySecretPages()

    async def keep(self, id: str, principal: str, content: bytes) -> None:
        """See `SecretPages`."""
        name = self._name(id, principal)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher(id).encrypt(nonce, content, name.encode())
        try:
            async with self._redis.pipeline(transaction=True) as batch:
                batch.set(name, sealed, ex=int(KEEP_S))
                batch.zadd(self._index, {name: time.time()})
                batch.expire(self._index, int(KEEP_S))
                # The oldest, of which many have expired.
                batch.zrange(self._index, 0, -self._max_kept - 1)
                *_, oldest = await batch.execute()
            if oldest:
                await self._redis.delete(*oldest)
                await self._redis.zrem(self._index, *oldest)
        except UNREACHABLE as error:
            log.warning(
                "Redis cannot be reached (%s): only this instance can show a new secret",
                type(error).__name__,
            )
            await self._here.keep(id, principal, content)

    async def take(self, id: str, principal: str) -> bytes | None:
        """See `SecretPages`."""
        if (content := await self._here.take(id, principal)) is not None:
            return content
        name = self._name(id, principal)
        try:
            sealed: Any = await self._redis.getdel(name)
        except UNREACHABLE as error:
            raise SecretPagesUnavailable from error
        if sealed is None:
            return None
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher(id).decrypt(nonce, encrypted, name.encode())
        except InvalidTag:
            log.warning("A secret in Redis was not written by this service")
            return None

    async def close(self) -> None:
        """See `SecretPages`."""
        await self._here.close()
        await self._redis.aclose()

    def _name(self, id: str, principal: str) -> str:
        return f"{self._prefix}:{name_of(id, principal)}"

    def _cipher(self, id: str) -> AESGCM:
        return AESGCM(hashlib.sha256(self._key + id.encode()).digest())
