"""Transports of httpx that ask an emulator in this process, without a socket."""

import time

import anyio
import httpx

from ..emulator.core.app import Emulator
from ..emulator.core.faults import Injected


class EmulatorTransport(httpx.BaseTransport):
    """Answers every request of an `httpx.Client` from an emulator, whatever host it names.

    Injected delays and closed connections are as they are over a socket: a delay beyond the
    client's read timeout raises `httpx.ReadTimeout`, a closed connection
    `httpx.RemoteProtocolError`.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        request.read()
        injected = self._emulator.take_faults(request.method, _target(request))
        delay_s, timed_out = _delay(request, injected)
        time.sleep(delay_s)
        return _response(self._emulator, request, injected, timed_out)


class AsyncEmulatorTransport(httpx.AsyncBaseTransport):
    """The same for an `httpx.AsyncClient`, on asyncio or trio."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        await request.aread()
        injected = self._emulator.take_faults(request.method, _target(request))
        delay_s, timed_out = _delay(request, injected)
        await anyio.sleep(delay_s)
        return _response(self._emulator, request, injected, timed_out)


def _target(request: httpx.Request) -> str:
    return request.url.raw_path.decode("ascii")


def _delay(request: httpx.Request, injected: Injected) -> tuple[float, bool]:
    """The seconds to wait, and whether the client gives up then."""
    timeout_s = request.extensions.get("timeout", {}).get("read")
    if timeout_s is not None and injected.delay_s > timeout_s:
        return timeout_s, True
    return injected.delay_s, False


def _response(
    emulator: Emulator, request: httpx.Request, injected: Injected, timed_out: bool
) -> httpx.Response:
    status, headers, content = emulator.answer(
        request.method, _target(request), dict(request.headers), request.content, injected
    )
    if timed_out:  # the request takes effect, as at a server that answers too late
        raise httpx.ReadTimeout("the emulator was told to answer later", request=request)
    if injected.drop is not None:
        raise httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body", request=request
        )
    return httpx.Response(status, headers=headers, content=content, request=request)
