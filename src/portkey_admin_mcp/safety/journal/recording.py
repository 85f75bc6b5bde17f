"""Records a change in the journal: before it is sent, and with its outcome."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from ...errors import (
    ApiError,
    JournalUnavailable,
    OutcomeUnknown,
    PortkeyAdminError,
    UnexpectedAnswer,
    Unreachable,
)
from ...models.core.base import Record, unwrapped
from ...portkey.api import Portkey
from ...portkey.catalog import Tool
from ...portkey.gate import Change, Send
from ...portkey.masking import masked
from ..caller import current_caller
from ..objects import ObjectNow, created_object, label_of, read_object
from .changes import NOT_CONFIRMED
from .journal import Journal
from .undo_rules import RULES, Never, undo_in_short

MAX_OBJECT_CHARS = 100_000
"""Characters of JSON of an object that are kept; of a larger one only its size."""
MAX_ERROR_CHARS = 300
MIN_SECRET_CHARS = 8
"""A masked text of an argument is replaced wherever else it occurs, if it is this long."""
REPLACEMENT = "***"

log = logging.getLogger(__name__)
_reverted: ContextVar[str] = ContextVar("reverted_change", default="")


@contextmanager
def reverting(change: str) -> Iterator[None]:
    """Record the changes made inside as those that revert the change with this id."""
    token = _reverted.set(change)
    try:
        yield
    finally:
        _reverted.reset(token)


class Recorder:
    """Sends the changes of one call of a tool, and records each. `arguments` are as they came."""

    def __init__(
        self,
        journal: Journal,
        tool: Tool,
        arguments: dict[str, Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._tool = tool
        self._arguments = arguments
        self._clock = clock
        self._secrets = secret_texts(arguments)
        self.confirmation: dict[str, str] = {}
        """Who agreed to the call, and how; empty if nobody had to."""
        self._unrecorded: list[str] = []
        """For each outcome that could not be recorded, what the caller is told."""

    async def run(self, execute: Callable[[], Awaitable[Record]]) -> Record:
        """Run the call; its answer or error says if the outcome of a change is not on record."""
        try:
            answer = await execute()
        except PortkeyAdminError as error:
            for note in self._unrecorded:
                error.add_note(note)
            raise
        return answer.with_notes(*self._unrecorded)

    async def not_confirmed(self, change: Change, now: ObjectNow, why: str) -> None:
        """Record that a call was not made because no person agreed to it.

        A failure is only logged: nothing was changed, and the caller is told why in any case.
        """
        fields = self._beginning(change, now)
        for name in ("before", "before_unknown", "undo", "confirmation"):
            fields.pop(name, None)
        try:
            await self._write(self._new_id(), NOT_CONFIRMED, why=why[:MAX_ERROR_CHARS], **fields)
        except JournalUnavailable as error:
            log.error("a refused call of %s is not on record: %s", self._tool.name, error)

    async def send(self, api: Portkey, change: Change, send: Send) -> bytes:
        """Send a change; its answer.

        Raises JournalUnavailable, with nothing sent, if the journal cannot be written.
        """
        before = await read_object(api, change)
        id = self._new_id()
        await self._write(id, "begun", **self._beginning(change, before))
        try:
            content = await send()
        except UnexpectedAnswer as error:  # of a request that succeeded
            await self._end(id, "done", status=error.status, error=self._text(error))
            raise
        except OutcomeUnknown as error:
            await self._end(id, "unknown", status=error.status, error=self._text(error))
            raise
        except PortkeyAdminError as error:
            was_sent = isinstance(error, ApiError) and not isinstance(error, Unreachable)
            await self._end(
                id,
                "refused" if was_sent else "not sent",
                status=getattr(error, "status", None),
                error=self._text(error),
            )
            raise
        except BaseException:
            await self._end(id, "unknown", error="it was stopped before the answer came")
            raise
        await self._end(id, "done", after=await self._after(api, change, before, content))
        return content

    def _new_id(self) -> str:
        return f"{int(self._clock() * 1000):011x}-{secrets.token_hex(4)}"

    def _beginning(self, change: Change, before: ObjectNow) -> dict[str, Any]:
        caller = current_caller.get()
        reverted = _reverted.get()
        return {
            "principal": caller.principal,
            "key": caller.key,
            "client": caller.client,
            "tool": self._tool.name,
            "effect": self._tool.effect,
            "arguments": self._kept(self._arguments),
            "request": f"{change.method} {change.path.format_map(dict(change.ids))}",
            "endpoint": change.endpoint,
            "module": change.module.rpartition(".")[2],
            "ids": dict(change.ids),
            "query": self._kept(dict(change.query)),
            "body": self._kept(change.body),
            "object": without_texts(label_of(change, before), self._secrets),
            "before": self._kept(before.fields),
            **({"before_unknown": before.why} if before.why else {}),
            "undo": undo_in_short(change.endpoint),
            **({"confirmation": self.confirmation} if self.confirmation else {}),
            **({"reverts": reverted} if reverted else {}),
        }

    async def _after(self, api: Portkey, change: Change, before: ObjectNow, content: bytes) -> Any:
        """The object after the change, as it is read.

        A new one that cannot be read, or that no call undoes, is kept as Portkey answered it.
        """
        if change.method == "DELETE":
            return None
        if before.fields is not None:
            return self._kept((await read_object(api, change)).fields)
        try:
            answer = unwrapped(json.loads(content))
        except ValueError:
            return None
        is_final = isinstance(RULES.get(change.endpoint), Never)
        created = None if is_final else created_object(change, answer)
        now = None if created is None else (await read_object(api, created)).fields
        return self._kept(answer if now is None else now)

    async def _end(self, id: str, state: str, **fields: Any) -> None:
        """Record an outcome, also if the call is being cancelled; a failure is noted for `run`."""
        try:
            await self._write(id, state, **fields)
            if state == "done" and (reverted := _reverted.get()):
                await self._write(reverted, "reverted", reverted_by=id)
        except JournalUnavailable as error:
            log.error("change %s (%s): its outcome is not on record: %s", id, state, error)
            happened = "The change was made" if state == "done" else f"The outcome is: {state}"
            self._unrecorded.append(f"{happened}, but that is not on record: {error}.")

    async def _write(self, id: str, state: str, **fields: Any) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line = {"change": id, "state": state, "at": at, **fields}
        # A task of its own: the line is written even if the call is cancelled meanwhile.
        await asyncio.shield(asyncio.ensure_future(self._journal.append(line)))

    def _kept(self, value: Any) -> Any:
        """A value with secrets masked; of one that is too large to keep, only its size."""
        kept = without_texts(masked(value), self._secrets)
        size = len(json.dumps(kept, default=str))
        if size <= MAX_OBJECT_CHARS:
            return kept
        return {"too_large_to_keep": f"{size} characters"}

    def _text(self, error: Exception) -> str:
        """The message of an error, which may repeat what was sent."""
        return str(without_texts(str(error), self._secrets))[:MAX_ERROR_CHARS]


def secret_texts(arguments: Any) -> frozenset[str]:
    """The texts in arguments that are masked, and long enough to be looked for elsewhere."""
    texts = frozenset(_hidden(arguments, masked(arguments)))
    return frozenset(text for text in texts if len(text) >= MIN_SECRET_CHARS)


def without_texts(value: Any, texts: frozenset[str]) -> Any:
    """A JSON value without any of these texts, also inside longer ones; names of fields stay."""
    if isinstance(value, str):
        for text in texts:
            value = value.replace(text, REPLACEMENT)
        return value
    if not texts:
        return value
    if isinstance(value, dict):
        return {name: without_texts(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [without_texts(item, texts) for item in value]
    return value


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    """The texts of a value that its masked form does not show."""
    if isinstance(value, str):
        if value != shown:
            yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _hidden(item, shown.get(name) if isinstance(shown, dict) else None)
    elif isinstance(value, list):
        shown_items = shown if isinstance(shown, list) else [None] * len(value)
        for item, shown_item in zip(value, shown_items, strict=True):
            yield from _hidden(item, shown_item)
