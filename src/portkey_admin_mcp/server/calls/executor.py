"""Running a tool for a client: validate, call, show. Knows nothing of how MCP is carried."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from ...errors import PortkeyAdminError
from ...models.core.base import Record
from ...portkey.api import Portkey
from ...portkey.catalog import Tool
from .arguments import arguments_model, call_flat, not_sent, read_arguments
from .failures import advice
from .outcome import Outcome
from .presentation import shown
from .result_size import most_chars_inside
from .schema import Schema, input_schema

MAX_RESULT_CHARS = 80_000

log = logging.getLogger(__name__)


class Executor:
    """A tool with the client it calls. The validator is built when it is first needed."""

    def __init__(
        self,
        tool: Tool,
        portkey: Callable[[], Portkey],
        max_result_chars: int = MAX_RESULT_CHARS,
        schema: Schema | None = None,
    ) -> None:
        self.tool = tool
        self._portkey = portkey
        self._max_result_chars = max_result_chars
        self._given_schema = schema

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The validator of the tool's flat arguments."""
        return arguments_model(self.tool)

    @cached_property
    def schema(self) -> Schema:
        """How the arguments are described."""
        return self._given_schema or input_schema(self.arguments)

    async def answer(self, arguments: dict[str, Any]) -> tuple[Record, BaseModel]:
        """Validate and call: what came of it, and the arguments as they were understood.

        Raises the errors of the family.
        """
        checked = read_arguments(self.arguments, self.schema, arguments)
        return await call_flat(self.tool, self._portkey(), checked), checked

    async def run(self, arguments: dict[str, Any]) -> Outcome:
        """Validate, call, and put any failure into words."""
        try:
            result, checked = await self.answer(arguments)
        except PortkeyAdminError as error:
            log.debug("%s failed", self.tool.name, exc_info=error)
            return Outcome([advice(error, self.tool)], is_error=True)
        inside = most_chars_inside.get()
        most_chars = inside or self._max_result_chars
        seen = shown(result, checked, most_chars, is_for_code=inside is not None)
        texts = [seen.text, *_notes(seen.note, not_sent(checked))]
        return Outcome(texts, seen.answer, is_json=seen.is_json)


def _notes(cut: str, names: list[str]) -> list[str]:
    unsent = f"Not sent, for Portkey has no such field here: {', '.join(names)}." if names else ""
    return [note for note in (cut, unsent) if note]
