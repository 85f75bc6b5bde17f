"""HTTP to the real Portkey: sends and receives bytes, without interpreting them."""

import ssl
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

from ..errors import ConfigurationError
from ..settings.settings import Settings
from .http.answer import Answer
from .http.http1 import Http1
from .http.proxied import ProxyClient
from .proxies import proxy_for


class Transport(Protocol):
    """Sends one request to Portkey, or to the emulator instead.

    Failures are Python's own: ConnectionRefusedError when nothing was sent, TimeoutError and
    any other ConnectionError when the request may have arrived; and UnusableAnswer for a
    success that cannot be read.
    """

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send to `target` and return status, headers, body.

        A target is a path with its query, already quoted, that begins with the API's version
        if it has one (`/v1/configs?…`), or the full URL of another host of Portkey.
        """
        ...


class Network:
    """HTTP with a connection pool, proxies and verified certificates.

    It follows no redirects, keeps no cookies, and sends a write once.

    Failures are Python's own: ConnectionRefusedError when nothing was sent, TimeoutError and
    any other ConnectionError when the request may have arrived, and ValueError (UnusableAnswer)
    for an answer of success that is too large or has an unknown content coding.
    """

    def __init__(
        self, settings: Settings, tls_context: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        self._settings = settings
        self._base = settings.base_url.rstrip("/")
        limits = settings.timeout_ms / 1000, settings.max_answer_bytes
        trusted = tls_context or (lambda: self._tls_context)
        self._direct = Http1(*limits, trusted)
        self._proxied = ProxyClient(*limits, trusted)
        self._proxies: dict[str, str | None] = {}

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send to `target`, already quoted, and return status, headers, body."""
        url = self._url(target)
        proxy = self._proxy(url)
        if proxy is None:
            return await self._direct.request(method, url, headers, body)
        return await self._proxied.request(proxy, method, url, headers, body)

    def with_own_connections(self) -> "Network":
        """The same network with a connection pool of its own; the certificates are read once."""
        other = Network(self._settings, lambda: self._tls_context)
        other._proxies = self._proxies
        return other

    def retire(self) -> None:
        """Close each connection as soon as no request uses it."""
        self._direct.retire()
        self._proxied.retire()

    async def close(self) -> None:
        """Close the connections; the next request would open new ones."""
        self._direct.close()
        await self._proxied.close()

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        return tls_context(self._settings)

    def _proxy(self, url: str) -> str | None:
        # Looked up once for each host: the environment does not change while the process runs.
        scheme, _, rest = url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin)
        return self._proxies[origin]

    def _url(self, target: str) -> str:
        """The URL of a target: `/v1/…` is below the base URL, other paths are beside `/v1`."""
        if target.startswith(("https://", "http://")):
            return target
        if target.startswith("/v1/"):
            return self._base + target.removeprefix("/v1")
        return self._base.removesuffix("/v1") + target


def tls_context(settings: Settings) -> ssl.SSLContext:
    """A context that trusts SSL_CERT_FILE and SSL_CERT_DIR, or the system's certificates."""
    if settings.ca_file is None and settings.ca_dir is None:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=settings.ca_file, capath=settings.ca_dir)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            "SSL_CERT_FILE does not contain certificates in PEM form; correct or unset it."
        ) from error
