"""How a test reaches its emulator: the address, the keys, and clients."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio.to_thread

from ..emulator.core.app import KEY_HEADER, Emulator

if TYPE_CHECKING:
    import httpx
    from portkey_ai import AsyncPortkey, Portkey

    from .server import ServerThread

IN_PROCESS_URL = "https://api.portkey.ai/v1"
"""The base URL of clients in this process: a transport answers whatever it is."""


class Access:
    """The ways to an emulator: over HTTP, and in this process."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._server: ServerThread | None = None

    @property
    def url(self) -> str:
        """The address without a path, such as `http://127.0.0.1:43211`. Starts the server."""
        from .server import ServerThread

        with self._emulator.lock:
            if self._server is None:
                self._server = ServerThread(self._emulator)
        return self._server.url

    @property
    def base_url(self) -> str:
        """The base URL for clients of Portkey: `url` with `/v1`. Starts the server."""
        return f"{self.url}/v1"

    @property
    def keys(self) -> dict[str, str]:
        """The API keys of the seed by name, such as `owner`, `admin` and `workspace-service`.

        docs/emulator.md says what each may do. The keys of a seed file have their own names.
        """
        return self._emulator.keys()

    def key(self, name: str = "owner") -> str:
        """An API key by its name. Raises KeyError, which names all."""
        keys = self.keys
        if name not in keys:
            raise KeyError(f"no API key is named {name!r}: use one of {', '.join(keys)}")
        return keys[name]

    def environment(self, key: str = "owner") -> dict[str, str]:
        """The environment variables that lead Portkey's SDKs here. Starts the server.

        PORTKEY_PROXY is the one that the SDK for Python reads.
        """
        url = self.base_url
        return {"PORTKEY_BASE_URL": url, "PORTKEY_PROXY": url, "PORTKEY_API_KEY": self.key(key)}

    def transport(self) -> "httpx.BaseTransport":
        """A transport for `httpx.Client`, which answers in this process, whatever the host."""
        from .transports import EmulatorTransport

        return EmulatorTransport(self._emulator)

    def async_transport(self) -> "httpx.AsyncBaseTransport":
        """A transport for `httpx.AsyncClient`, which answers in this process."""
        from .transports import AsyncEmulatorTransport

        return AsyncEmulatorTransport(self._emulator)

    def client(self, key: str = "owner") -> "httpx.Client":
        """An `httpx.Client` with an API key, by its name: `client().get("/configs")`."""
        import httpx

        headers = {KEY_HEADER: self.key(key)}
        return httpx.Client(transport=self.transport(), base_url=IN_PROCESS_URL, headers=headers)

    def sdk(self, key: str = "owner", **options: Any) -> "Portkey":
        """Portkey's SDK with an API key, by its name, in this process.

        `options` are further arguments of `portkey_ai.Portkey`, such as `config`. Needs the
        package portkey-ai.
        """
        import httpx
        from portkey_ai import Portkey as PortkeySDK

        http_client = httpx.Client(transport=self.transport(), base_url=IN_PROCESS_URL)
        own = {"base_url": IN_PROCESS_URL, "http_client": http_client, "api_key": self.key(key)}
        return PortkeySDK(**{**own, **options})

    def async_sdk(self, key: str = "owner", **options: Any) -> "AsyncPortkey":
        """The same as `sdk`, for `portkey_ai.AsyncPortkey`."""
        import httpx
        from portkey_ai import AsyncPortkey as AsyncPortkeySDK

        http_client = httpx.AsyncClient(transport=self.async_transport(), base_url=IN_PROCESS_URL)
        own = {"base_url": IN_PROCESS_URL, "http_client": http_client, "api_key": self.key(key)}
        return AsyncPortkeySDK(**{**own, **options})

    def close(self) -> None:
        """Stop the server, if it runs. The context manager does it at its end."""
        with self._emulator.lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await anyio.to_thread.run_sync(self.close)
