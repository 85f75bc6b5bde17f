"""The same through a proxy, with aiohttp, which knows tunnels and passwords.

aiohttp is imported at the first request: that takes 0.1 s.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .answer import (
    Answer,
    BrokenAnswer,
    UnusableAnswer,
    check_sizes,
    ends_with_connection,
    part_size,
    read_headers,
)
from .body import EnoughReceived, body_of
from .connection import TOTAL_TIMEOUT_FACTOR
from .http1 import MAX_CONNECTIONS, MAX_IDLE_S, NotConnected, not_connected, wait_for_slot
from .slots import CALLER, Slots

if TYPE_CHECKING:
    import aiohttp


class ProxyClient:
    """Sends requests through proxies; arguments and errors are those of `Http1`."""

    def __init__(
        self, timeout_s: float, max_bytes: int, tls_context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._tls_context = tls_context
        self._slots = Slots(MAX_CONNECTIONS)
        self._session: aiohttp.ClientSession | None = None
        self._is_retired = False
        self._closing: asyncio.Task[None] | None = None

    async def request(
        self, proxy: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request to a URL that is already quoted; see `Http1.request`."""
        caller = CALLER.get()
        if not self._slots.take(caller):
            await wait_for_slot(self._slots, caller, self._timeout_s)
        try:
            return await self._send(proxy, method, url, headers, body)
        finally:
            self._slots.release(caller)
            if self._is_retired and self._slots.is_unused:
                await self.close()

    async def close(self) -> None:
        """Close the connections; the next request would open new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def retire(self) -> None:
        """Close the connections as soon as no request uses one, from now on after each request."""
        self._is_retired = True
        if self._session is not None and self._slots.is_unused:
            self._closing = asyncio.get_running_loop().create_task(self.close())

    async def _send(
        self, proxy: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        import aiohttp
        from yarl import URL

        needs_tls = url.startswith("https:") or proxy.startswith("https:")
        try:
            async with self._open().request(
                method,
                # Already encoded: yarl must neither unquote it nor resolve dots.
                URL(url, encoded=True),
                headers={"accept-encoding": "gzip, deflate", **headers},
                data=body,
                allow_redirects=False,
                proxy=proxy,
                ssl=self._tls_context() if needs_tls else True,
            ) as response:
                return await self._read(response, part_size(headers))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise not_connected(error) from error
        except aiohttp.ClientHttpProxyError as error:
            raise NotConnected(f"the proxy refused with {error.status}") from error
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {self._timeout_s:g} s") from error
        except BrokenAnswer:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise BrokenAnswer("the connection broke, or the answer is not valid HTTP") from error

    async def _read(self, response: "aiohttp.ClientResponse", part_bytes: int | None) -> Answer:
        """Read an answer by the rules of `Connection`."""
        check_sizes(response.raw_headers)
        status, headers = response.status, read_headers(response.raw_headers)
        if status < 200:
            raise BrokenAnswer(f"the server sent a status that was not asked for: {status}")
        try:
            return status, headers, await self._content(response, headers, part_bytes)
        except UnusableAnswer:
            response.close()
            if status < 300:
                raise
            return status, headers, b""  # an error is reported by its status

    async def _content(
        self,
        response: "aiohttp.ClientResponse",
        headers: Mapping[str, str],
        part_bytes: int | None,
    ) -> bytes:
        body = body_of(response.status, headers, self._max_bytes, part_bytes)
        try:
            async for piece in response.content.iter_any():
                body.append(piece)
        except EnoughReceived:
            response.close()
            return body.part()
        content = body.content()
        if ends_with_connection(response.status, headers):
            body.require_end(response.status)
        return content

    def _open(self) -> "aiohttp.ClientSession":
        # Created at the first use: it belongs to the running loop.
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=MAX_IDLE_S),
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout_s * TOTAL_TIMEOUT_FACTOR,
                    connect=self._timeout_s,
                    sock_connect=self._timeout_s,
                    sock_read=self._timeout_s,
                ),
                auto_decompress=False,
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
        raise aiohttp.ClientConnectionError("broken") from error
