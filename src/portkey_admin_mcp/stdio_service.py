"""Serving MCP on stdio: the handshake and the lists at once, the settings after them.

Only what changes the lists is looked at before. A wrong setting ends the process a moment later.
"""

import os
import sys
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import ConfigurationError
from .server.express.connection import LaneConnection
from .server.express.lane import Lane
from .server.express.manifest import Manifest
from .server.outcome import Outcome
from .server.stdio import Pipes, answer_early, end, end_on_signals

if TYPE_CHECKING:
    from pathlib import Path

    from .server.express.calls import Calls
    from .settings import Settings

SETTINGS_OF_LISTS = {
    "PORTKEY_TOOLSETS",
    "PORTKEY_TOOL_DOMAINS",
    "PORTKEY_TOOLS",
    "PORTKEY_EXCLUDE_TOOLS",
    "PORTKEY_TOOL_MODE",
    "PORTKEY_READ_ONLY",
    "MCP_EXPRESS",
}
"""The variables that decide what is listed, and by whom; with one of them, settings come first."""


class StdioService:
    """One run of the server on stdio."""

    def __init__(self, sandbox: bool, env_file: "Path | None") -> None:
        self._sandbox = sandbox
        self._env_file = env_file

    def run(self) -> NoReturn:
        """Serve the client until it leaves."""
        pipes = Pipes()
        end_on_signals()
        decides_lists = self._env_file is not None or _is_set(SETTINGS_OF_LISTS)
        lane = self._chosen_lane() if decides_lists else self._lane(Manifest.load())
        unread, has_ended = answer_early(pipes, lane) if lane.is_open else (b"", False)
        if unread or not has_ended:
            self._serve(pipes, lane, unread, has_ended)
        end()

    def _serve(self, pipes: Pipes, lane: LaneConnection, unread: bytes, has_ended: bool) -> None:
        settings = self._settings
        from .bootstrap import mcp_server
        from .server.stdio_loop import StdioLoop, run_in_loop

        if not unread and not has_ended and lane.is_open:
            # Nothing is asked yet: what the first call needs is imported before it comes.
            from .server.express import calls as _calls  # noqa: F401

        async def serve() -> None:
            loop = StdioLoop(pipes, lane, lambda: mcp_server(settings))
            await loop.run(unread, has_ended)

        run_in_loop(serve())

    def _chosen_lane(self) -> LaneConnection:
        """The lane with the tools that the settings choose; none where they turn it off."""
        settings = self._settings
        from .bootstrap import has_lane

        if not has_lane(settings):
            return LaneConnection(None)
        from .server.selection import selected_tools

        manifest = Manifest.load()
        names = {tool.name for tool in selected_tools(settings, [*manifest.tools.values()])}
        return self._lane(manifest.offering(names))

    def _lane(self, manifest: Manifest) -> LaneConnection:
        @cache
        def calls() -> "Calls":
            from .bootstrap import portkey_factory
            from .server.express.calls import Calls

            settings = self._settings
            return Calls(manifest, portkey_factory(settings), settings.max_result_chars)

        async def call(name: str, arguments: dict[str, Any]) -> Outcome:
            return await calls()(name, arguments)

        return LaneConnection(Lane(manifest, call))

    @cached_property
    def _settings(self) -> "Settings":
        from .bootstrap import read_environment

        return read_environment(self._sandbox, self._env_file)


def serve_stdio(*, sandbox: bool, env_file: "Path | None" = None) -> NoReturn:
    """Serve until the client leaves; wrong settings end with a sentence each, and code 1."""
    try:
        StdioService(sandbox, env_file).run()
    except ConfigurationError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  # as the command line does
        end(1)


def _is_set(names: set[str]) -> bool:
    # Names alone: the values are read, once, by settings.
    return not names.isdisjoint(name.upper() for name in os.environ)  # noqa: TID251
