"""HTTP to the real Portkey: sends and receives bytes, without interpreting them."""

import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConfigurationError
from ..settings.settings import Settings
from .http1 import MAX_CONNECTIONS, TOTAL_TIMEOUT_FACTOR, Http1, NotConnected

if TYPE_CHECKING:
    import aiohttp

Answer = tuple[int, Mapping[str, str], bytes]


class Network:
    """HTTP with a connection pool, proxies and verified certificates.

    It follows no redirects, keeps no cookies, and sends a request once.

    Failures are Python's own: ConnectionRefusedError when nothing was sent, TimeoutError and
    any other ConnectionError when the request may have arrived.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = settings.base_url.rstrip("/")
        self._timeout_s = settings.timeout_ms / 1000
        self._direct = Http1(self._timeout_s, lambda: self._tls_context)
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send to `target`, already quoted, and return status, headers, body."""
        url = self._url(target)
        proxy = self._proxy(url)
        if proxy is not None:
            return await self._send_through(proxy, method, url, headers, body)
        if self._settings.ca_file or self._settings.ca_dir:
            _ = self._tls_context  # so that an unreadable file is reported even if it is not needed
        try:
            return await self._direct.request(method, url, headers, body)
        except NotConnected as error:
            raise ConnectionRefusedError(_reason(error.__cause__)) from error
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {self._timeout_s:g} s") from error
        except OSError as error:
            raise ConnectionError("the connection broke") from error

    async def _send_through(
        self, proxy: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send through a proxy, with aiohttp."""
        import aiohttp
        from yarl import URL

        try:
            async with self._open().request(
                method,
                # Already encoded: yarl must neither unquote it nor resolve dots.
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                proxy=proxy,
            ) as response:
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectionRefusedError(_reason(error)) from error
        except aiohttp.ClientHttpProxyError as error:
            raise ConnectionRefusedError(f"the proxy refused with {error.status}") from error
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionError("the connection broke") from error

    async def close(self) -> None:
        """Close the connections; the next request would open new ones."""
        self._direct.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        return _tls_context(self._settings)

    def _proxy(self, url: str) -> str | None:
        # Looked up once for each host: the environment does not change while the process runs.
        scheme, _, rest = url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        if origin not in self._proxies:
            self._proxies[origin] = _proxy(origin)
        return self._proxies[origin]

    def _url(self, target: str) -> str:
        """The URL of a target: `/v1/…` is below the base URL, other paths are beside `/v1`."""
        if target.startswith(("https://", "http://")):
            return target
        if target.startswith("/v1/"):
            return self._base + target.removeprefix("/v1")
        return self._base.removesuffix("/v1") + target

    def _open(self) -> "aiohttp.ClientSession":
        # Created at the first use: it belongs to the running loop, and takes 0.1 s to import.
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=self._tls_context),
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout_s * TOTAL_TIMEOUT_FACTOR,
                    connect=self._timeout_s,
                    sock_connect=self._timeout_s,
                    sock_read=self._timeout_s,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_send_once,),
            )
        return self._session


async def _send_once(request: Any, handler: Any) -> Any:
    """Send a request no more than once.

    By itself, aiohttp repeats a PUT or DELETE if its pooled connection turns out to be closed.
    Portkey may have acted on it already, and each PUT of a config makes a version.
    """
    import aiohttp

    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        # aiohttp does not repeat a request after this error, and raises it with its cause.
        raise aiohttp.ClientConnectionError("broken") from error


def _proxy(url: str) -> str | None:
    """The proxy for this address, from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    # HOST:PORT is accepted too, as other programs do.
    url = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_web_address(url):
        raise ConfigurationError(
            "The proxy named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: correct it "
            "to http://HOST:PORT, or unset it."
        )
    return url


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _tls_context(settings: Settings) -> ssl.SSLContext:
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


def _reason(error: BaseException | None) -> str:
    """Why no connection could be made, without the address."""
    cause = getattr(error, "certificate_error", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {cause.verify_message}"
    timed_out = isinstance(error, TimeoutError)
    return "no connection in time" if timed_out else "no connection could be made"
