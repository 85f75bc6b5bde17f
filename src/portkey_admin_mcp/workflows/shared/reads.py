"""Reads many lists for one answer, and remembers what was not read."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Mapping
from itertools import pairwise
from typing import Any

from ...errors import PortkeyAdminError, Unauthenticated
from ...models.core.base import Record, unwrapped
from ...portkey.api import Portkey
from ...portkey.catalog import Function, tool_of
from ...portkey.progress import report_progress
from ...tools.api_keys import list_api_keys
from ...tools.workspaces import get_workspace, list_workspaces
from .rows import Row, Rows, Workspace
from .tool_arguments import arguments_of, takes_workspace
from .unread import MAX_PLACES, NOT_PERMITTED, Unread, why_failed

MAX_REQUESTS = 600
"""Requests of one answer; what is not read after them is named in it."""
RESERVED_FOR_USES = 100
"""How many of them a workflow may reserve for reading what objects were used for."""
MAX_PARALLEL = 8
MAX_PAGES = 10
MAX_WORKSPACES = 50
TIMEOUT_S = 45.0
"""Time after which no further request is sent: clients wait a minute."""


class Reads:
    """Reads by tools, at most `MAX_PARALLEL` requests at a time and `MAX_REQUESTS` in all.

    A read that fails is remembered. An answer says so with `not_seen`, and with `known_by` what
    was read.
    """

    def __init__(self, api: Portkey, max_requests: int = MAX_REQUESTS) -> None:
        self.api = api
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._max_requests = max_requests
        self._deadline = time.monotonic() + TIMEOUT_S
        self._sent = 0
        self._answered = 0
        self._succeeded: Counter[str] = Counter()
        self._unread = Unread()
        self._errors: dict[Function, PortkeyAdminError] = {}
        """The first error of each tool that had one."""
        self.workspaces: list[Workspace] = []
        self.reserved = 0
        """How many of the requests are reserved for later reads."""
        self._are_all = True
        """Whether all workspaces that were asked for are looked at, as far as is known."""
        self._why_only_these = ""
        """Why only these workspaces are looked at, in words."""

    async def one(self, tool: Function, place: str = "", **fields: Any) -> Row | None:
        """The object that a tool reads; None if it could not be read. `place` names it."""
        record, why = await self._call(tool, place, fields, 0)
        answer = unwrapped(record.answer()) if record is not None and not why else None
        return answer if isinstance(answer, dict) else None

    async def rows(self, tool: Function, place: str = "", **fields: Any) -> Rows:
        """The rows that a tool lists, of all pages. `place` names the workspace or object.

        The pages are read at the same time if the first one says how many rows there are.
        """
        first = await self._page(tool, place, fields, 0)
        pages = [first]
        total = first.total
        if first.rows and not first.why and first.has_more:
            if total is None:
                pages += await self._next_pages(tool, place, fields, first)
            else:
                count = min(-(-total // len(first.rows)), MAX_PAGES)
                jobs = (self._page(tool, place, fields, number) for number in range(1, count))
                pages += await all_of(*jobs)
        rows = list(first.rows)
        for before, page in pairwise(pages):
            rows += [] if page.rows == before.rows else page.rows  # a list without pages
        why = next((page.why for page in pages if page.why), "")
        is_cut = total is not None and len(rows) < total
        is_cut = is_cut or (total is None and len(pages) == MAX_PAGES and pages[-1].has_more)
        if is_cut and not why:
            why = f"only {len(rows)}{f' of {total}' if total else ''} rows were read"
            self.note(tool, place, why)
        return Rows(rows, why, first.answer)

    async def rows_anywhere(self, tool: Function, **fields: Any) -> Rows:
        """The rows of a list of the organisation; if only workspaces may be read, of each of them.

        A policy may limit a call to workspaces.
        """
        rows = await self.rows(tool, **fields)
        if rows.why != NOT_PERMITTED or not takes_workspace(tool):
            return rows
        places = [each for each in self.workspaces if each.id is not None]
        if not places:
            return rows
        self._unread.remove(tool, rows.why)
        parts = await all_of(
            *(self.rows(tool, each.slug, **fields, **each.selector) for each in places)
        )
        whys = [part.why for part in parts if part.why]
        return Rows([row for part in parts for row in part], whys[0] if whys else "")

    async def read_workspaces(self, workspace: str = "") -> list[Workspace]:
        """List the workspaces, or only the one with this id or slug.

        If they cannot be listed, they are those that API keys name; if there are none either,
        there is one for the lists of the key's own workspace.
        """
        listed = await self.rows(list_workspaces)
        candidates = [Workspace.of(row) for row in listed if row.get("id")]
        if workspace:
            self._why_only_these = "as was asked"
            candidates = [each for each in candidates if workspace in (each.id, each.slug)]
            if not candidates:
                candidates = [await self._workspace_of(workspace)]
                self._are_all = bool(candidates[0].fields)
            if self._are_all:
                self._unread.remove(list_workspaces, listed.why)
        elif not candidates:
            self._are_all = not listed.why
            candidates = await self._workspaces_of_keys()
        elif len(candidates) == 1:
            self._why_only_these = "no other is listed for this key"
        if len(candidates) > MAX_WORKSPACES:
            self._are_all = False
            why = f"only {MAX_WORKSPACES} of {len(candidates)} were looked at"
            self.note(list_workspaces, "", why)
        self.workspaces = candidates[:MAX_WORKSPACES] or [Workspace(None, "the key's own", {})]
        return self.workspaces

    def slug_of(self, workspace: Any) -> str | None:
        """The slug of a workspace by its id or slug; the same text if it was not listed."""
        for each in self.workspaces:
            if workspace in (each.id, each.slug):
                return each.slug
        return None if workspace is None else str(workspace)

    def require_something(self) -> None:
        """Raise the first error if nothing at all could be read."""
        if not self._succeeded:
            self.raise_error_of(*self._errors)

    def raise_error_of(self, *tools: Function) -> None:
        """Raise the first error of these tools: without them, there is nothing to answer."""
        for tool in tools:
            if tool in self._errors:
                raise self._errors[tool]

    @property
    def known_by(self) -> str:
        """Which tools read how often: `list_configs ×3, get_config ×12`."""
        return ", ".join(
            name if count == 1 else f"{name} ×{count}" for name, count in self._succeeded.items()
        )

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._sent

    @property
    def not_seen(self) -> list[str]:
        """What was not read, a sentence for each reason."""
        return self._unread.sentences([each.slug for each in self.workspaces])

    @property
    def looked_in(self) -> str:
        """Which workspaces were looked at."""
        slugs = [each.slug for each in self.workspaces]
        why = f": {self._why_only_these}" if self._why_only_these else ""
        if len(slugs) == 1:
            return f"{slugs[0]} only{why}"
        rest = f" and {len(slugs) - MAX_PLACES} more" if len(slugs) > MAX_PLACES else ""
        return f"{len(slugs)} workspaces{why}: {', '.join(slugs[:MAX_PLACES])}{rest}"

    def has_all(self, *tools: Function) -> bool:
        """Whether all was read that these tools show, of all workspaces that were asked for."""
        return self._are_all and not self._unread.has_any_of(tools)

    def total(self, count: int, *tools: Function) -> int | str:
        """A count of rows that these tools list; in words if it may not be all of them."""
        return count if self.has_all(*tools) else at_least(count)

    def note(self, tool: Function | str, place: str, why: str) -> None:
        """Remember that what a tool shows of a place, or what a text names, was not read."""
        self._unread.add(tool, place, why)

    async def _page(
        self, tool: Function, place: str, fields: Mapping[str, Any], number: int
    ) -> Rows:
        """One page of a list."""
        record, why = await self._call(tool, place, fields, number)
        if record is None or why:
            return Rows(why=why)
        answer = record.answer()
        values = answer.get(record.rows_in or "data")
        values = values if isinstance(values, list) else None
        rows = [each for each in values or () if isinstance(each, dict)]
        if not isinstance(values, list) or len(rows) < len(values):
            why = "the answer holds no list of objects"
            self.note(tool, place, why)
        return Rows(rows, why, answer)

    async def _next_pages(
        self, tool: Function, place: str, fields: Mapping[str, Any], first: Rows
    ) -> list[Rows]:
        """The pages after the first, one after the other, since their number is not known."""
        pages = [first]
        while len(pages) < MAX_PAGES and pages[-1].has_more:
            page = await self._page(tool, place, fields, len(pages))
            is_repeated = page.rows == pages[-1].rows
            pages.append(page)
            if page.why or is_repeated:
                break
        return pages[1:]

    async def _workspace_of(self, name: str) -> Workspace:
        """The workspace of an id or slug that is not in the list."""
        fields = await self.one(get_workspace, name, workspace_id=name)
        if not fields or not fields.get("id"):
            return Workspace(name, name, {})
        return Workspace.of({key: value for key, value in fields.items() if key != "users"})

    async def _workspaces_of_keys(self) -> list[Workspace]:
        """The workspaces that API keys name, as far as these may be listed."""
        keys = await self.rows(list_api_keys)
        ids = [*dict.fromkeys(str(k["workspace_id"]) for k in keys if k.get("workspace_id"))]
        if not ids:
            return []
        self._why_only_these = "those of API keys, since workspaces could not be listed"
        first = await self._workspace_of(ids[0])
        if not first.fields:  # neither may the others be read
            return [Workspace(each, each, {}) for each in ids]
        return [first, *await all_of(*map(self._workspace_of, ids[1 : MAX_WORKSPACES + 1]))]

    async def _call(
        self, tool: Function, place: str, fields: Mapping[str, Any], number: int
    ) -> tuple[Record | None, str]:
        """The answer of a tool to the page of this number, or why there is none."""
        arguments = arguments_of(tool, fields, number)
        async with self._slots:
            if why := self._limit_reached():
                self.note(tool, place, why)
                return None, why
            self._sent += 1
            try:
                record: Record = await tool(self.api, **arguments)
            except Unauthenticated:
                self._max_requests = 0
                raise
            except PortkeyAdminError as error:
                self._errors.setdefault(tool, error)
                why = why_failed(error)
                self.note(tool, place, why)
                return None, why
            finally:
                await self._report(tool)
        self._succeeded[tool_of(tool).name] += 1
        return record, ""

    def _limit_reached(self) -> str:
        """Why no further request is sent; empty if one may be."""
        if time.monotonic() > self._deadline:
            return f"not read within {TIMEOUT_S:.0f} seconds"
        limit = self._max_requests - self.reserved
        return f"not read with {limit} requests" if self._sent >= limit else ""

    async def _report(self, tool: Function) -> None:
        """Report how many requests are answered; how many there will be is not known."""
        self._answered += 1
        await report_progress(self._answered, None, f"{tool_of(tool).name} was read")


def at_least(count: int) -> str:
    """A count of rows of which not all were read, in words."""
    return f"at least {count}" if count else "not read"


async def all_of(*jobs: Awaitable[Any]) -> list[Any]:
    """The results of jobs that run at the same time; at the first error the others are stopped."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return [*await asyncio.gather(*tasks)]
    finally:
        for task in tasks:
            task.cancel()
