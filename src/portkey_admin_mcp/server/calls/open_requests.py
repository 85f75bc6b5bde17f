"""The open requests of one client: which ids are in use, and which tasks can be cancelled.

A second request with an id in use is refused by `stdio/loop.py` and `http/sessions/transport.py`.
"""

import asyncio
from typing import Any

from ..json_rpc import RequestId

CANCELLED_BY_CLIENT = "cancelled by the client"
"""The argument of the CancelledError in a task that `cancel_task` cancelled."""


class OpenRequests:
    """Requests by id, each with its task if the fast path answers it, or None if the SDK does."""

    def __init__(self) -> None:
        self._tasks: dict[RequestId, asyncio.Task[Any] | None] = {}
        self._none_open = asyncio.Event()
        self._none_open.set()

    def __contains__(self, id: RequestId) -> bool:
        return id in self._tasks

    def __len__(self) -> int:
        """The number of open requests."""
        return len(self._tasks)

    def open(self, id: RequestId, task: "asyncio.Task[Any] | None" = None) -> None:
        """Add a request. Its id must not be in use."""
        assert id not in self._tasks
        self._tasks[id] = task
        self._none_open.clear()

    def close(self, id: RequestId, task: "asyncio.Task[Any] | None" = None) -> None:
        """Remove an answered request; with a task, only if the id still belongs to that task."""
        if id in self._tasks and (task is None or self._tasks[id] is task):
            del self._tasks[id]
            if not self._tasks:
                self._none_open.set()

    def cancel_task(self, id: RequestId) -> bool:
        """Cancel a request of the fast path; False if the id belongs to none."""
        task = self._tasks.get(id)
        if task is not None:
            task.cancel(CANCELLED_BY_CLIENT)
        return task is not None

    async def all_closed(self) -> None:
        """Wait until every request is answered."""
        await self._none_open.wait()
