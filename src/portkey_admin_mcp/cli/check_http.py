"""`check-http`: check from outside that a running service works and refuses bad requests."""

import json
import re
import secrets
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import click

from ..clients.servers import KEY_HEADER
from .check_states import STATE_MARKS, CheckState
from .failures import leaves

# The rest is imported where it is used: the command line imports this file for every command.
if TYPE_CHECKING:
    import httpx2
    from mcp import Client

LATEST_PROTOCOL = "2026-07-28"
FOREIGN_ORIGIN = "https://evil.example"
TIMEOUT_S = 15
"""Seconds to wait for one answer."""
MAX_DETAIL_CHARS = 240
"""The length at which the detail of a check is cut."""


class CheckFailed(Exception):
    """The service gave a wrong answer, or none."""


class CheckWarning(Exception):
    """The service works, but something about it needs attention."""


class CheckSkipped(Exception):
    """The check does not apply to this service."""


class CheckResult(NamedTuple):
    """The result of one check; `ms` is how long it took, in milliseconds."""

    name: str
    state: CheckState
    detail: str
    ms: float


class ServiceCheck:
    """Runs all checks in order; `results` holds one result for each.

    `base` is the URL without `/mcp`; `trust` is what httpx2 takes as `verify`. `key` is the
    caller's own key of Portkey, for a service that takes one; it is sent with the token only.
    """

    def __init__(
        self, base: str, token: str | None, trust: ssl.SSLContext | bool, key: str = ""
    ) -> None:
        self.results: list[CheckResult] = []
        self._base = base
        self._token = token
        self._key = key
        self._trust = trust
        self._mode = "unknown"

    async def run(self) -> None:
        """Run every check; stop if the first one fails: the service does not answer."""
        await self._step("Health", self._health)
        if self.results[-1].state == "failed":
            return
        for name, run_check in (
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
            await self._step(name, run_check)

    async def _step(self, name: str, run_check: Callable[[], Awaitable[str]]) -> None:
        import httpx2
        from mcp.shared.exceptions import MCPError

        started = time.perf_counter()
        state: CheckState = "ok"
        try:
            detail = await run_check()
        # `except*`, because the MCP client raises exception groups.
        except* CheckWarning as errors:
            state, detail = "warning", _first_error(errors)
        except* CheckSkipped as errors:
            state, detail = "skipped", _first_error(errors)
        except* (CheckFailed, MCPError, httpx2.HTTPError, OSError, ValueError) as errors:
            state, detail = "failed", _first_error(errors)
        except* (LookupError, TypeError, AttributeError):
            state, detail = "failed", "the answer is not that of a portkey-admin-mcp service"
        elapsed_ms = (time.perf_counter() - started) * 1000
        self.results.append(CheckResult(name, state, self._sanitized(detail), elapsed_ms))

    async def _health(self) -> str:
        answer = await self._get("/health", 200)
        return f"version {answer['version']}"

    async def _ready(self) -> str:
        answer = await self._get("/ready", 200, 503)
        checks = {name: check["status"] for name, check in answer["checks"].items()}
        detail = ", ".join(f"{name} {state}" for name, state in checks.items())
        if answer["status"] == "degraded":
            raise CheckWarning(f"degraded: {detail}")
        if answer["status"] != "ready":
            raise CheckFailed(f"not ready: {detail}")
        setup = f"{answer['sessions']['mode']}, event store {answer['event_store']}"
        return f"{setup}, {detail}" if detail else setup

    async def _auth_info(self) -> str:
        answer = await self._get("/auth/info", 200)
        self._mode = str(answer["mode"])
        if self._mode != "none" and not self._token:
            raise CheckFailed("the service requires a token: give --token, or set MCP_AUTH_TOKEN")
        if answer["endpoint"] != self._endpoint:
            raise CheckWarning(
                f"{self._mode}, but clients are told to call {answer['endpoint']}; "
                "set MCP_PUBLIC_BASE_URL to the address that clients use"
            )
        return self._mode

    async def _initialize(self) -> str:
        async with self._http(self._token) as http, self._client(http, "legacy") as client:
            return _server_description(client)

    async def _discover(self) -> str:
        async with self._http(self._token) as http, self._client(http, "auto") as client:
            if client.session.discover_result is None:
                raise CheckFailed(
                    f"server/discover is not supported, so neither is protocol {LATEST_PROTOCOL}"
                )
            return _server_description(client)

    async def _list(self) -> str:
        async with self._http(self._token) as http, self._client(http, LATEST_PROTOCOL) as client:
            tools = (await client.list_tools()).tools
        if not tools:
            raise CheckFailed("the list of tools is empty")
        return f"{len(tools)} tools"

    async def _read(self) -> str:
        async with self._http(self._token) as http, self._client(http, LATEST_PROTOCOL) as client:
            result = await client.call_tool("list_workspaces", {"page_size": 1})
        if result.is_error:
            text = " ".join(part.text for part in result.content if part.type == "text")
            raise CheckWarning(f"Portkey refused the call: {text}")
        return f"{(result.structured_content or {}).get('total', 'some')} workspaces"

    async def _no_token(self) -> str:
        return await self._require_401(None)

    async def _wrong_token(self) -> str:
        return await self._require_401(secrets.token_hex(24))

    async def _require_401(self, token: str | None) -> str:
        if self._mode == "none":
            raise CheckSkipped("the service requires no token")
        async with self._http(token) as http:
            answer = await http.post(self._endpoint, **_ping())
        if answer.status_code != 401:
            raise CheckFailed(f"answered {answer.status_code}, not 401")
        if not answer.headers.get("www-authenticate", "").startswith("Bearer"):
            raise CheckFailed("answered 401 without the header WWW-Authenticate: Bearer")
        return "401"

    async def _other_origin(self) -> str:
        async with self._http(self._token) as http:
            answer = await http.post(self._endpoint, **_ping(Origin=FOREIGN_ORIGIN))
        if answer.status_code != 403:
            raise CheckFailed(
                f"a request with Origin {FOREIGN_ORIGIN} was answered {answer.status_code}, not 403"
            )
        return "403"

    async def _get(self, path: str, *expected: int) -> Any:
        async with self._http(None) as http:
            answer = await http.get(self._base + path)
        if answer.status_code not in expected:
            raise CheckFailed(f"answered {answer.status_code}")
        return json.loads(answer.text)

    def _http(self, token: str | None) -> "httpx2.AsyncClient":
        import httpx2

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self._key and token == self._token:
            headers[KEY_HEADER] = self._key
        return httpx2.AsyncClient(headers=headers, verify=self._trust, timeout=TIMEOUT_S)

    def _client(self, http: "httpx2.AsyncClient", mode: str) -> "Client":
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        transport = streamable_http_client(self._endpoint, http_client=http)
        return Client(transport, mode=mode, read_timeout_seconds=TIMEOUT_S)

    @property
    def _endpoint(self) -> str:
        return f"{self._base}/mcp"

    def _sanitized(self, text: str) -> str:
        """Mask the token and the key, remove control characters, and shorten to one line."""
        from ..server.calls.result_size import one_line

        for secret in filter(None, (self._token, self._key)):
            text = text.replace(secret, "•••")
        return one_line(text, MAX_DETAIL_CHARS)


def check(url: str, token: str | None, insecure: bool = False, key: str = "") -> int:
    """Check the service at this URL and print a table of results; 0 if no check failed.

    With `insecure`, certificates are not verified. `key` is the caller's own key of Portkey.
    """
    import anyio
    import truststore
    from rich.console import Console

    trust = False if insecure else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    service_check = ServiceCheck(_base(url), token or None, trust, key)
    anyio.run(service_check.run)
    return _report(Console(highlight=False), service_check.results)


@click.command("check-http", short_help="Check a running HTTP service from outside.")
@click.option("--url", required=True, help="URL of the service, with or without /mcp at the end.")
@click.option(
    "--token",
    envvar="MCP_AUTH_TOKEN",
    show_envvar=True,
    help="Bearer token, if the service requires one. Prefer the variable: other users of this "
    "machine can read command lines.",
)
@click.option("--insecure", is_flag=True, help="Do not verify the certificate of the service.")
@click.option(
    "--portkey-key-env",
    metavar="VARIABLE",
    help="The variable with your own key of Portkey, for a service with PORTKEY_KEY_MODE=caller.",
)
def check_http(url: str, token: str | None, insecure: bool, portkey_key_env: str | None) -> None:
    """Check that a running HTTP service works, and that it refuses bad requests.

    Prints a table with one line for each check. Changes nothing. The exit code is 0 if no check
    failed, else 1.

    \b
    portkey-admin-mcp check-http --url https://mcp.example.com
    """  # noqa: D301  # click needs the character \b
    from .service_state import secret_in

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise click.BadParameter("must be like https://mcp.example.com", param_hint="--url")
    if token and not re.fullmatch(r"[!-~]+", token):
        raise click.BadParameter("must be ASCII without spaces", param_hint="--token")
    key = secret_in(portkey_key_env, "--portkey-key-env") if portkey_key_env else ""
    sys.exit(check(url, token, insecure, key))


def _report(console: Any, results: list[CheckResult]) -> int:
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("", "Check", Column("ms", justify="right"), "Result")
    for name, state, detail, ms in results:
        table.add_row(Text(*STATE_MARKS[state]), name, f"{ms:.0f}", Text(detail))
    console.print(table)
    failed = sum(result.state == "failed" for result in results)
    warnings = sum(result.state == "warning" for result in results)
    if failed:
        console.print(Text(f"✗ {failed} of {len(results)} checks failed.", "red"))
        return 1
    suffix = f", with {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    console.print(Text(f"✓ The service works{suffix}.", "yellow" if warnings else "green"))
    return 0


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("/mcp").rstrip("/")


def _ping(**headers: str) -> dict[str, Any]:
    """A request of the legacy protocol, which opens no session when it is refused."""
    return {
        "json": {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        "headers": {"Accept": "application/json, text/event-stream", **headers},
    }


def _server_description(client: "Client") -> str:
    info = client.server_info
    suffix = f", {info.name} {info.version}" if info else ""
    return f"protocol {client.protocol_version}{suffix}"


def _first_error(group: BaseExceptionGroup[Any]) -> str:
    error = next(leaves(group))
    return str(error) or type(error).__name__
