"""The reads of a workflow that sends many: some at a time, at most so many, and what they lack.

A read that is refused or fails is no error of the workflow: it is kept with its reason, so that the
answer can say by name what it could not see.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from ..errors import ApiError, Forbidden, PortkeyAdminError, SubscriptionExhausted, Unauthenticated
from ..models.core.base import Record
from ..models.core.paging import Page
from ..portkey.api import Portkey
from ..portkey.catalog import tool_of
from ..portkey.progress import report_progress

R = TypeVar("R", bound=Record)
MAX_AT_ONCE = 6
"""Requests of one workflow that wait for Portkey at the same time."""
PAGE_SIZE = 100
MAX_PAGES = 5
"""Pages that are read of one list."""
MAX_REASONS = 6
"""Reasons that an answer names, of reads that failed."""
MAX_PLACES = 3
"""Workspaces that a reason names; the others are counted."""


class Rows(NamedTuple):
    """The rows of a list that were read."""

    rows: list[dict[str, Any]]
    is_complete: bool
    """Whether these are all rows that the list has."""
    failed: bool
    """Whether the list could not be read at all."""


class Reads:
    """Sends the reads of one call of a workflow, and keeps what was not seen and why."""

    def __init__(self, api: Portkey, max_requests: int) -> None:
        self._api = api
        self._max_requests = max_requests
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._done = 0
        self._tools: dict[str, None] = {}
        self._failures: dict[str, list[str]] = {}
        self._first_error: PortkeyAdminError | None = None
        self.requests = 0
        """How many requests were sent."""

    async def one(
        self, function: Callable[..., Awaitable[R]], *arguments: Any, where: str = ""
    ) -> R | None:
        """The answer of a tool; None if it was refused, failed, or was one request too many.

        `where` is the name of the workspace or object, for `not_seen`. Raises Unauthenticated:
        then no other read succeeds either.
        """
        name = tool_of(function).name
        if self.requests >= self._max_requests:
            self.add_not_seen(f"{name}: the limit of {self._max_requests} requests a call", where)
            return None
        self.requests += 1
        try:
            async with self._slots:
                record = await function(self._api, *arguments)
        except Unauthenticated:
            raise
        except PortkeyAdminError as error:
            self._first_error = self._first_error or error
            self.add_not_seen(f"{name}: {_reason(function, error)}", where)
            return None
        finally:
            self._done += 1
            await report_progress(
                self._done, self.requests, f"{self._done} of {self.requests} requests answered"
            )
        self._tools[name] = None
        return record

    async def rows(
        self,
        function: Callable[..., Awaitable[Page[Any]]],
        arguments: Callable[[dict[str, int]], tuple[Any, ...]],
        where: str = "",
    ) -> Rows:
        """The rows of a list, of all its pages up to MAX_PAGES.

        `arguments` makes the arguments of a request from those of the page.
        """
        first = {"page_size": PAGE_SIZE, "current_page": 0}
        page = await self.one(function, *arguments(first), where=where)
        rows = rows_of(page)
        total = page.answer().get("total") if page is not None else None
        if not isinstance(total, int) or not rows or total <= len(rows):
            return Rows(rows, is_complete=page is not None, failed=page is None)
        count = -(-total // len(rows))
        others = await asyncio.gather(
            *(
                self.one(function, *arguments({**first, "current_page": number}), where=where)
                for number in range(1, min(count, MAX_PAGES))
            )
        )
        rows = [*rows, *(row for other in others for row in rows_of(other))]
        if len(rows) < total:
            self.add_not_seen(
                f"{tool_of(function).name}: {total - len(rows)} of {total} rows", where
            )
        return Rows(rows, is_complete=len(rows) >= total, failed=False)

    def add_not_seen(self, reason: str, where: str = "") -> None:
        """Keep why something was not seen; the same reason of several places is one line."""
        places = self._failures.setdefault(reason, [])
        if where and where not in places:
            places.append(where)

    @property
    def not_seen(self) -> list[str]:
        """What was not seen and why, with the workspaces: `list_usage_limits: 403, … (Support)`.

        The first MAX_REASONS, and how many others there are.
        """
        lines = [
            f"{reason} ({_some(places)})" if places else reason
            for reason, places in self._failures.items()
        ]
        more = len(lines) - MAX_REASONS
        return [*lines[:MAX_REASONS], f"{more} more reads for other reasons"] if more > 0 else lines

    @property
    def tools(self) -> list[str]:
        """The tools that answered."""
        return [*self._tools]

    def require_any(self) -> None:
        """Raise the first error if no read succeeded: the whole call is then a failure."""
        if self._first_error is not None and not self._tools:
            raise self._first_error


def rows_of(page: Record | None) -> list[dict[str, Any]]:
    """The rows of a list's answer that are objects; none if there is no answer."""
    if page is None:
        return []
    rows = page.answer().get(page.rows_in)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _some(places: Iterable[str]) -> str:
    names = [*places]
    more = f" and {len(names) - MAX_PLACES} more" if len(names) > MAX_PLACES else ""
    return ", ".join(names[:MAX_PLACES]) + more


def _reason(function: Callable[..., Any], error: PortkeyAdminError) -> str:
    """Why a read failed, with what it needs if that was missing."""
    tool = tool_of(function)
    status = getattr(error, "status", None) if isinstance(error, ApiError) else None
    if isinstance(error, Forbidden | SubscriptionExhausted):
        needs = f"needs the scope {tool.scopes_in_words}" if tool.scopes else "refused"
        plan = ", and the enterprise plan" if tool.enterprise else ""
        return f"{status or 403}, {needs}{plan}"
    text = " ".join(str(error).split())
    return f"{status}, {text}"[:120] if status else text[:120]
