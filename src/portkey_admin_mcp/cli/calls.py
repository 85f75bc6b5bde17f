"""Build what the commands call tools with: settings, the sandbox, the offer, the door."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exit_codes import CONFIGURATION, REFUSED, USAGE
from .output import Failed
from .sent_changes import SentChanges

if TYPE_CHECKING:
    from ..emulator.core.app import Emulator
    from ..safety.policy_guard import PolicyGuard
    from ..server.calls.tool_calls import ToolCalls
    from ..server.offer.offer import ListedTool, Offer
    from ..settings.safety import SafetySettings
    from ..settings.settings import Settings

T = TypeVar("T")
UNLIMITED_CHARS = 2**60
"""The limit of a result in characters: standard output has none."""


class CommandCalls:
    """The tools as one command calls them, through the same door as the calls of MCP.

    `state` is a file that keeps the sandbox's organisation between commands, and its journal in a
    second file beside it.
    """

    def __init__(
        self, sandbox: bool, env_file: Path | None, state: Path | None, *, dry_run: bool = False
    ) -> None:
        self._sandbox = sandbox
        self._env_file = env_file
        self._state = state
        self._dry_run = dry_run
        self._emulators: list[Emulator] = []
        self.sent = SentChanges()

    @cached_property
    def settings(self) -> "Settings":
        """The settings, without the limits that are for models. Raises ConfigurationError."""
        from ..assembly import read_environment

        settings = read_environment(self._sandbox, self._env_file)
        if self._state is not None:
            require_sandbox(sandbox=settings.sandbox)
        limits = {"max_result_chars": UNLIMITED_CHARS, "tool_mode": "full"}
        return settings.model_copy(update=limits)

    @cached_property
    def _safety(self) -> "SafetySettings":
        from ..safety.state_dir import is_on
        from ..settings.safety import load_safety

        safety = load_safety(self._env_file)
        changed: dict[str, Any] = {"dry_run": True} if self._dry_run else {}
        if self._state is not None and is_on(safety.journal):
            changed["journal"] = str(journal_of_sandbox(self._state))
        return safety.model_copy(update=changed)

    @cached_property
    def _guard(self) -> "PolicyGuard | None":
        from ..door_assembly import policy_guard

        return policy_guard(self._safety)

    @property
    def state_dir(self) -> Path:
        """The directory in which this machine keeps state."""
        from ..safety.state_dir import default_state_dir

        return self._safety.state_dir or default_state_dir()

    def may_confirm(self, tool: "ListedTool") -> bool:
        """Whether the policy has some call of a tool confirmed by a person."""
        return self._guard is not None and self._guard.may_confirm(tool)

    @cached_property
    def calls(self) -> "ToolCalls":
        """What calls the tools. Raises ConfigurationError."""
        from ..assembly import offer_for, portkey_factory, tool_calls

        guard = self._guard
        offer = offer_for(self.settings, guard)
        portkey = portkey_factory(self.settings, self._emulator, self.sent.before)
        return tool_calls(self.settings, self._safety, offer, portkey=portkey, guard=guard)

    def run(self, work: Awaitable[T]) -> T:
        """Run this in an event loop, and close the connections to Portkey with it.

        Raises KeyboardInterrupt at Ctrl-C.
        """

        async def with_connections() -> T:
            try:
                return await work
            finally:
                self.calls.portkey().retire()
                await asyncio.sleep(0)  # what was closed here ends in the next turn of the loop

        return asyncio.run(with_connections())

    def _emulator(self) -> "Emulator":
        import sqlite3

        from ..emulator.core.app import Emulator

        try:
            self._emulators.append(Emulator(file=self._state))
        except (sqlite3.Error, OSError, ValueError) as error:
            raise Failed(CONFIGURATION, f"--state: {error}.") from None
        return self._emulators[-1]

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close the state file afterwards, so that the next command can open it."""
        try:
            yield
        finally:
            for emulator in self._emulators:
                emulator.store.close()

    def tool(self, name: str) -> "ListedTool":
        """An offered tool. Raises Failed with the nearest names, or if the settings exclude it."""
        offer = self.calls.offer
        return offer.tools[name] if name in offer.tools else not_offered(name, offer)


def require_sandbox(*, sandbox: bool) -> None:
    """Raise UsageError if --state was given without the sandbox that it keeps."""
    if not sandbox:
        raise click.UsageError("--state keeps the organisation of the sandbox: add --sandbox")


def journal_of_sandbox(state: Path) -> Path:
    """The file of the journal of a sandbox that is kept in `state`."""
    return Path(f"{state}.journal")


def not_offered(name: str, offer: "Offer") -> "ListedTool":
    """Raise Failed for a tool that is not in an offer: it does not exist, or is excluded."""
    from ..clients.launcher import typed_command
    from ..server.loading import load_offer
    from ..suggestions import suggest

    tools = load_offer().tools
    if name in tools:
        raise Failed(
            REFUSED,
            f"{name} is not offered with these settings: see PORTKEY_READ_ONLY, PORTKEY_TOOLSETS, "
            "PORTKEY_TOOLS, PORTKEY_EXCLUDE_TOOLS, PORTKEY_WORKSPACES and the policy.",
            "Nothing was sent.",
        )
    hint = suggest(name, offer.tools, limit=3, cutoff=0.5)
    advice = hint[:1].upper() + hint[1:] if hint else f"`{typed_command()} tools` lists them."
    raise Failed(USAGE, f"there is no tool {name[:60]!r}.", advice)
