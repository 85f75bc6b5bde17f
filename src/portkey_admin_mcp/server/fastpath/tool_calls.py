"""Calls of tools: a tool's module and validator are made at its first call."""

import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...portkey.catalog import tool_of
from ..calls.executor import Executor
from ..calls.outcome import Outcome
from .manifest import Manifest

if TYPE_CHECKING:
    from ...portkey.api import Portkey

log = logging.getLogger(__name__)


class Calls:
    """Runs tools by name."""

    def __init__(
        self, manifest: Manifest, portkey: "Callable[[], Portkey]", max_result_chars: int
    ) -> None:
        self._manifest = manifest
        self._portkey = portkey
        self._max_result_chars = max_result_chars
        self._executors: dict[str, Executor] = {}

    async def __call__(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Run a tool that there is; an error of ours is logged, and shown as one neutral line."""
        try:
            return await self._executor(name).run(arguments)
        except Exception:
            log.exception("Error calling tool %r", name)
            return Outcome([f"Error calling tool {name!r}"], is_error=True)

    def _executor(self, name: str) -> Executor:
        if name not in self._executors:
            listed = self._manifest.tools[name]
            function = getattr(import_module(f"portkey_admin_mcp.{listed.module}"), name)
            self._executors[name] = Executor(
                tool_of(function), self._portkey, self._max_result_chars, listed.input_schema
            )
        return self._executors[name]
