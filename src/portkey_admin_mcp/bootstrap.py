"""The parts, put together: what the commands and an ASGI server start."""

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .addresses import EVERYWHERE
from .errors import ConfigurationError
from .hosting import Hosting, load_hosting
from .logs import set_up
from .server.fastmcp_environment import isolate_fastmcp
from .settings import Settings, load_settings

if TYPE_CHECKING:
    from fastmcp import FastMCP
    from starlette.applications import Starlette

    from .api import Portkey

log = logging.getLogger(__name__)


def read_environment(sandbox: bool, env_file: Path | None) -> Settings:
    """Read the settings, and begin to log as they say; `sandbox` overrides."""
    settings = load_settings(env_file, **({"PORTKEY_SANDBOX": True} if sandbox else {}))
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    set_up(settings.log_level, settings.log_format, (key,) if key and not settings.sandbox else ())
    isolate_fastmcp()
    return settings


def mcp_server(settings: Settings) -> "FastMCP":
    """The MCP server with all tools, over Portkey or the sandbox."""
    from .server.app import build_server

    return build_server(portkey_for(settings), settings.max_result_chars)


def portkey_for(settings: Settings) -> "Callable[[], Portkey]":
    """Make the client when it is first needed."""

    @cache
    def portkey() -> "Portkey":
        from .api import Portkey

        return _sandbox(settings) if settings.sandbox else Portkey(settings)

    return portkey


def create_app() -> "Starlette":
    """The hosted service, from the environment alone: what workers and ASGI hosts call.

    Raises ConfigurationError where a setting is missing or wrong.
    """
    return http_app(read_environment(False, None), load_hosting())


def require_access_control(settings: Settings, hosting: Hosting) -> None:
    """Refuse to let everybody use the key; raises ConfigurationError."""
    try:
        hosting.require_access_control(settings.sandbox)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    if hosting.host in EVERYWHERE and hosting.public_base_url is None:
        log.warning("MCP_PUBLIC_BASE_URL is not set, so clients are told %s", hosting.base_url)


def http_app(settings: Settings, hosting: Hosting) -> "Starlette":
    """The hosted service."""
    from .server.app import all_tools, build_server
    from .server.http.app import build_http

    require_access_control(settings, hosting)
    portkey = portkey_for(settings)
    return build_http(
        build_server(portkey, settings.max_result_chars),
        all_tools(),
        hosting,
        sandbox=settings.sandbox,
        portkey_reached=_reach(portkey),
    )


def _reach(portkey: "Callable[[], Portkey]") -> Callable[[], Awaitable[None]]:
    """A check that Portkey answers this key; it raises what went wrong."""

    async def reached() -> None:
        from .models.workspaces import WorkspaceFilter
        from .tools.workspaces import list_workspaces

        await list_workspaces(portkey(), WorkspaceFilter(page_size=1))

    return reached


def _sandbox(settings: Settings) -> "Portkey":
    from pydantic import SecretStr

    from .api import Portkey
    from .emulator.app import Emulator, InProcess

    emulated = Emulator()
    keys = emulated.keys()
    asked = settings.api_key.get_secret_value() if settings.api_key else "owner"
    if asked not in keys and asked not in keys.values():
        log.warning(
            "PORTKEY_API_KEY names no key of the sandbox (%s): using owner", ", ".join(keys)
        )
        asked = "owner"
    key = SecretStr(keys.get(asked, asked))
    return Portkey(settings.model_copy(update={"api_key": key}), InProcess(emulated))
