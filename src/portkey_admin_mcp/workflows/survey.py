"""Reads many lists for one answer, and remembers what was not read. Shared code, not a tool."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ApiError, NotPermitted, PortkeyAdminError, Unauthenticated
from ..models.core.base import Record, unwrapped
from ..portkey.api import Portkey
from ..portkey.catalog import Function, tool_of
from ..portkey.progress import report_progress
from ..portkey.text_size import size
from ..tools.workspaces import list_workspaces
from .tool_arguments import PAGE_SIZE, arguments_of, takes_workspace

MAX_REQUESTS = 600
"""Requests of one answer; what is not read after them is named in it."""
MAX_PARALLEL = 8
MAX_PAGES = 10
MAX_WORKSPACES = 50
TIMEOUT_S = 45.0
"""Time after which no further request is sent: clients wait a minute."""
MAX_PLACES = 4
"""Workspaces or objects that are named for each list that was not read."""
MAX_NOT_SEEN_CHARS = 1_600
"""Size of what was not read, above which fewer places are named."""

NOT_PERMITTED = "not permitted: a policy or the limit to some workspaces"

Row = dict[str, Any]


@dataclass
class Rows:
    """The rows of a list; `why` says why it is not complete, and is empty if it is."""

    rows: list[Row] = field(default_factory=list)
    why: str = ""

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows."""
        return iter(self.rows)


@dataclass(frozen=True)
class Workspace:
    """A workspace whose lists are read. `id` is None for the key's own, if none can be listed."""

    id: str | None
    slug: str
    fields: Mapping[str, Any]

    @property
    def selector(self) -> dict[str, str]:
        """The argument by which a list is of this workspace."""
        return {} if self.id is None else {"workspace_id": self.id}

    @property
    def slug_selector(self) -> dict[str, str]:
        """The argument by which analytics are of this workspace."""
        return {} if self.id is None else {"workspace_slug": self.slug}


class Survey:
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
        self._unseen: dict[str, dict[str, list[str]]] = {}
        self._first_error: PortkeyAdminError | None = None
        self.workspaces: list[Workspace] = []
        self.reserved = 0
        """How many of the requests are reserved for later reads."""
        self._is_narrowed = False

    async def one(self, tool: Function, place: str = "", **fields: Any) -> Row | None:
        """The object that a tool reads; None if it could not be read. `place` names it."""
        record, why = await self._call(tool, place, fields, 0)
        answer = unwrapped(record.answer()) if record is not None and not why else None
        return answer if isinstance(answer, dict) else None

    async def rows(self, tool: Function, place: str = "", **fields: Any) -> Rows:
        """The rows that a tool lists, of all pages. `place` names the workspace or object."""
        result = Rows()
        last: list[Row] = []
        for number in range(MAX_PAGES):
            record, why = await self._call(tool, place, fields, number)
            if record is None or why:
                result.why = why
                return result
            answer = record.answer()
            values = answer.get(record.rows_in or "data")
            if not isinstance(values, list):
                result.why = "the answer holds no list"
                self._note(tool, place, result.why)
                return result
            rows = [each for each in values if isinstance(each, dict)]
            if rows and rows == last:  # a list without pages, which comes again
                return result
            result.rows += rows
            last = rows
            if not _has_more(answer, len(rows)):
                return result
        result.why = f"only the first {len(result.rows)} were read"
        self._note(tool, place, result.why)
        return result

    async def rows_anywhere(self, tool: Function, **fields: Any) -> Rows:
        """The rows of a list of the organisation; if only workspaces may be read, of each of them.

        A policy may limit a call to workspaces.
        """
        rows = await self.rows(tool, **fields)
        if rows.why != NOT_PERMITTED or not takes_workspace(tool):
            return rows
        self._unseen[rows.why].pop(tool_of(tool).name, None)
        places = [each for each in self.workspaces if each.id is not None]
        parts = await all_of(
            *(self.rows(tool, each.slug, **fields, **each.selector) for each in places)
        )
        whys = [part.why for part in parts if part.why]
        return Rows([row for part in parts for row in part], whys[0] if whys else "")

    async def read_workspaces(self, workspace: str = "") -> list[Workspace]:
        """List the workspaces, or only the one with this id or slug.

        If they cannot be listed, there is one for the lists of the key's own workspace.
        """
        listed = await self.rows(list_workspaces)
        candidates = [
            Workspace(str(row["id"]), str(row.get("slug") or row["id"]), row)
            for row in listed
            if row.get("id")
        ]
        self._is_narrowed = bool(workspace)
        if workspace:
            candidates = [each for each in candidates if workspace in (each.id, each.slug)] or [
                Workspace(workspace, workspace, {})
            ]
        if len(candidates) > MAX_WORKSPACES:
            self._note(
                list_workspaces, "", f"only {MAX_WORKSPACES} of {len(candidates)} were looked at"
            )
        if not candidates:
            candidates = [Workspace(None, "the key's own", {})]
        self.workspaces = candidates[:MAX_WORKSPACES]
        return self.workspaces

    def slug_of(self, workspace: Any) -> str | None:
        """The slug of a workspace by its id or slug; the same text if it was not listed."""
        for each in self.workspaces:
            if workspace in (each.id, each.slug):
                return each.slug
        return None if workspace is None else str(workspace)

    def require_something(self) -> None:
        """Raise the first error if nothing at all could be read."""
        if not self._succeeded and self._first_error is not None:
            raise self._first_error

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
        """What was not read, a sentence for each reason; many places are counted, not named."""
        for max_places in (MAX_PLACES, 1, 0):
            sentences = [
                f"{why}: " + "; ".join(self._named(each, places, max_places) for each, places in t)
                for why, t in ((why, tools.items()) for why, tools in self._unseen.items() if tools)
            ]
            if size("".join(sentences)) <= MAX_NOT_SEEN_CHARS:
                break
        return sentences

    @property
    def looked_in(self) -> str:
        """Which workspaces were looked at."""
        slugs = [each.slug for each in self.workspaces]
        if len(slugs) == 1:
            why = "" if self._is_narrowed else ": a workspace's key sees no other"
            return f"{slugs[0]} only{why}"
        rest = f" and {len(slugs) - MAX_PLACES} more" if len(slugs) > MAX_PLACES else ""
        return f"{len(slugs)} workspaces: {', '.join(slugs[:MAX_PLACES])}{rest}"

    def total(self, count: int, *tools: Function) -> int | str:
        """A count of rows that these tools list; in words if one of them was not read whole."""
        names = {tool_of(tool).name for tool in tools}
        failed = {each.partition(" ")[0] for tools in self._unseen.values() for each in tools}
        if not names & failed:
            return count
        return f"at least {count}" if count else "not read"

    def note(self, tool: Function, place: str, why: str) -> None:
        """Remember that what a tool shows of a place was not read."""
        self._note(tool, place, why)

    async def _call(
        self, tool: Function, place: str, fields: Mapping[str, Any], number: int
    ) -> tuple[Record | None, str]:
        """The answer of a tool to the page of this number, or why there is none."""
        arguments = arguments_of(tool, fields, number)
        async with self._slots:
            if (
                self._sent >= self._max_requests - self.reserved
                or time.monotonic() > self._deadline
            ):
                why = f"not read, for this answer has taken {self._sent} requests"
                self._note(tool, place, why)
                return None, why
            self._sent += 1
            try:
                record: Record = await tool(self.api, **arguments)
            except Unauthenticated:
                self._max_requests = 0
                raise
            except PortkeyAdminError as error:
                self._first_error = self._first_error or error
                why = _why(error, tool)
                self._note(tool, place, why)
                return None, why
            finally:
                await self._report(tool)
        self._succeeded[tool_of(tool).name] += 1
        return record, ""

    async def _report(self, tool: Function) -> None:
        """Report how many requests are answered; how many there will be is not known."""
        self._answered += 1
        await report_progress(self._answered, None, f"{tool_of(tool).name} was read")

    def _named(self, tool: str, places: list[str], max_places: int) -> str:
        """A tool, with the places of which it was not read."""
        if not places:
            return tool
        if len(places) > 1 and len(places) == len(self.workspaces):
            return f"{tool} of all workspaces"
        names = places[:max_places]
        rest = [f"{len(places) - len(names)} more"] if len(places) > len(names) else []
        return f"{tool} of {', '.join([*names, *rest])}"

    def _note(self, tool: Function, place: str, why: str) -> None:
        places = self._unseen.setdefault(why, {}).setdefault(_label(tool, why), [])
        if place and place not in places:
            places.append(place)


async def all_of(*jobs: Awaitable[Any]) -> list[Any]:
    """The results of jobs that run at the same time; at the first error the others are stopped."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return [*await asyncio.gather(*tasks)]
    finally:
        for task in tasks:
            task.cancel()


def _has_more(answer: Row, count: int) -> bool:
    """Whether another page follows; if the answer does not say, whether this one is full."""
    has_more = answer.get("has_more")
    return has_more if isinstance(has_more, bool) else count >= PAGE_SIZE


def _why(error: PortkeyAdminError, tool: Function) -> str:
    """Why a read failed, without what Portkey wrote: that could be anything."""
    if isinstance(error, NotPermitted):
        return NOT_PERMITTED
    status = error.status if isinstance(error, ApiError) else None
    if status == 403:
        return "403 (no such scope, another kind of key, or the plan)"
    if status == 402:
        return "402 (the plan)"
    return f"{status or type(error).__name__}"


def _label(tool: Function, why: str) -> str:
    """A tool, after a refusal with the scopes that it needs."""
    declared = tool_of(tool)
    if not why.startswith("403") or not declared.scopes:
        return declared.name
    return f"{declared.name} [{declared.scopes_in_words}]"
