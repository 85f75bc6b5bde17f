"""The check of an HTTP service, against the real service and against broken ones."""

import re

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from asgi_server import serve_app
from fake_portkey import nobody_listening
from portkey_admin_mcp.assembly import http_app
from portkey_admin_mcp.cli.check_http import check_http
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

TOKEN = "a-token-of-the-tests"
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
CHECKS = [
    *("Health", "Ready", "Sign-in", "Initialize", "Discover", "List tools", "Read from Portkey"),
    *("No token is refused", "Wrong token is refused", "Other origin is refused"),
]
MARKS = {"✓": "ok", "!": "warning", "✗": "failed", "–": "skipped"}


@pytest.fixture
def serve(emulator):
    """Serve the emulated organisation with these settings, and a key by its name."""

    def with_settings(key="owner", portkey_check=None, **variables):
        secret = SecretStr(emulator.keys()[key])
        portkey = Portkey(Settings(PORTKEY_API_KEY=secret), InProcess(emulator))

        def on(port):
            hosting = Hosting(MCP_PORT=port, **variables)
            return hosted(lambda: portkey, hosting, check_portkey=portkey_check)

        return serve_app(on)

    return with_settings


def check(*arguments, **variables):
    """Run the command; returns the exit code, the state of each check, and the output."""
    result = CliRunner().invoke(
        check_http, list(arguments), env={"COLUMNS": "200", "MCP_AUTH_TOKEN": None, **variables}
    )
    rows = re.findall(r"^│ (.) │ (.+?) +│ +(\d+) │", result.output, re.M)
    return result.exit_code, {name: MARKS[mark] for mark, name, _ms in rows}, result.output


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_a_working_service_passes(serve, mode):
    with serve(**BEARER, MCP_SESSION_MODE=mode) as address:
        code, states, output = check("--url", f"{address}/mcp", MCP_AUTH_TOKEN=TOKEN)

    assert (code, states) == (0, dict.fromkeys(CHECKS, "ok"))
    assert output.splitlines()[-1] == "✓ The service works."
    for fact in ("protocol 2025-11-25", "protocol 2026-07-28", f"{len(all_tools())} tools", mode):
        assert fact in output


def test_a_service_without_authentication_passes_without_a_token(serve):
    with serve() as address:
        code, states, _ = check("--url", address)

    skipped = {name for name, state in states.items() if state != "ok"}
    assert code == 0
    assert skipped == {"No token is refused", "Wrong token is refused"}


def test_the_token_is_never_shown(serve):
    with serve(**BEARER) as address:
        _, _, good = check("--url", address, "--token", TOKEN)
        _, _, bad = check("--url", address, "--token", "no-token-that-is-known")

    assert TOKEN not in good
    assert "no-token-that-is-known" not in bad


def test_a_wrong_token_fails(serve):
    with serve(**BEARER) as address:
        code, states, output = check("--url", address, "--token", "no-token-that-is-known")

    failed = {name for name, state in states.items() if state == "failed"}
    assert code == 1
    assert failed == {"Initialize", "Discover", "List tools", "Read from Portkey"}
    assert output.splitlines()[-1] == "✗ 4 of 10 checks failed."


def test_a_missing_token_is_asked_for(serve):
    with serve(**BEARER) as address:
        code, states, output = check("--url", address)

    assert (code, states["Sign-in"]) == (1, "failed")
    assert "give --token, or set MCP_AUTH_TOKEN" in output


def test_a_key_that_may_not_read_is_a_warning(serve):
    with serve("scopeless") as address:
        code, states, output = check("--url", address)

    assert (code, states["Read from Portkey"]) == (0, "warning")
    assert "Portkey refused the call: " in output
    assert output.splitlines()[-1] == "✓ The service works, with 1 warning."


@pytest.mark.parametrize(("key", "code"), [("owner", 0), ("", 1)])
def test_a_service_without_a_key_of_its_own_is_checked_with_that_of_the_caller(key, code):
    def app(port):
        hosting = Hosting(MCP_PORT=port, PORTKEY_KEY_MODE="caller", **BEARER)
        return http_app(Settings(PORTKEY_SANDBOX=True), hosting)

    option = ["--portkey-key-env", "MY_KEY"] if key else []
    with serve_app(app) as address:
        result, states, _ = check(
            "--url", address, *option, MCP_AUTH_TOKEN=TOKEN, MY_KEY=key or None
        )

    assert result == code
    assert states["Read from Portkey"] == ("ok" if key else "failed")


def test_another_public_url_is_a_warning(serve):
    with serve(MCP_PUBLIC_BASE_URL="https://mcp.acme.example") as address:
        code, states, output = check("--url", address)

    assert (code, states["Sign-in"]) == (0, "warning")
    assert "clients are told to call https://mcp.acme.example/mcp" in output


def test_a_service_that_is_not_ready_fails(serve):
    async def broken():
        raise OSError

    with serve(portkey_check=broken, MCP_READY_CHECK_MODE="portkey") as address:
        code, states, output = check("--url", address)

    assert (code, states["Ready"]) == (1, "failed")
    assert "not ready: portkey unreachable" in output


def test_a_service_without_its_redis_is_a_warning(serve):
    with nobody_listening() as closed:
        url = closed.replace("http:", "redis:").replace("/v1", "/0")
        with serve(RATE_LIMIT_STORE="redis", MCP_REDIS_URL=url) as address:
            code, states, output = check("--url", address)

    assert (code, states["Ready"]) == (0, "warning")
    assert "degraded: rate limits unreachable" in output


def test_the_checks_stop_where_nobody_answers():
    with nobody_listening() as address:
        code, states, _ = check("--url", address)

    assert (code, states) == (1, {"Health": "failed"})


def careless():
    """A service that accepts every request, although it says that it requires a token."""

    async def health(_request):
        return JSONResponse({"version": f"9\x1b[2J {TOKEN}"})

    async def auth_info(_request):
        return JSONResponse({"mode": "bearer", "endpoint": "elsewhere"})

    async def anything(_request):
        return PlainTextResponse(f"fine, {TOKEN}")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/auth/info", auth_info),
            Route("/{path:path}", anything, methods=["GET", "POST", "DELETE"]),
        ]
    )


def test_a_service_without_guards_fails():
    with serve_app(lambda _port: careless()) as address:
        code, states, output = check("--url", address, "--token", TOKEN)

    assert code == 1
    assert {name for name, state in states.items() if state == "failed"} == set(CHECKS) - {
        "Health",
        "Sign-in",
    }
    assert "answered 200, not 401" in output
    assert "answered 200, not 403" in output
    assert TOKEN not in output
    assert "\x1b[2J" not in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "ftp://mcp.acme.example"),
        ("--url", "mcp.acme.example"),
        ("--url", "https://ada:secret@mcp.acme.example"),
        ("--url", "https://mcp.acme.example", "--token", "secret\nsecret"),
        ("--token", "secret"),
    ],
    ids=["scheme", "no-scheme", "user", "token", "nothing"],
)
def test_a_wrong_option_is_a_usage_error(arguments):
    code, _, output = check(*arguments)

    assert code == 2
    assert "secret" not in output
