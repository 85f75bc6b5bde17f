"""Records a change in the journal: before it is sent, and with its outcome."""

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ...errors import ApiError, OutcomeUnknown, Unreachable
from ...models.core.base import unwrapped
from ...portkey.api import Portkey
from ...portkey.catalog import Tool
from ...portkey.gate import Change, Send
from ..caller import current_caller
from ..masking import masked
from ..objects import ObjectNow, label_of, read_object
from .journal import Journal

MAX_OBJECT_CHARS = 100_000
"""Characters of JSON of an object that are kept; of a larger one only its size."""


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

    async def send(self, api: Portkey, change: Change, send: Send) -> bytes:
        """Send a change; its answer. Nothing is sent if the journal cannot be written."""
        before = await read_object(api, change)
        id = f"{int(self._clock() * 1000):011x}-{secrets.token_hex(4)}"
        caller = current_caller.get()
        await self._write(
            id,
            "begun",
            principal=caller.principal,
            key=caller.key,
            client=caller.client,
            tool=self._tool.name,
            effect=self._tool.effect,
            arguments=_bounded(masked(self._arguments)),
            request=f"{change.method} {change.path.format_map(dict(change.ids))}",
            endpoint=change.endpoint,
            module=change.module.rpartition(".")[2],
            ids=dict(change.ids),
            body=_bounded(masked({**change.query, **(change.body or {})})),
            object=label_of(change, before),
            before=_bounded(masked(before.fields)),
        )
        try:
            content = await send()
        except OutcomeUnknown as error:
            await self._write(id, "unknown", error=str(error)[:300])
            raise
        except ApiError as error:
            state = "not sent" if isinstance(error, Unreachable) else "refused"
            await self._write(id, state, status=error.status, error=str(error)[:300])
            raise
        except BaseException:
            await self._write(id, "unknown", error="it was stopped before the answer")
            raise
        await self._write(id, "done", after=await self._after(api, change, before, content))
        return content

    async def _after(self, api: Portkey, change: Change, before: ObjectNow, content: bytes) -> Any:
        """The object after the change: as it is read, or as a new one is answered."""
        if self._tool.effect == "delete":
            return None
        if before.fields is not None:
            return _bounded(masked((await read_object(api, change)).fields))
        try:
            return _bounded(masked(unwrapped(json.loads(content))))
        except ValueError:
            return None

    async def _write(self, id: str, state: str, **fields: Any) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        await self._journal.append({"change": id, "state": state, "at": at, **fields})


def _bounded(value: Any) -> Any:
    """A value that is not too large to keep, else its size."""
    size = len(json.dumps(value, default=str))
    return value if size <= MAX_OBJECT_CHARS else {"too_large_to_keep": f"{size} characters"}
