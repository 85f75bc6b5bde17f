"""The sink that keeps each secret for a page, which shows it once to the caller."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .caller import current_caller
from .secret_sink import Delivery, NewSecret

KEEP_S = 600.0
"""Seconds for which a page can show a secret."""
MAX_KEPT = 1_000
"""Secrets that are kept at a time; the oldest make room."""
MAX_KEPT_BY_PRINCIPAL = 50
"""The same of one principal, so that it removes none of others."""


class SecretPages(Protocol):
    """Keeps secrets until they are shown, or KEEP_S seconds have passed."""

    async def keep(self, id: str, principal: str, content: bytes) -> None:
        """Keep a secret for a principal."""
        ...

    async def take(self, id: str, principal: str) -> bytes | None:
        """Remove and return it; None if there is none, or it belongs to another principal.

        Raises SecretPagesUnavailable.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class SecretPagesUnavailable(Exception):
    """The place where secrets are kept cannot be reached."""


class PageSink:
    """Keeps secrets for the page at `url`; its fragment names the secret, so no log holds it."""

    def __init__(self, pages: SecretPages, url: str) -> None:
        self._pages = pages
        self._url = url

    def prepare(self) -> None:
        """See `SecretSink`."""

    async def deliver(self, secret: NewSecret) -> Delivery:
        """See `SecretSink`."""
        id = secrets.token_urlsafe(16)
        principal = current_caller.get().principal
        content = json.dumps({"tool": secret.tool, "secrets": secret.fields}).encode()
        await self._pages.keep(id, principal, content)
        return Delivery(
            f"{secret.names} is not shown here: give the user `secret_page`, which shows it once, "
            f"within {KEEP_S / 60:.0f} minutes, and only to {principal}.",
            fields={"secret_page": f"{self._url}#{id}"},
        )


class _Kept(NamedTuple):
    principal: str
    content: bytes
    expires_at: float


class MemorySecretPages:
    """`SecretPages` of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def keep(self, id: str, principal: str, content: bytes) -> None:
        """See `SecretPages`."""
        self._forget_expired()
        own = [name for name, kept in self._kept.items() if kept.principal == principal]
        self._make_room(own, MAX_KEPT_BY_PRINCIPAL)
        self._make_room([*self._kept], MAX_KEPT)
        expires_at = self._clock() + KEEP_S
        self._kept[name_of(id, principal)] = _Kept(principal, content, expires_at)

    async def take(self, id: str, principal: str) -> bytes | None:
        """See `SecretPages`."""
        self._forget_expired()
        kept = self._kept.pop(name_of(id, principal), None)
        return None if kept is None else kept.content

    async def close(self) -> None:
        """See `SecretPages`."""
        self._kept.clear()

    def _make_room(self, names: list[str], limit: int) -> None:
        """Remove the oldest of these secrets, so that one more is within a limit."""
        for name in names[: max(0, len(names) - limit + 1)]:
            del self._kept[name]

    def _forget_expired(self) -> None:
        now = self._clock()
        for name in [name for name, kept in self._kept.items() if kept.expires_at <= now]:
            del self._kept[name]


def name_of(id: str, principal: str) -> str:
    """The name under which a secret is kept.

    It belongs to the principal, so that a wrong one finds nothing and removes nothing, and the id
    cannot be read from it.
    """
    parts: list[Any] = [id, principal]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
