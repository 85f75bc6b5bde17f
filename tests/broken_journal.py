"""Transports and journals with failures of their own, for tests of the journal."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from portkey_admin_mcp.portkey.http.answer import Answer, UnusableAnswer
from portkey_admin_mcp.safety.journal.chain import Fields, Line
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal

TRANSPORT_ERRORS = [
    ("done", "done"),
    ("refused", "refused"),
    ("failed", "unknown"),
    ("lost", "unknown"),
    ("unreachable", "not sent"),
    ("unreadable", "done"),
]
"""What happens to a write, and the state that the journal then has."""


class SlowJournal(SqliteJournal):
    """A journal that takes its time, as Redis does; `has_outcome` is set by a second line."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.has_outcome = asyncio.Event()

    async def append(self, fields: Fields) -> Line:
        await asyncio.sleep(0.01)
        line = await super().append(fields)
        if line.number > 1:
            self.has_outcome.set()
        return line


FAILURES = {
    "lost": ConnectionResetError("reset"),
    "unreachable": ConnectionRefusedError("refused"),
    "unreadable": UnusableAnswer("the answer is cut off"),
}
ANSWERS = {
    "refused": (400, {"message": "no"}),
    "refused with echo": (400, {"message": "{key} is no key"}),
    "failed": (500, {"message": "broken"}),
    "echoes": (200, {"warning": "got {key}"}),
}
"""Status and body, in which the fields that were sent are filled in."""


class Answering:
    """A `Transport`; `on_write` is called when a write arrives."""

    def __init__(self, kind: str, on_write: Callable[[], None] = lambda: None) -> None:
        self._kind = kind
        self._on_write = on_write
        self.was_sent = asyncio.Event()

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        if method == "GET":
            return answer(200, {"id": "c", "name": "before"})
        self._on_write()
        self.was_sent.set()
        sent = json.loads(body or b"{}")
        if self._kind == "silence":
            await asyncio.Event().wait()
        if self._kind in FAILURES:
            raise FAILURES[self._kind]
        status, template = ANSWERS.get(self._kind, (200, {}))
        content = {name: text.format(**sent) for name, text in template.items()}
        return answer(status, content if status == 200 else {"success": False, "data": content})


def answer(status: int, body: Any) -> Answer:
    return status, {}, json.dumps(body).encode()
