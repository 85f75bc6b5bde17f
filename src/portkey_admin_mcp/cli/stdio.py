"""Serving MCP on stdio: the handshake and the lists at once, the settings after them.

Only what changes the lists is looked at before. A wrong setting ends the process a moment later.
"""

import os
import sys
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import ConfigurationError
from ..server.calls.outcome import Outcome
from ..server.fastpath.answers import FastPath
from ..server.fastpath.connection import FastPathConnection
from ..server.fastpath.manifest import Manifest
from ..server.stdio.pipes import Pipes, answer_early, end, end_on_signals

if TYPE_CHECKING:
    from pathlib import Path

    from ..server.fastpath.tool_calls import Calls
    from ..settings.settings import Settings

SETTINGS_OF_LISTS = {
    "PORTKEY_TOOLSETS",
    "PORTKEY_TOOL_DOMAINS",
    "PORTKEY_TOOLS",
    "PORTKEY_EXCLUDE_TOOLS",
    "PORTKEY_TOOL_MODE",
    "PORTKEY_READ_ONLY",
    "MCP_FAST_PATH",
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
        fast_path = self._chosen_fast_path() if decides_lists else self._fast_path(Manifest.load())
        unread, has_ended = answer_early(pipes, fast_path) if fast_path.is_open else (b"", False)
        if unread or not has_ended:
            self._serve(pipes, fast_path, unread, has_ended)
        end()

    def _serve(
        self, pipes: Pipes, fast_path: FastPathConnection, unread: bytes, has_ended: bool
    ) -> None:
        settings = self._settings
        from ..assembly import mcp_server
        from ..server.stdio.loop import StdioLoop, run_in_loop

        if not unread and not has_ended and fast_path.is_open:
            # Nothing is asked yet: what the first call needs is imported before it comes.
            from ..server.fastpath import tool_calls as _calls  # noqa: F401

        async def serve() -> None:
            loop = StdioLoop(pipes, fast_path, lambda: mcp_server(settings))
            await loop.run(unread, has_ended)

        run_in_loop(serve())

    def _chosen_fast_path(self) -> FastPathConnection:
        """The fast path with the tools that the settings choose; none where they turn it off."""
        settings = self._settings
        from ..assembly import has_fast_path

        if not has_fast_path(settings):
            return FastPathConnection(None)
        from ..server.selection import selected_tools

        manifest = Manifest.load()
        names = {tool.name for tool in selected_tools(settings, [*manifest.tools.values()])}
        return self._fast_path(manifest.offering(names))

    def _fast_path(self, manifest: Manifest) -> FastPathConnection:
        @cache
        def calls() -> "Calls":
            from ..assembly import portkey_factory
            from ..server.fastpath.tool_calls import Calls

            settings = self._settings
            return Calls(manifest, portkey_factory(settings), settings.max_result_chars)

        async def call(name: str, arguments: dict[str, Any]) -> Outcome:
            return await calls()(name, arguments)

        return FastPathConnection(FastPath(manifest, call))

    @cached_property
    def _settings(self) -> "Settings":
        from ..assembly import read_environment

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
