"""Two emulated organisations behind one address, and callers of a service in front of them.

Every name, slug and email in an organisation contains its mark, so each answer shows whose it is.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from starlette.applications import Starlette

from initialization import INITIALIZE_PARAMS
from portkey_admin_mcp.assembly import http_app
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.asgi import asgi
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings

MARKS = ("alpha", "bravo")
TOKENS = {name: f"a-token-of-{name}-alone" for name in ("ada", "ben", "cyd", "dee")}
NAMES = ("name", "first_name", "title", "email")
"""Fields that hold a name, which need not be unique and refers to nothing."""
PREFIX = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
META = {f"{PREFIX}protocolVersion": MODERN, f"{PREFIX}clientCapabilities": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


def organisation(mark: str) -> Emulator:
    """The seeded organisation with this mark; ids are those of every other one."""
    emulator = Emulator("acme")
    state = emulator.store.dump()
    rows = [
        row for table in ("workspaces", "configs") for row in emulator.store.table(table).rows()
    ]
    text = json.dumps(_marked(state, mark))
    for unique in {*emulator.keys().values(), *(row["slug"] for row in rows)}:
        text = text.replace(unique, f"{unique}-{mark}")
    emulator.store.start_over(json.loads(text))
    return emulator


class Received(NamedTuple):
    """A request to Portkey: the port that its connection came from, and its headers."""

    port: int
    headers: dict[str, str]

    @property
    def key(self) -> str:
        return self.headers.get("x-portkey-api-key", "")


def portkey_of(
    organisations: list[Emulator], received: list[Received] | None = None
) -> Callable[..., Awaitable[None]]:
    """An ASGI application that answers for the organisation whose key a request has."""
    apps = {key: asgi(emulator) for emulator in organisations for key in emulator.keys().values()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(0)  # so that requests overtake each other
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            request = Received(scope["client"][1], headers)
            if received is not None:
                received.append(request)
            await apps.get(request.key, asgi(organisations[0]))(scope, receive, send)

    return app


class Answer(NamedTuple):
    """The status and the body of a response; `message` is its JSON-RPC message."""

    status: int
    text: str
    headers: Any

    @property
    def message(self) -> Any:
        lines = [line.removeprefix("data: ") for line in self.text.splitlines()]
        return json.loads([line for line in lines if line.startswith("{")][-1])


class TenantsCaller:
    """Calls a service with a token and, if there is one, a key of Portkey.

    `generation` is `stateful`, with one session, `stateless`, or `modern`.
    """

    def __init__(self, http: httpx2.AsyncClient, url: str, generation: str, **headers: str) -> None:
        self._http = http
        self._url = f"{url}/mcp"
        self._generation = generation
        self._number = 0
        self.headers = ACCEPT | headers

    async def open(self) -> Answer:
        """Open a session, if this generation has them."""
        answer = await self.send("initialize", **INITIALIZE_PARAMS)
        self.headers |= {"mcp-session-id": answer.headers.get("mcp-session-id", "")}
        return answer

    async def send(self, method: str, **params: Any) -> Answer:
        """Send one request, whatever the answer; `_meta` adds to the fields of this name."""
        self._number += 1
        headers = dict(self.headers)
        if self._generation == "modern":
            params["_meta"] = META | params.get("_meta", {})
            name = params.get("name", params.get("uri"))
            headers |= {"mcp-protocol-version": MODERN, "mcp-method": method}
            headers |= {"mcp-name": name} if name else {}
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        response = await self._http.post(self._url, json=message, headers=headers)
        return Answer(response.status_code, response.text, response.headers)

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return await self.send("tools/call", name=tool, arguments=arguments)


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, list):
        return [_marked(each, mark) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"{mark}-{item}" if name in NAMES and isinstance(item, str) else _marked(item, mark)
        for name, item in value.items()
    }


def create_service(
    portkey_url: str, folder: Path, port: int, *, key: str | None = None, **variables: Any
) -> Starlette:
    """The service as the command builds it, with four bearer tokens.

    `variables` are of any group of settings; changes are not confirmed unless they say so.
    """
    env_file = folder / f"{port}.env"
    safety = {"PORTKEY_CONFIRM": "never", "PORTKEY_STATE_DIR": str(folder)} | variables
    env_file.write_text("".join(f"{name}={value}\n" for name, value in safety.items()))
    settings = Settings(
        PORTKEY_API_KEY=key,
        PORTKEY_BASE_URL=portkey_url,
        PORTKEY_ALLOW_PRIVATE_BASE_URL=True,
        PORTKEY_ALLOW_INSECURE_HTTP=True,
        **variables,
    )
    hosting = Hosting(
        MCP_PORT=port, MCP_AUTH_MODE="bearer", MCP_AUTH_TOKENS=json.dumps(TOKENS), **variables
    )
    return http_app(settings, hosting, env_file)
