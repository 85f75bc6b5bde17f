"""Call a tool by its name, for the SDK's server, the fast path and code mode alike.

A tool's module and validator are imported and built at its first call.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...domains import CHANGES, TOOLSETS
from ...errors import InputError, NotPermitted, PortkeyAdminError
from ...models.core.base import Record
from ...portkey.catalog import Tool, tool_of
from ...portkey.clients import current_secret
from ...safety.inspection import Limits, current_inspector
from ..offer.offer import Offer
from ..offer.toolsets import selected
from .executor import MAX_RESULT_CHARS, Executor
from .failures import advice
from .outcome import InputRequired, Outcome
from .secrets import HeldSecrets, held_by_caller
from .visible_text import visible

if TYPE_CHECKING:
    from ...portkey.api import Portkey
    from ...safety.door import Door
    from ...safety.journal.journal import Journal
    from ...safety.policy_guard import PolicyGuard
    from ...safety.secret_sink import SecretSink
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
        *,
        sink: "SecretSink | None" = None,
        held_secrets: Iterable[str] = (),
    ) -> None:
        self.offer = offer
        self.portkey = portkey
        self._door = door
        self._policy = policy
        self._sink = sink
        self._held_secrets = HeldSecrets(held_secrets)
        self._max_result_chars = max_result_chars
        self._executors: dict[str, Executor] = {}
        self.observers: list[Observer] = []

    async def __call__(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Call a tool. An error in this server is logged; the outcome shows no details of it."""
        outcome = await self._outcome(name, arguments)
        # An answer as JSON shows its hidden characters already, see `result_size.compact`; with
        # `json`, the first text is that JSON between marks.
        is_json = outcome.is_json or outcome.json is not None
        if is_json and len(outcome.texts) == 1:
            return outcome
        texts = [
            text if is_json and number == 0 else visible(text)
            for number, text in enumerate(outcome.texts)
        ]
        return outcome._replace(texts=texts)

    async def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The complete answer of Portkey to a tool's request; raises ToolFailed with advice."""
        executor = self._executor(name)
        self._show_tools_to(name)
        try:
            record, _arguments = await executor.answer(arguments)
        except PortkeyAdminError as error:
            text: str = self._hidden(advice(error, executor.tool))
            raise ToolFailed(visible(text)) from error
        answer: dict[str, Any] = self._hidden(record.answer())
        return answer

    async def _outcome(self, name: str, arguments: dict[str, Any]) -> Outcome:
        offer = self.offer.current
        if name in offer.tools:
            return await self._observed(name, arguments)
        if name in offer.mode_tools:
            return await self._protected(name, self._mode.run, name, arguments)
        return Outcome([offer.unknown_tool(name)], is_error=True)

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
        outcome = self._held_secrets.hidden_in(outcome)
        own = current_secret()
        return held_by_caller(own).hidden_in(outcome) if own else outcome

    def _hidden(self, value: Any) -> Any:
        """A JSON value without the secrets of this process, and without the caller's own key."""
        own = current_secret()
        value = self._held_secrets.hidden(value)
        return held_by_caller(own).hidden(value) if own else value

    def _run(self, name: str, arguments: dict[str, Any]) -> Awaitable[Outcome]:
        self._show_tools_to(name)
        return self._executor(name).run(arguments)

    def _show_tools_to(self, name: str) -> None:
        """Let a tool of this server's own look at the others."""
        if self.offer.tools[name].domain == CHANGES:
            current_inspector.set(self)

    async def preview(self, name: str, arguments: dict[str, Any]) -> Record:
        """What a call would do; nothing is changed. Raises InputError for an unknown tool."""
        executor = self._offered(name)
        if executor.tool.domain != CHANGES:
            return await executor.preview(arguments)
        token = current_inspector.set(_OnlyPreviews(self))
        try:
            record, _arguments = await executor.answer(arguments)
        finally:
            current_inspector.reset(token)
        return record

    async def call(self, name: str, arguments: dict[str, Any]) -> Record:
        """See `Inspector`."""
        record, _arguments = await self._offered(name).answer(arguments)
        return record

    def tool(self, name: str) -> Tool:
        """See `Inspector`."""
        return self._offered(name).tool

    @asynccontextmanager
    async def alone(self, action: str) -> AsyncIterator[None]:
        """See `Inspector`."""
        if self._door is None:
            yield
            return
        async with self._door().alone(action):
            yield

    @property
    def journal(self) -> "Journal":
        """See `Inspector`."""
        journal = None if self._door is None else self._door().journal
        if journal is None:
            raise NotPermitted("this server keeps no change journal: PORTKEY_JOURNAL is off")
        return journal

    def _offered(self, name: str) -> Executor:
        if name not in self.offer.current.tools:
            raise InputError(self.offer.current.unknown_tool(name))
        return self._executor(name)

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
                tool,
                self.portkey,
                self._max_result_chars,
                self._door_for(tool),
                self._policy,
                self._sink,
            )
        return self._executors[name]

    def _door_for(self, tool: Tool) -> "Door | None":
        """The door that calls of a tool must pass; None if they need none, as most reads.

        A tool of this server's own sends nothing itself: what it calls passes the door.
        """
        is_free = tool.effect == "read" and self._policy is None
        if self._door is None or is_free or tool.domain == CHANGES:
            return None
        return self._door()

    @cached_property
    def _mode(self) -> "Mode":
        module, _, class_name = self.offer.mode_class.partition(":")
        mode: type[Mode] = getattr(import_module(module), class_name)
        return mode(self.offer, self, self._max_result_chars)


class _OnlyPreviews:
    """The tools of this server for one of its own that is previewed: no call changes anything."""

    def __init__(self, calls: ToolCalls) -> None:
        self._calls = calls
        self.preview = self.call = calls.preview
        self.tool, self.limits, self.alone = calls.tool, calls.limits, calls.alone

    @property
    def journal(self) -> "Journal":
        """See `Inspector`."""
        return self._calls.journal
