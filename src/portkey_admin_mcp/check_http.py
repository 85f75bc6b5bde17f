"""The self-check: asks a running service, as a client would, whether it works and keeps guard."""

import json
import re
import secrets
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import click

# The rest is imported where it is used: the command line reads this file whatever it is told.
if TYPE_CHECKING:
    import httpx2
    from mcp import Client

State = Literal["ok", "warning", "failed", "skipped"]
MARKS: dict[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
}
MODERN = "2026-07-28"
ELSEWHERE = "https://evil.example"
LIMIT_S = 15
MOST_TOLD = 240


class Failed(Exception):
    """The service did not do what it should."""


class Doubtful(Exception):
    """The service did what it should, and yet somebody should look."""


class NotAsked(Exception):
    """The question makes no sense for this service."""


class Outcome(NamedTuple):
    """What came of one check."""

    name: str
    state: State
    told: str
    ms: float


class Checkup:
    """Asks the questions, one after another, and remembers the outcomes."""

    def __init__(self, base: str, token: str | None, trust: ssl.SSLContext | bool) -> None:
        self.outcomes: list[Outcome] = []
        self._base = base
        self._token = token
        self._trust = trust
        self._mode = "unknown"

    async def all(self) -> None:
        """Ask everything; nothing more if nobody answers at all."""
        await self._step("Health", self._health)
        if self.outcomes[-1].state == "failed":
            return
        for name, ask in (
            ("Ready", self._ready),
            ("Sign-in", self._auth_info),
            ("Initialize", self._initialize),
            ("Discover", self._discover),
            ("List tools", self._list),
            ("Read from Portkey", self._read),
            ("No token is refused", self._no_token),
            ("Wrong token is refused", self._wrong_token),
            ("Other origin is refused", self._other_origin),
        ):
            await self._step(name, ask)

    async def _step(self, name: str, ask: Callable[[], Awaitable[str]]) -> None:
        import httpx2
        from mcp.shared.exceptions import MCPError

        began = time.perf_counter()
        state: State = "ok"
        try:
            told = await ask()
        # Groups, because that is how the MCP client breaks.
        except* Doubtful as errors:
            state, told = "warning", _first(errors)
        except* NotAsked as errors:
            state, told = "skipped", _first(errors)
        except* (Failed, MCPError, httpx2.HTTPError, OSError, ValueError) as errors:
            state, told = "failed", _first(errors)
        except* (LookupError, TypeError, AttributeError):
            state, told = "failed", "it answers, but not as this service would"
        spent = (time.perf_counter() - began) * 1000
        self.outcomes.append(Outcome(name, state, self._plain(told), spent))

    async def _health(self) -> str:
        answer = await self._get("/health", 200)
        return f"version {answer['version']}"

    async def _ready(self) -> str:
        answer = await self._get("/ready", 200, 503)
        checks = {name: check["status"] for name, check in answer["checks"].items()}
        told = ", ".join(f"{name} {state}" for name, state in checks.items())
        if answer["status"] != "ready":
            raise Failed(f"not ready: {told}")
        setup = f"{answer['sessions']['mode']}, event store {answer['event_store']}"
        return f"{setup}, {told}" if told else setup

    async def _auth_info(self) -> str:
        answer = await self._get("/auth/info", 200)
        self._mode = str(answer["mode"])
        if self._mode != "none" and not self._token:
            raise Failed("it asks for a token: give --token, or set MCP_AUTH_TOKEN")
        if answer["endpoint"] != self._endpoint:
            raise Doubtful(
                f"{self._mode}, but it calls itself {answer['endpoint']}; MCP_PUBLIC_BASE_URL "
                "corrects that"
            )
        return self._mode

    async def _initialize(self) -> str:
        async with self._http(self._token) as http, self._client(http, "legacy") as client:
            return _greeting(client)

    async def _discover(self) -> str:
        async with self._http(self._token) as http, self._client(http, "auto") as client:
            if client.session.discover_result is None:
                raise Failed(f"it does not know server/discover, the way of {MODERN}")
            return _greeting(client)

    async def _list(self) -> str:
        async with self._http(self._token) as http, self._client(http, MODERN) as client:
            tools = (await client.list_tools()).tools
        if not tools:
            raise Failed("there are no tools")
        return f"{len(tools)} tools"

    async def _read(self) -> str:
        async with self._http(self._token) as http, self._client(http, MODERN) as client:
            result = await client.call_tool("list_workspaces", {"page_size": 1})
        if result.is_error:
            text = " ".join(part.text for part in result.content if part.type == "text")
            raise Doubtful(f"reached, but refused: {text}")
        return f"{(result.structured_content or {}).get('total', 'some')} workspaces"

    async def _no_token(self) -> str:
        return await self._turned_away(None)

    async def _wrong_token(self) -> str:
        return await self._turned_away(secrets.token_hex(24))

    async def _turned_away(self, token: str | None) -> str:
        if self._mode == "none":
            raise NotAsked("everybody is let in")
        async with self._http(token) as http:
            answer = await http.post(self._endpoint, **_ping())
        if answer.status_code != 401:
            raise Failed(f"answered {answer.status_code}, not 401")
        if not answer.headers.get("www-authenticate", "").startswith("Bearer"):
            raise Failed("answered 401, but without saying how to sign in (WWW-Authenticate)")
        return "401"

    async def _other_origin(self) -> str:
        async with self._http(self._token) as http:
            answer = await http.post(self._endpoint, **_ping(Origin=ELSEWHERE))
        if answer.status_code != 403:
            raise Failed(f"a page of {ELSEWHERE} was answered {answer.status_code}, not 403")
        return "403"

    async def _get(self, path: str, *expected: int) -> Any:
        async with self._http(None) as http:
            answer = await http.get(self._base + path)
        if answer.status_code not in expected:
            raise Failed(f"answered {answer.status_code}")
        return json.loads(answer.text)

    def _http(self, token: str | None) -> "httpx2.AsyncClient":
        import httpx2

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.AsyncClient(headers=headers, verify=self._trust, timeout=LIMIT_S)

    def _client(self, http: "httpx2.AsyncClient", mode: str) -> "Client":
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        transport = streamable_http_client(self._endpoint, http_client=http)
        return Client(transport, mode=mode, read_timeout_seconds=LIMIT_S)

    @property
    def _endpoint(self) -> str:
        return f"{self._base}/mcp"

    def _plain(self, text: str) -> str:
        """Without the token, wherever it may have come from, and on one line."""
        kept = text.replace(self._token, "•••") if self._token else text
        line = " ".join("".join(c if c.isprintable() else " " for c in kept).split())
        return line if len(line) <= MOST_TOLD else f"{line[:MOST_TOLD]}…"


def check(url: str, token: str | None, insecure: bool = False) -> int:
    """Check the service at this address and print what was found; 0 if nothing failed."""
    import anyio
    import truststore
    from rich.console import Console

    trust = False if insecure else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    checkup = Checkup(_base(url), token or None, trust)
    anyio.run(checkup.all)
    return _report(Console(highlight=False), checkup.outcomes)


@click.command("check-http")
@click.option("--url", required=True, help="Where the service is, with or without /mcp.")
@click.option(
    "--token",
    envvar="MCP_AUTH_TOKEN",
    show_envvar=True,
    help="The bearer token; others can read it in the list of processes, so rather set the "
    "variable.",
)
@click.option("--insecure", is_flag=True, help="Take any certificate.")
def check_http(url: str, token: str | None, insecure: bool) -> None:
    """Check a running HTTP service: that it works, and that it refuses whom it should.

    Reads only. The exit code is 0 if nothing failed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise click.BadParameter("must be like https://mcp.example.com", param_hint="--url")
    if token and not re.fullmatch(r"[!-~]+", token):
        raise click.BadParameter("must be ASCII without spaces", param_hint="--token")
    sys.exit(check(url, token, insecure))


def _report(console: Any, outcomes: list[Outcome]) -> int:
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("", "Check", Column("ms", justify="right"), "Found")
    for name, state, told, ms in outcomes:
        table.add_row(Text(*MARKS[state]), name, f"{ms:.0f}", Text(told))
    console.print(table)
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    doubtful = sum(outcome.state == "warning" for outcome in outcomes)
    if failed:
        console.print(Text(f"✗ {failed} of {len(outcomes)} checks failed.", "red"))
        return 1
    warned = f", {doubtful} with a warning" if doubtful else ""
    console.print(Text(f"✓ The service works{warned}.", "yellow" if doubtful else "green"))
    return 0


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("/mcp").rstrip("/")


def _ping(**headers: str) -> dict[str, Any]:
    """A request of the older protocol, which opens no session when it is refused."""
    return {
        "json": {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        "headers": {"Accept": "application/json, text/event-stream", **headers},
    }


def _greeting(client: "Client") -> str:
    info = client.server_info
    named = f", {info.name} {info.version}" if info else ""
    return f"protocol {client.protocol_version}{named}"


def _first(group: BaseExceptionGroup[Any]) -> str:
    error = next(_leaves(group))
    return str(error) or type(error).__name__


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
