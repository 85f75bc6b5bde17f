"""Build the MCP server and the ASGI application from settings, for commands and ASGI hosts."""

import hashlib
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError
from .settings.addresses import WILDCARD_HOSTS
from .settings.logging import configure_logging
from .settings.safety import SafetySettings, load_safety
from .settings.settings import Settings, load_settings

if TYPE_CHECKING:
    from mcp.server import Server
    from starlette.applications import Starlette

    from .portkey.api import Portkey
    from .safety.door import Door
    from .safety.journal.journal import Journal
    from .safety.policy_file import PolicySource
    from .safety.policy_guard import PolicyGuard
    from .safety.store import SafetyStore
    from .server.calls.tool_calls import ToolCalls
    from .server.fastpath.answers import MayAsk
    from .server.offer.offer import Offer
    from .settings.hosting import Hosting

log = logging.getLogger(__name__)


def read_environment(sandbox: bool, env_file: Path | None) -> Settings:
    """Read the settings and configure logging; `sandbox=True` overrides PORTKEY_SANDBOX."""
    settings = load_settings(env_file, **({"PORTKEY_SANDBOX": True} if sandbox else {}))
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    configure_logging(
        settings.log_level, settings.log_format, (key,) if key and not settings.sandbox else ()
    )
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


def policy_guard(safety: SafetySettings) -> "PolicyGuard | None":
    """What decides about calls by the policy file and the bound on workspaces; None without both.

    The file is read again at SIGHUP. Raises ConfigurationError if it is wrong.
    """
    if safety.policy_file is None and not safety.workspaces:
        return None
    from .safety.policy_file import PolicySource
    from .safety.policy_guard import PolicyGuard
    from .server.loading import load_offer

    source = None
    if safety.policy_file is not None:
        source = PolicySource(safety.policy_file, lambda: [*load_offer().tools])
        rules = source.policy.rules
        if safety.confirm == "never" and any(rule.action == "confirm" for rule in rules):
            log.warning(
                "PORTKEY_CONFIRM=never: the rules with `action: confirm` in %s do nothing",
                safety.policy_file,
            )
        _reload_at_hangup(source)
    return PolicyGuard(source, safety.workspaces)


def permitted_offer(offer: "Offer", guard: "PolicyGuard | None") -> "Offer":
    """The offer without the tools that the policy denies to everybody.

    Raises ConfigurationError if it leaves none.
    """
    if guard is None:
        return offer
    names = {
        name
        for name, tool in offer.tools.items()
        if guard.offers(tool, is_organisation=tool.is_organisation)
    }
    if not names:
        raise ConfigurationError(
            "PORTKEY_POLICY_FILE and PORTKEY_WORKSPACES leave no tool to offer. Allow one in the "
            "policy, or offer other toolsets."
        )
    return offer.limited_to(names)


def _reload_at_hangup(source: "PolicySource") -> None:
    """Read the policy again at SIGHUP, where the system has it."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: source.reload())


def tool_calls(
    settings: Settings,
    safety: SafetySettings,
    offer: "Offer",
    guard: "PolicyGuard | None" = None,
) -> "ToolCalls":
    """The caller of the tools in an offer, on Portkey or the sandbox, behind the door."""
    from .server.calls.tool_calls import ToolCalls

    return ToolCalls(
        offer,
        portkey_factory(settings),
        settings.max_result_chars,
        door_factory(settings, safety),
        guard,
    )


def door_factory(settings: Settings, safety: SafetySettings) -> "Callable[[], Door]":
    """A function that creates the door at the first call that needs it, and returns it at each."""

    @cache
    def door() -> "Door":
        from .safety.door import Door

        return Door(safety, _store_factory(settings, safety), _journal_factory(settings, safety))

    return door


def _journal_factory(settings: Settings, safety: SafetySettings) -> "Callable[[], Journal] | None":
    """A function that opens the change journal at the first change; None if it is off."""
    from .safety.state_dir import journal_file

    file = journal_file(safety.journal, safety.state_dir, sandbox=settings.sandbox)
    if file is None:
        return None

    @cache
    def journal() -> "Journal":
        from .safety.journal.sqlite_journal import SqliteJournal

        return SqliteJournal(file)

    return journal


def _store_factory(settings: Settings, safety: SafetySettings) -> "Callable[[], SafetyStore]":
    @cache
    def store() -> "SafetyStore":
        from .safety.sqlite_store import SqliteStore
        from .safety.state_dir import state_file

        return SqliteStore(state_file(safety.state_dir, sandbox=settings.sandbox))

    return store


def mcp_server(calls: "ToolCalls", settings: Settings) -> "Server[Any]":
    """The MCP server of the SDK with these tools."""
    from .server.mcp.app import AdminServer

    return AdminServer(calls, _state_key(settings))


def _state_key(settings: Settings) -> bytes:
    """The key that seals questions: replicas with the same Portkey key share it."""
    if settings.sandbox or settings.api_key is None:
        return b""
    secret = settings.api_key.get_secret_value().encode()
    return hashlib.sha256(b"portkey-admin-mcp state key:" + secret).digest()


def portkey_factory(settings: Settings) -> "Callable[[], Portkey]":
    """A function that creates the Portkey client at its first call, and returns it at each."""

    @cache
    def portkey() -> "Portkey":
        from .portkey.api import Portkey
        from .safety.permit import permitted_only

        if settings.sandbox:
            return _sandbox(settings).with_gate(permitted_only)
        return Portkey(settings, gate=permitted_only)

    return portkey


def create_app() -> "Starlette":
    """The HTTP service with settings from the environment only; workers and ASGI hosts call this.

    Raises ConfigurationError if a setting is missing or wrong.
    """
    from .settings.hosting import load_hosting

    return http_app(read_environment(False, None), load_hosting())


def require_access_control(settings: Settings, hosting: "Hosting") -> None:
    """Raise ConfigurationError if the service would be open without authentication."""
    try:
        hosting.require_access_control(settings.sandbox)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    if hosting.host in WILDCARD_HOSTS and hosting.public_base_url is None:
        log.warning("MCP_PUBLIC_BASE_URL is not set, so clients are told %s", hosting.base_url)


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
    from .server.fastpath.answers import FastPath
    from .server.http.app import build_http

    require_access_control(settings, hosting)
    safety = load_safety(env_file)
    guard = policy_guard(safety)
    offer = permitted_offer(selected_offer(settings), guard)
    calls = tool_calls(settings, safety, offer, guard)
    return build_http(
        mcp_server(calls, settings),
        hosting,
        calls=calls,
        sandbox=settings.sandbox,
        check_portkey=_portkey_check(calls),
        fast_path=FastPath(calls.offer, calls, may_ask(calls.offer, safety, guard))
        if settings.fast_path
        else None,
    )


def _portkey_check(calls: "ToolCalls") -> Callable[[], Awaitable[None]]:
    """A readiness check that lists workspaces with the configured key; it raises on failure."""

    async def check() -> None:
        from .models.workspaces import WorkspaceFilter
        from .tools.workspaces import list_workspaces

        await list_workspaces(calls.portkey(), WorkspaceFilter(page_size=1))

    return check


def _sandbox(settings: Settings) -> "Portkey":
    from pydantic import SecretStr

    from .emulator.core.app import Emulator, InProcess
    from .portkey.api import Portkey

    emulator = Emulator()
    keys = emulator.keys()
    key_name = settings.api_key.get_secret_value() if settings.api_key else "owner"
    if key_name not in keys and key_name not in keys.values():
        log.warning(
            "PORTKEY_API_KEY names no key of the sandbox (%s): using owner", ", ".join(keys)
        )
        key_name = "owner"
    key = SecretStr(keys.get(key_name, key_name))
    return Portkey(settings.model_copy(update={"api_key": key}), InProcess(emulator))
