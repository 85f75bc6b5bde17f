"""Call a tool by its name, for the SDK's server, the fast path and code mode alike.

A tool's module and validator are imported and built at its first call.
"""

import logging
import time
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...domains import CHANGES, TOOLSETS
from ...errors import InputError, PortkeyAdminError
from ...models.core.base import Record
from ...portkey.catalog import Tool, tool_of
from ...safety.inspection import Limits, current_inspector
from ..offer.offer import Offer
from ..offer.toolsets import selected
from .executor import MAX_RESULT_CHARS, Executor
from .failures import advice
from .outcome import InputRequired, Outcome

if TYPE_CHECKING:
    from ...portkey.api import Portkey
    from ...safety.door import Door
    from ...safety.policy_guard import PolicyGuard
    from ..modes.mode import Mode

Observer = Callable[[str, str, float], None]
"""Receives each call: the tool's name, `ok` or `error`, and the seconds it took."""

log = logging.getLogger(__name__)


class ToolFailed(Exception):
    """A tool called by `ToolCalls.answer` failed; the message is advice."""


class ToolCalls:
    """Calls the tools that are offered to the current request."""

    def __init__(
        self,
        offer: Offer,
        portkey: "Callable[[], Portkey]",
        max_result_chars: int = MAX_RESULT_CHARS,
        door: "Callable[[], Door] | None" = None,
        policy: "PolicyGuard | None" = None,
    ) -> None:
        self.offer = offer
        self.portkey = portkey
        self._door = door
        self._policy = policy
        self._max_result_chars = max_result_chars
        self._executors: dict[str, Executor] = {}
        self.observers: list[Observer] = []

    async def __call__(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Call a tool. An error in this server is logged; the outcome shows no details of it."""
        offer = self.offer.current
        if name in offer.tools:
            return await self._observed(name, arguments)
        if name in offer.mode_tools:
            return await self._protected(name, self._mode.run, name, arguments)
        return Outcome([offer.unknown_tool(name)], is_error=True)

    async def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The complete answer of Portkey to a tool's request; raises ToolFailed with advice."""
        executor = self._executor(name)
        try:
            record, _arguments = await executor.answer(arguments)
        except PortkeyAdminError as error:
            raise ToolFailed(advice(error, executor.tool)) from error
        return record.answer()

    async def _observed(self, name: str, arguments: dict[str, Any]) -> Outcome:
        start = time.perf_counter()
        outcome = await self._protected(name, self._run, name, arguments)
        for observe in self.observers:
            observe(name, "error" if outcome.is_error else "ok", time.perf_counter() - start)
        return outcome

    async def _protected(self, name: str, run: Callable[..., Any], *arguments: Any) -> Outcome:
        try:
            outcome: Outcome = await run(*arguments)
        except InputRequired:
            raise
        except Exception:
            log.exception("Error calling tool %r", name)
            return Outcome([f"Error calling tool {name!r}"], is_error=True)
        return outcome

    async def _run(self, name: str, arguments: dict[str, Any]) -> Outcome:
        if self.offer.tools[name].domain == CHANGES:
            current_inspector.set(self)
        return await self._executor(name).run(arguments)

    async def preview(self, name: str, arguments: dict[str, Any]) -> Record:
        """What a call would do; nothing is changed. Raises InputError for an unknown tool."""
        if name not in self.offer.current.tools:
            raise InputError(self.offer.current.unknown_tool(name))
        return await self._executor(name).preview(arguments)

    async def limits(self) -> Limits:
        """What the settings, the policy and the current request do not allow."""
        tools = self.offer.current.tools
        selection = selected()
        policy = self._policy
        domains = {tool.domain for tool in tools.values()}
        details = {} if self._door is None else await self._door().limits()
        return Limits(
            offered=frozenset(tools),
            toolsets=() if domains >= TOOLSETS.keys() else tuple(sorted(domains)),
            read_only=all(tool.effect == "read" for tool in tools.values()),
            workspaces=tuple(
                sorted(
                    {name for each in selection.workspaces for name in each} if selection else ()
                )
            )
            or (() if policy is None else policy.workspaces),
            denied=frozenset()
            if policy is None
            else frozenset(name for name, tool in tools.items() if policy.denies_caller(tool)),
            policy="" if policy is None else policy.summary,
            freeze=str(details.pop("freeze", "")),
            details=details,
        )

    def _executor(self, name: str) -> Executor:
        if name not in self._executors:
            listed = self.offer.tools[name]
            function = getattr(import_module(f"portkey_admin_mcp.{listed.module}"), name)
            tool = tool_of(function)
            self._executors[name] = Executor(
                tool, self.portkey, self._max_result_chars, self._door_for(tool), self._policy
            )
        return self._executors[name]

    def _door_for(self, tool: Tool) -> "Door | None":
        """The door that calls of a tool must pass; None if they need none, as most reads."""
        if self._door is None or (tool.effect == "read" and self._policy is None):
            return None
        return self._door()

    @cached_property
    def _mode(self) -> "Mode":
        module, _, class_name = self.offer.mode_class.partition(":")
        mode: type[Mode] = getattr(import_module(module), class_name)
        return mode(self.offer, self, self._max_result_chars)
