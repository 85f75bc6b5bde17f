"""The HTTP service with the sandbox, which records the caller of each call of a tool."""

from starlette.applications import Starlette

from portkey_admin_mcp.assembly import mcp_server, selected_offer, tool_calls
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings


def observed_service(hosting: Hosting, callers: list[Caller], *, fast: bool) -> Starlette:
    """The service, with the fast path or without; it adds to `callers` while a tool runs."""
    settings, safety = Settings(PORTKEY_SANDBOX=True), SafetySettings(PORTKEY_CONFIRM="never")
    calls = tool_calls(settings, safety, selected_offer(settings))
    calls.observers.append(lambda *_call: callers.append(current_caller.get()))
    fast_path = FastPath(calls.offer, calls, None) if fast else None
    return build_http(mcp_server(calls, settings), hosting, calls=calls, fast_path=fast_path)
