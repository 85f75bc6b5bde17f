"""Serve MCP on stdio: the handshake and the lists are answered before the settings are read.

Only variables that change the lists are checked before. A wrong setting ends the process later.
"""

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast, get_args

from ..errors import ConfigurationError
from ..server.calls.outcome import Outcome
from ..server.fastpath.answers import FastPath
from ..server.fastpath.connection import FastPathConnection
from ..server.loading import load_offer
from ..server.offer.offer import Offer, ToolMode
from ..server.stdio.pipes import (
    Early,
    Pipes,
    answer_early,
    end,
    end_on_signals,
    take_standard_streams,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ..safety.policy_guard import PolicyGuard
    from ..server.calls.tool_calls import ToolCalls
    from ..server.fastpath.answers import MayAsk
    from ..settings.safety import SafetySettings
    from ..settings.settings import Settings

SETTINGS_OF_LISTS = {
    "PORTKEY_TOOLSETS",
    "PORTKEY_TOOL_DOMAINS",
    "PORTKEY_TOOLS",
    "PORTKEY_EXCLUDE_TOOLS",
    "PORTKEY_READ_ONLY",
    "PORTKEY_POLICY_FILE",
    "PORTKEY_WORKSPACES",
    "MCP_FAST_PATH",
}
"""Variables that change the lists or disable the fast path: settings are then read first."""
WAITING = (
    "This waits for an MCP client on standard input; Ctrl-C ends it. To see what it does: "
    "{program} demo"
)
"""What a person reads who started it in a terminal."""
TOOL_MODE = "PORTKEY_TOOL_MODE"
TOOL_MODES = get_args(ToolMode)


class StdioService:
    """One run of the server on stdio."""

    def __init__(self, sandbox: bool, env_file: "Path | None") -> None:
        self._sandbox = sandbox
        self._env_file = env_file

    def run(self) -> NoReturn:
        """Serve until the client disconnects."""
        if os.isatty(0):
            from ..clients.launcher import typed_command

            waiting = WAITING.format(program=typed_command())
            print(waiting, file=sys.stderr)  # noqa: T201  # as the command line does
        pipes = take_standard_streams()
        end_on_signals()
        fast_path = FastPathConnection(
            FastPath(self._offer, self._call, self._may_ask) if self._is_on else None
        )
        early = answer_early(pipes, fast_path) if fast_path.is_open else Early(b"", False, b"")
        if early.unread or early.unwritten or not early.has_ended:
            self._serve(pipes, fast_path, early)
        end()

    def _serve(self, pipes: Pipes, fast_path: FastPathConnection, early: Early) -> None:
        import gc  # not at the top: lists are answered with as few modules as possible

        # To look for garbage while imports create what stays would take a tenth of the time to a
        # first answer. `StdioLoop` enables it.
        gc.disable()
        # A wrong setting, or a package that is missing, ends the process before anything is served.
        _settings, _offer = self._settings, self._offer
        from ..assembly import mcp_server
        from ..server.stdio.loop import StdioLoop, run_in_loop

        if not early.unread and not early.has_ended and fast_path.is_open:
            # No request is waiting, so import what the first call needs before it comes.
            _calls = self._calls

        async def serve() -> None:
            loop = StdioLoop(pipes, fast_path, lambda: mcp_server(self._calls, self._settings))
            await loop.run(early)

        run_in_loop(serve())

    @cached_property
    def _early_mode(self) -> ToolMode | None:
        """The tool mode, if it alone decides what is listed; None if the settings are needed."""
        # Of the other variables only the names are read: settings read the values, once.
        names = {name.upper() for name in os.environ}  # noqa: TID251  # as above
        mode = os.environ.get(TOOL_MODE, "full")  # noqa: TID251  # as above
        is_plain = TOOL_MODE in os.environ or TOOL_MODE not in names  # noqa: TID251  # same
        if self._env_file is not None or names & SETTINGS_OF_LISTS or not is_plain:
            return None
        return cast(ToolMode, mode) if mode in TOOL_MODES else None

    @cached_property
    def _is_on(self) -> bool:
        return self._early_mode is not None or self._settings.fast_path

    @cached_property
    def _offer(self) -> Offer:
        if self._early_mode is not None:
            return load_offer(self._early_mode)
        from ..assembly import offer_for

        return offer_for(self._settings, self._guard)

    @cached_property
    def _calls(self) -> "ToolCalls":
        from ..assembly import tool_calls

        return tool_calls(self._settings, self._safety, self._offer, guard=self._guard)

    def _may_ask(self, name: str, arguments: dict[str, Any]) -> bool:
        calls_that_ask = self._calls_that_ask
        return calls_that_ask is not None and calls_that_ask(name, arguments)

    @cached_property
    def _calls_that_ask(self) -> "MayAsk | None":
        from ..assembly import may_ask

        return may_ask(self._offer, self._safety, self._guard)

    @cached_property
    def _guard(self) -> "PolicyGuard | None":
        from ..door_assembly import policy_guard

        return policy_guard(self._safety)

    @cached_property
    def _safety(self) -> "SafetySettings":
        from ..settings.safety import load_safety

        return load_safety(self._env_file)

    async def _call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        return await self._calls(name, arguments)

    @cached_property
    def _settings(self) -> "Settings":
        from ..assembly import read_environment

        return read_environment(self._sandbox, self._env_file)


def serve_stdio(*, sandbox: bool, env_file: "Path | None" = None) -> NoReturn:
    """Serve until the client disconnects; print wrong settings, and exit with code 1."""
    try:
        StdioService(sandbox, env_file).run()
    except ConfigurationError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  # as the command line does
        end(1)
