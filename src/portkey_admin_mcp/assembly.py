"""Build the MCP server and the ASGI application from settings, for commands and ASGI hosts."""

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .door_assembly import (
    at_hangup,
    derived_key,
    door_factory,
    permitted_offer,
    policy_guard,
    secret_pages,
    secret_sink,
    service_secret,
    store_factory,
    where_to_approve,
)
from .errors import ConfigurationError
from .settings.addresses import WILDCARD_HOSTS
from .settings.logging import configure_logging, mask_current_in_logs, mask_in_logs
from .settings.safety import SafetySettings, load_safety
from .settings.settings import Settings, load_settings

if TYPE_CHECKING:
    from mcp.server import Server
    from starlette.applications import Starlette

    from .emulator.core.app import Emulator
    from .portkey.api import Portkey
    from .portkey.clients import Clients
    from .portkey.gate import Gate
    from .safety.policy_guard import PolicyGuard
    from .safety.secret_sink_page import SecretPages
    from .safety.store import SafetyStore
    from .server.calls.tool_calls import ToolCalls
    from .server.fastpath.answers import MayAsk
    from .server.http.access.caller_key import CallerKeys
    from .server.offer.offer import Offer
    from .settings.environment import EnvironmentSettings
    from .settings.hosting import Hosting

log = logging.getLogger(__name__)


def read_environment(sandbox: bool, env_file: Path | None) -> Settings:
    """Read the settings and configure logging; `sandbox=True` overrides PORTKEY_SANDBOX."""
    settings = load_settings(env_file, **({"PORTKEY_SANDBOX": True} if sandbox else {}))
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    configure_logging(
        settings.log_level, settings.log_format, (key,) if key and not settings.sandbox else ()
    )
    _log_warnings(settings)
    return settings


def selected_offer(settings: Settings) -> "Offer":
    """The offer that the settings select, in their tool mode.

    Raises ConfigurationError for an unknown name, or if the mode needs a missing extra.
    """
    from .server.loading import load_offer
    from .server.offer.selection import selected_tools

    offer = load_offer(settings.tool_mode)
    names = {tool.name for tool in selected_tools(settings, [*offer.tools.values()])}
    return offer.limited_to(names)


def offer_for(settings: Settings, guard: "PolicyGuard | None") -> "Offer":
    """The offer that the settings select, without the tools that the policy denies to everybody.

    Raises ConfigurationError as `selected_offer` does, and if no tool is left.
    """
    return permitted_offer(selected_offer(settings), guard)


def tool_calls(
    settings: Settings,
    safety: SafetySettings,
    offer: "Offer",
    hosting: "Hosting | None" = None,
    store: "Callable[[], SafetyStore] | None" = None,
    pages: "SecretPages | None" = None,
    portkey: "Callable[[], Portkey] | None" = None,
    guard: "PolicyGuard | None" = None,
) -> "ToolCalls":
    """The caller of the tools in an offer, on Portkey or the sandbox, behind the door.

    The HTTP service has `hosting` settings, shares its `store` with its approvals, and has `pages`;
    see `secret_pages`. `portkey` returns the client to use; if not given, that of the server's key.
    `guard` decides by the policy and the bound on workspaces.
    """
    from .server.calls.secrets import secrets_in
    from .server.calls.tool_calls import ToolCalls

    # The sandbox takes the name of a key, which is an ordinary word.
    held = secrets_in(None if settings.sandbox else settings, hosting)
    return ToolCalls(
        offer,
        portkey_factory(settings) if portkey is None else portkey,
        settings.max_result_chars,
        door_factory(settings, safety, hosting, store),
        guard,
        sink=secret_sink(safety, pages, "" if hosting is None else hosting.base_url),
        held_secrets=held,
    )


def mcp_server(calls: "ToolCalls", settings: Settings, secret: bytes = b"") -> "Server[Any]":
    """The MCP server of the SDK with these tools.

    `secret` seals its questions if there is no Portkey key to do it.
    """
    from .server.mcp.app import AdminServer

    return AdminServer(calls, derived_key(settings, "state key") or secret)


def caller_keys(settings: Settings, hosting: "Hosting", secret: bytes) -> "CallerKeys":
    """What chooses the Portkey key of a request over HTTP; configured keys are read at SIGHUP.

    Raises ConfigurationError if the configured keys are wrong.
    """
    from .server.http.access.caller_key import CallerKeys

    keys = CallerKeys(hosting, secret, has_server_key=settings.sandbox or bool(settings.api_key))
    if hosting.caller_keys_file is not None:
        at_hangup(keys.reload)
    return keys


def _new_emulator() -> "Emulator":
    from .emulator.core.app import Emulator

    return Emulator()


def portkey_factory(
    settings: Settings,
    emulator: "Callable[[], Emulator]" = _new_emulator,
    watch: "Callable[[Gate], Gate] | None" = None,
) -> "Callable[[], Portkey]":
    """A function that creates the Portkey client at its first call, and returns it at each.

    It has the server's own key. `emulator` returns the one that the sandbox uses. `watch` gets the
    gate of changes, and returns one that calls it.
    """

    @cache
    def portkey() -> "Portkey":
        from .portkey.api import Portkey
        from .safety.permit import permitted_only

        gate = permitted_only if watch is None else watch(permitted_only)
        if settings.sandbox:
            return _sandbox(settings, emulator()).with_gate(gate)
        return Portkey(settings, gate=gate)

    return portkey


def _clients(
    settings: Settings,
    hosting: "Hosting",
    own: "Callable[[], Portkey]",
    emulator: "Callable[[], Emulator]",
) -> "Clients":
    """The clients of callers' keys.

    In the sandbox, a caller's key may be the name of one of its keys, as PORTKEY_API_KEY may.
    """
    from pydantic import SecretStr

    from .portkey.clients import Clients, current_secret

    def create(secret: SecretStr) -> "Portkey":
        if settings.sandbox:
            name = secret.get_secret_value()
            secret = SecretStr(emulator().keys().get(name, name))
        return own().with_key(secret)

    mask_current_in_logs(current_secret)
    return Clients(own, create, needs_caller_key=hosting.key_mode == "caller")


def create_app() -> "Starlette":
    """The HTTP service with settings from the environment only; workers and ASGI hosts call this.

    Raises ConfigurationError if a setting is missing or wrong.
    """
    from .settings.hosting import load_hosting

    return http_app(read_environment(False, None), load_hosting())


def require_access_control(settings: Settings, hosting: "Hosting") -> None:
    """Raise ConfigurationError if the service would be open without authentication.

    Logs what the settings warn about, with the service's secrets masked from here on.
    """
    mask_in_logs(hosting.secrets)
    _log_warnings(hosting)
    try:
        hosting.require_access_control(settings.sandbox)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    hosting.read_caller_keys()  # raises here rather than in each worker
    is_without_key = hosting.key_mode == "caller" and settings.api_key is None
    if hosting.ready_check == "portkey" and is_without_key and not settings.sandbox:
        raise ConfigurationError(
            "MCP_READY_CHECK_MODE=portkey asks Portkey with a key of the server: set "
            "PORTKEY_API_KEY, or MCP_READY_CHECK_MODE=local."
        )
    if hosting.host in WILDCARD_HOSTS and hosting.public_base_url is None:
        log.warning("MCP_PUBLIC_BASE_URL is not set, so clients are told %s", hosting.base_url)


def _log_warnings(settings: "EnvironmentSettings") -> None:
    for warning in settings.warnings:
        log.warning("%s", warning)


def may_ask(
    offer: "Offer", safety: SafetySettings, guard: "PolicyGuard | None" = None
) -> "MayAsk | None":
    """Which calls may ask a person, so that the fast path leaves them to the SDK."""
    from .server.offer.asking import CallsThatAsk

    if safety.confirm == "never":
        return None
    may_confirm = None if guard is None else guard.may_confirm
    return CallsThatAsk(offer, safety.confirm == "always", may_confirm)


def http_app(settings: Settings, hosting: "Hosting", env_file: Path | None = None) -> "Starlette":
    """The ASGI application of the HTTP service."""
    # The SDK takes a second to import, so it comes after what may refuse the setup.
    require_access_control(settings, hosting)
    safety = load_safety(env_file)
    guard = policy_guard(safety)
    offer = offer_for(settings, guard)
    from .server.fastpath.answers import FastPath
    from .server.http.app import build_http
    from .server.http.pages.approvals import Approvals

    store = store_factory(safety, hosting, sandbox=settings.sandbox)
    pages = secret_pages(settings, safety, hosting)
    secret = service_secret(settings, hosting, safety)
    keys = caller_keys(settings, hosting, secret)
    emulator = cache(_new_emulator)
    own = portkey_factory(settings, emulator)
    clients = _clients(settings, hosting, own, emulator) if hosting.takes_caller_keys else None
    portkey = own if clients is None else clients
    calls = tool_calls(settings, safety, offer, hosting, store, pages, portkey, guard)
    return build_http(
        mcp_server(calls, settings, secret),
        hosting,
        keys=keys,
        on_stop=None if clients is None else clients.retire,
        calls=calls,
        sandbox=settings.sandbox,
        check_portkey=_portkey_check(own),
        approvals=Approvals(store(), safety, where_to_approve(settings, hosting)),
        secret_pages=pages,
        fast_path=FastPath(calls.offer, calls, may_ask(calls.offer, safety, guard))
        if settings.fast_path
        else None,
    )


def _portkey_check(own: "Callable[[], Portkey]") -> Callable[[], Awaitable[None]]:
    """A readiness check that lists workspaces with the configured key; it raises on failure."""

    async def check() -> None:
        from .models.workspaces import WorkspaceFilter
        from .tools.workspaces import list_workspaces

        await list_workspaces(own(), WorkspaceFilter(page_size=1))

    return check


def _sandbox(settings: Settings, emulator: "Emulator") -> "Portkey":
    from pydantic import SecretStr

    from .emulator.core.app import InProcess
    from .portkey.api import Portkey

    keys = emulator.keys()
    key_name = settings.api_key.get_secret_value() if settings.api_key else "owner"
    if key_name not in keys and key_name not in keys.values():
        log.warning(
            "PORTKEY_API_KEY names no key of the sandbox (%s): using owner", ", ".join(keys)
        )
        key_name = "owner"
    key = SecretStr(keys.get(key_name, key_name))
    return Portkey(settings.model_copy(update={"api_key": key}), InProcess(emulator))
