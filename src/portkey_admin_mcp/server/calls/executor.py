"""Run a tool for a client: validate, call, present. Independent of MCP and of transports."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ...errors import ApprovalNeeded, PortkeyAdminError
from ...models.core.base import Record
from ...portkey.api import Portkey
from ...portkey.catalog import Tool
from ...portkey.large_answers import AnswerSize
from ...safety.preview_answer import PreviewAnswer
from ...safety.secret_sink import ResultSink, SecretSink, deliver, without_link
from ..offer.toolsets import selected
from .arguments import arguments_model, call_flat, read_arguments
from .failures import advice
from .fencing import fenced
from .hints import argument_hints
from .links import page_of, with_link
from .notes import notes_on
from .outcome import Outcome
from .presentation import ALL_FIELDS, chosen_fields, present
from .result_size import max_chars_for_code
from .schema import Schema, accepted_schema
from .secrets import require_no_mask, without_hidden_fields

if TYPE_CHECKING:  # a read imports neither: that would take a tenth of the time to a first call
    from ...safety.door import Call, Door
    from ...safety.policy_guard import PolicyGuard

MAX_RESULT_CHARS = 80_000
"""At most 25,000 tokens, which Claude Code takes; counted as by `result_size.size`."""

log = logging.getLogger(__name__)


class Executor:
    """A tool with its client of Portkey. The validator is built when it is first needed."""

    def __init__(
        self,
        tool: Tool,
        portkey: Callable[[], Portkey],
        max_result_chars: int = MAX_RESULT_CHARS,
        door: "Door | None" = None,
        policy: "PolicyGuard | None" = None,
        sink: SecretSink | None = None,
    ) -> None:
        self.tool = tool
        self._page = page_of(tool)
        self._portkey = portkey
        self._max_result_chars = max_result_chars
        self._door = door
        self._sink = sink or ResultSink()
        self._policy = policy

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The validator of the tool's flat arguments."""
        return arguments_model(self.tool)

    @cached_property
    def schema(self) -> Schema:
        """The JSON Schema that the arguments are read by."""
        return accepted_schema(self.arguments)

    async def answer(self, arguments: dict[str, Any]) -> tuple[Record, BaseModel]:
        """Validate and call; returns the answer and the validated arguments.

        Raises the errors in `errors`.
        """
        checked = read_arguments(self.arguments, self.schema, arguments)
        if self.tool.effect != "read":
            require_no_mask(checked.model_dump(mode="json", exclude_unset=True))
        if self.tool.returns_secret:
            self._sink.prepare()
        result, checked = await self._pass(checked)
        if self.tool.returns_secret:
            return await deliver(self._sink, self.tool, result), checked
        return without_hidden_fields(result), checked

    async def _pass(self, checked: BaseModel) -> tuple[Record, BaseModel]:
        """The answer of a call that may be made, and its arguments as they were used."""
        selection = selected()
        if self._policy is not None or (selection is not None and selection.workspaces):
            return await self._answer_admitted(checked)
        if self._door is None:
            return await call_flat(self.tool, self._portkey(), checked), checked
        return await self._door.run(self._call(checked)), checked

    async def _answer_admitted(self, checked: BaseModel) -> tuple[Record, BaseModel]:
        """The answer of a call that the policy and the bound on workspaces admit."""
        call = await self._admitted(checked)
        if self._door is None or (self.tool.effect == "read" and not call.confirm):
            return await call.execute(call.api), call.arguments
        return await self._door.run(call), call.arguments

    async def _admitted(self, checked: BaseModel) -> "Call":
        """The call as it may be made. Raises NotPermitted, or InputError."""
        policy = self._policy
        if policy is None:
            from ...safety.policy_guard import PolicyGuard  # imported only if it is needed

            policy = PolicyGuard()
        selection = selected()
        workspaces = selection.workspaces if selection is not None else ()
        admitted = await policy.admit(self.tool, checked, self._portkey(), workspaces)
        return self._call(admitted.arguments, admitted.api, admitted.confirm)

    async def preview(self, arguments: dict[str, Any]) -> Record:
        """Validate, and say what the call would do. Raises the errors in `errors`."""
        from ...safety.door import preview

        checked = read_arguments(self.arguments, self.schema, arguments)
        selection = selected()
        if self._policy is not None or (selection is not None and selection.workspaces):
            return await preview(await self._admitted(checked))
        return await preview(self._call(checked))

    def _call(self, checked: BaseModel, api: Portkey | None = None, confirm: str = "") -> "Call":
        """The call for the door, which may run it with another client."""
        from ...safety.door import Call

        return Call(
            self.tool,
            checked,
            api or self._portkey(),
            lambda api: call_flat(self.tool, api, checked),
            confirm,
        )

    async def run(self, arguments: dict[str, Any]) -> Outcome:
        """Validate and call; a failure becomes an outcome with advice."""
        try:
            with AnswerSize() as size:
                result, checked = await self.answer(arguments)
        except PortkeyAdminError as error:
            log.debug("%s failed", self.tool.name, exc_info=error)
            for hint in argument_hints(error, arguments):
                error.add_note(hint)
            text = without_link(self._sink, self.tool, advice(error, self.tool))
            needs_person = isinstance(error, ApprovalNeeded)
            return Outcome([text], is_error=True, needs_person=needs_person, error=error)
        if size.is_large:
            return await self._portkey().large_answers.run(self._outcome, result, checked)
        return self._outcome(result, checked)

    def _outcome(self, result: Record, checked: BaseModel) -> Outcome:
        """The answer as the client gets it."""
        code_limit = max_chars_for_code.get()
        max_chars = code_limit or self._max_result_chars
        is_preview = isinstance(result, PreviewAnswer)
        notes = [] if is_preview else notes_on(self.tool, result, checked)
        # Code reads fields, so what it is told for its author stays beside the answer.
        beside, within = ([], notes) if code_limit is None else (notes, [])
        presented = present(
            result if code_limit is not None or is_preview else self._with_link(result, checked),
            checked,
            max_chars,
            is_for_code=code_limit is not None,
            notes=within,
        )
        texts = [presented.text, *filter(None, [presented.note]), *beside]
        outcome = Outcome(texts, presented.answer, is_json=presented.is_json)
        return outcome if code_limit is not None else fenced(outcome)

    def _with_link(self, result: Record, checked: BaseModel) -> Record:
        """The answer with the page of the dashboard where its object stands, if that is known."""
        if not self._page or ((chosen := chosen_fields(checked)) and ALL_FIELDS not in chosen):
            return result
        address = self._portkey().dashboard_address
        return with_link(result, f"{address}/{self._page}") if address else result
