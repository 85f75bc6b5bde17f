"""A client of Portkey for each key in use: the server's own, and those of single callers."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from pydantic import SecretStr

from ..errors import ConfigurationError
from .api import Portkey

MAX_CLIENTS = 128
"""Clients of callers' keys that are kept; the one that was not used for the longest time goes."""


class CallerKey(NamedTuple):
    """A caller's own key of Portkey, and its fingerprint, which may be stored and compared."""

    secret: SecretStr
    fingerprint: str


_current: ContextVar[CallerKey | None] = ContextVar("current_key", default=None)


@contextmanager
def using_key(key: CallerKey | None) -> Iterator[None]:
    """Send what runs inside with this key; None means the server's own."""
    token = _current.set(key)
    try:
        yield
    finally:
        _current.reset(token)


class Clients:
    """Returns the client for the key of the current request. Keys never share connections.

    `own` returns the client of the server's own key, and `create` makes one for a caller's. With
    `needs_caller_key`, a call that came without one raises ConfigurationError, rather than use the
    server's.
    """

    def __init__(
        self,
        own: Callable[[], Portkey],
        create: Callable[[SecretStr], Portkey],
        *,
        needs_caller_key: bool = False,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._own = own
        self._create = create
        self._is_own_used = False
        self._needs_caller_key = needs_caller_key
        self._max_clients = max_clients
        self._by_fingerprint: OrderedDict[str, Portkey] = OrderedDict()

    def __call__(self) -> Portkey:
        """The client for the key of the current request."""
        key = _current.get()
        if key is not None:
            return self._client_of(key)
        if self._needs_caller_key:
            raise ConfigurationError(
                "this service has no Portkey key of its own (PORTKEY_KEY_MODE=caller), and this "
                "call came without its caller's"
            )
        self._is_own_used = True
        return self._own()

    def retire(self) -> None:
        """Close all connections as soon as they are unused, because the service stops."""
        own = [self._own()] if self._is_own_used else []
        for client in (*own, *self._by_fingerprint.values()):
            client.retire()

    @property
    def count(self) -> int:
        """The number of clients of callers' keys that are kept."""
        return len(self._by_fingerprint)

    def _client_of(self, key: CallerKey) -> Portkey:
        client = self._by_fingerprint.get(key.fingerprint)
        if client is None:
            client = self._by_fingerprint[key.fingerprint] = self._create(key.secret)
            if self.count > self._max_clients:
                _fingerprint, oldest = self._by_fingerprint.popitem(last=False)
                oldest.retire()
        self._by_fingerprint.move_to_end(key.fingerprint)
        return client


def current_secret() -> str:
    """The caller's own key in the current request, to be masked; empty if there is none."""
    key = _current.get()
    return "" if key is None else key.secret.get_secret_value()
