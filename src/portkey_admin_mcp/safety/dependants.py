"""What depends on an object: lists of this API that name it, read with bounds on requests and time.

What was not read completely is said to be so: its count is then a minimum.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..errors import PortkeyAdminError
from ..portkey.api import Base, Portkey
from ..portkey.catalog import Dependants, LastUse, Tool
from ..portkey.gate import Change
from ..workflows.timestamps import utc_timestamp
from .objects import PLACEHOLDER, ObjectNow, label_in, why_not_read
from .risk import matches, values_at

MAX_PARALLEL = 8
"""Requests that are sent at the same time."""
MAX_PAGES = 3
PAGE_SIZE = 100
MAX_ROWS_READ = 40
"""Rows of a list that are read whole, one request each."""
MAX_WORKSPACES = 10
"""Workspaces whose lists are read for an object of the organisation."""
TIMEOUT_S = 5.0
MAX_NAMES = 5
"""Names that are kept of each kind; the rest is counted."""
USE_DAYS = 30
"""Days before now in which the use of an object is looked for."""
WORKSPACE = "workspace_id"
PARTIAL = re.compile(r"\{\{>\s*([\w-]+)\s*\}\}")


@dataclass
class DependantCount:
    """The objects of one kind that depend on another. `why` says why not all were looked at."""

    kind: str
    total: int = 0
    names: list[str] = field(default_factory=list)
    why: str = ""

    def add(self, row: Any) -> None:
        """Count a row, and keep its name if few were kept so far."""
        self.total += 1
        if len(self.names) < MAX_NAMES:
            name = (label_in(row) or row.get("user_id")) if isinstance(row, dict) else row
            self.names.append(str(name))


@dataclass
class Use:
    """The use of an object in the last `USE_DAYS` days; `why` says why it is not known."""

    requests: int = 0
    last_seen: str = ""
    why: str = ""


@dataclass
class Surroundings:
    """What depends on an object, and when it was last used; None if analytics do not show it.

    `workspaces` are those that were listed on the way, by id and by slug.
    """

    counts: list[DependantCount]
    use: Use | None = None
    workspaces: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a deletion that could be restored is of high risk after all; empty if it is not."""
        reasons = [
            f"{count.kind} depend on it: {'at least ' if count.why else ''}{count.total}"
            for count in self.counts
            if count.total
        ]
        if self.use is not None and self.use.requests:
            reasons.append(f"requests used it in the last {USE_DAYS} days")
        unverified = [count.kind for count in self.counts if count.why and not count.total]
        if self.use is not None and self.use.why:
            unverified.append("its last use")
        if unverified:
            reasons.append(f"not verified: {', '.join(unverified)}")
        return tuple(reasons)


async def look_around(
    tool: Tool, api: Portkey, change: Change, now: ObjectNow, timeout_s: float = TIMEOUT_S
) -> Surroundings:
    """Count what depends on the object of a change; nothing that is read fails the whole."""
    reader = _Reader(api, _facts(change, now), now)
    kinds = [each for each in tool.dependants if not (each.of_organisation and reader.owner)]
    counts = [DependantCount(each.kind) for each in kinds]
    use = Use() if tool.last_use else None
    jobs: list[asyncio.Task[Any]] = [
        asyncio.create_task(reader.count(dependants, count))
        for dependants, count in zip(kinds, counts, strict=True)
    ]
    if tool.last_use and use:
        jobs.append(asyncio.create_task(reader.last_use(tool.last_use, use)))
    results: list[DependantCount | Use] = [*counts, *([use] if use else [])]
    if kinds or reader.owner:  # people know workspaces by their names
        results.append(DependantCount("workspaces"))
        jobs.append(asyncio.create_task(reader.list_workspaces()))
    if jobs:
        await _wait(jobs, results, timeout_s)
    for count in counts:
        count.names = [reader.name_of(name) for name in count.names]
    return Surroundings(counts, use, reader.workspaces)


async def _wait(
    jobs: list[asyncio.Task[Any]], results: list[DependantCount | Use], timeout_s: float
) -> None:
    """Wait for the jobs, and note in the results of those that took too long that they did."""
    try:
        _, late = await asyncio.wait(jobs, timeout=timeout_s)
    finally:
        for job in jobs:
            job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    for job, result in zip(jobs, results, strict=True):
        if job in late:
            result.why = f"it took longer than {timeout_s:g} s"
        elif not job.cancelled() and (error := job.exception()) is not None:
            raise error


def _facts(change: Change, now: ObjectNow) -> dict[str, Any]:
    """The fields of an object and the ids of its change, by which its dependants are listed."""
    fields = dict(now.fields or {})
    owner = fields.get(WORKSPACE) or fields.get("prompt_owning_workspace_id")
    given = {**change.query, **(change.body or {})}
    facts = {**fields, **change.ids}
    for name in (WORKSPACE, "user_id"):
        facts[name] = change.ids.get(name) or given.get(name) or fields.get(name)
    facts[WORKSPACE] = facts[WORKSPACE] or owner
    last_id = [*change.ids.values()][-1:]
    for name in ("id", "slug"):
        if not isinstance(facts.get(name), str) and last_id:
            facts[name] = last_id[0]
    return {name: value for name, value in facts.items() if value is not None}


class _Reader:
    """Reads lists about one object, at most MAX_PARALLEL requests at a time."""

    def __init__(self, api: Portkey, facts: Mapping[str, Any], now: ObjectNow) -> None:
        self._api = api
        self._facts = facts
        self._now = now
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._listing: asyncio.Task[DependantCount] | None = None
        self.workspaces: dict[str, dict[str, Any]] = {}
        """The workspaces that were listed, by id and by slug."""
        names = (facts.get(name) for name in ("id", "slug"))
        self._names = frozenset(str(name) for name in names if name)

    @property
    def owner(self) -> str:
        """The id or slug of the workspace of the object; empty if it is the organisation's."""
        return str(self._facts.get(WORKSPACE) or "")

    async def count(self, dependants: Dependants, count: DependantCount) -> None:
        """Add each row that depends on the object to the count."""
        if not dependants.endpoint:
            self._count_own(dependants, count)
            return
        try:
            for workspace in await self._workspaces(dependants, count):
                await self._count_list(dependants, count, workspace)
        except PortkeyAdminError as error:
            count.why = why_not_read(error)

    def _count_own(self, dependants: Dependants, count: DependantCount) -> None:
        """Count what the object itself lists."""
        if self._now.fields is None:
            count.why = self._now.why
        for value in values_at(self._now.fields, dependants.rows_in):
            count.add(value)

    async def _workspaces(
        self, dependants: Dependants, count: DependantCount
    ) -> Iterable[str | None]:
        """The workspaces whose lists are read; None stands for the one of the key."""
        if not dependants.by_workspace:
            return [None]
        if self.owner:
            return [self.owner]
        if why := await self.list_workspaces():
            count.why = f"other workspaces: {why}"
        ids = list(dict.fromkeys(str(row["id"]) for row in self.workspaces.values()))
        if len(ids) > MAX_WORKSPACES:
            count.why = f"only {MAX_WORKSPACES} of {len(ids)} workspaces were looked at"
        return ids[:MAX_WORKSPACES] or [None]

    async def list_workspaces(self) -> str:
        """List the workspaces, once; why not all of them were, empty if they were."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._list_workspaces())
        return (await asyncio.shield(self._listing)).why

    async def _list_workspaces(self) -> DependantCount:
        count = DependantCount("workspaces")
        try:
            async for row in self._rows("/admin/workspaces", {}, {}, "data", count):
                if isinstance(row, dict) and row.get("id"):
                    self.workspaces |= {str(row[n]): row for n in ("id", "slug") if row.get(n)}
        except PortkeyAdminError as error:
            count.why = why_not_read(error)
        return count

    def name_of(self, name: str) -> str:
        """The name of a workspace that a list shows by its id or slug; else the same."""
        return label_in(self.workspaces.get(name, {})) or name

    async def _count_list(
        self, dependants: Dependants, count: DependantCount, workspace: str | None
    ) -> None:
        path = dependants.endpoint.partition(" ")[2]
        ids = {name: str(self._facts.get(name, "")) for name in PLACEHOLDER.findall(path)}
        query = {name: self._facts.get(source) for name, source in dependants.query}
        if workspace is not None:
            query[WORKSPACE] = workspace
        rows = self._rows(path, ids, query, dependants.rows_in, count)
        if not dependants.content:
            async for row in rows:
                if self._depends(dependants, row):
                    count.add(row)
            return
        all_rows = [row async for row in rows if isinstance(row, dict)]
        if len(all_rows) > MAX_ROWS_READ:
            count.why = f"only {MAX_ROWS_READ} of {len(all_rows)} were read"
        await asyncio.gather(
            *(
                self._count_read(dependants, count, row, workspace)
                for row in all_rows[:MAX_ROWS_READ]
            )
        )

    async def _count_read(
        self, dependants: Dependants, count: DependantCount, row: Any, workspace: str | None
    ) -> None:
        """Read a row whole, and count it if it depends on the object."""
        path = dependants.content.partition(" ")[2]
        own_id = row.get("slug") or row.get("id")
        ids = {name: str(row.get(name) or own_id) for name in PLACEHOLDER.findall(path)}
        try:
            whole = await self._read(path, ids, {WORKSPACE: workspace} if workspace else {})
        except PortkeyAdminError as error:
            count.why = why_not_read(error)
            return
        if self._depends(dependants, whole):
            count.add(row)

    def _depends(self, dependants: Dependants, row: Any) -> bool:
        if dependants.unless and matches(row, dependants.unless):
            return False
        if not dependants.where:
            return True
        of = dependants.of
        names = frozenset([str(self._facts.get(of))]) if of else self._names
        parts = [row] if dependants.where == "*" else values_at(row, dependants.where)
        return any(_mentions(text, names) for text in _texts(parts))

    async def last_use(self, last_use: LastUse, use: Use) -> None:
        """Look in analytics for requests that used the object."""
        name, now = self._facts.get(last_use.field), self._api.now()
        query = {
            "time_of_generation_min": utc_timestamp(now - timedelta(days=USE_DAYS)),
            "time_of_generation_max": utc_timestamp(now),
            "columns": "requests,last_seen",
            last_use.filter: name,
        }
        try:
            slug, why = await self._workspace_slug()
            if slug:
                query["workspace_slug"] = slug
            path = "/analytics/groups/{group_by}"
            answer = await self._read(path, {"group_by": last_use.group}, query)
        except PortkeyAdminError as error:
            use.why = why_not_read(error)
            return
        for row in _list_in(answer, "data"):
            if isinstance(row, dict) and row.get(last_use.group) == name:
                use.requests = int(row.get("requests") or 0)
                use.last_seen = str(row.get("last_seen") or "")
        if not use.requests:
            use.why = why

    async def _workspace_slug(self) -> tuple[str, str]:
        """The slug of the object's workspace, as analytics want it; if not, why."""
        owner = self.owner
        if not owner:
            return "", "analytics are of one workspace, and it belongs to none"
        await self.list_workspaces()
        if slug := self.workspaces.get(owner, {}).get("slug"):
            return str(slug), ""
        try:
            answer = await self._read("/admin/workspaces/{workspace_id}", {WORKSPACE: owner}, {})
        except PortkeyAdminError as error:
            return "", f"its workspace: {why_not_read(error)}"
        slug = answer.get("slug") if isinstance(answer, dict) else None
        return str(slug or owner), ""

    async def _rows(
        self,
        path: str,
        ids: Mapping[str, str],
        query: Mapping[str, Any],
        rows_in: str,
        count: DependantCount,
    ) -> AsyncIterator[Any]:
        """The rows of the first pages of a list; `count` is told if there are more."""
        before = 0
        last_rows: list[Any] = []
        for page in range(MAX_PAGES):
            place = {"page_size": PAGE_SIZE, "current_page": page}
            answer = await self._read(path, ids, {**query, **place})
            rows = _list_in(answer, rows_in)
            if page and rows == last_rows:
                return  # the list has no pages, and was answered whole
            last_rows = rows
            for row in rows:
                yield row
            before += len(rows)
            total = answer.get("total") if isinstance(answer, dict) else None
            has_more = isinstance(total, int) and before < total
            if not rows or not (has_more or (total is None and len(rows) >= PAGE_SIZE)):
                return
        count.why = f"only the first {before} were looked at"

    async def _read(self, path: str, ids: Mapping[str, str], query: Mapping[str, Any]) -> Any:
        async with self._slots:
            base: Base = "root" if path.startswith("/v2/") else "v1"
            return await self._api.read(path, ids, query, base)


def _list_in(answer: Any, name: str) -> list[Any]:
    rows = answer.get(name) if isinstance(answer, dict) else answer
    return rows if isinstance(rows, list) else []


def _texts(node: Any) -> Iterable[str]:
    """Each text in a JSON value, and in JSON that is kept as text."""
    if isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node
        if node[:1] in ("{", "["):
            try:
                yield from _texts(json.loads(node))
            except ValueError:
                return


def _mentions(text: str, names: frozenset[str]) -> bool:
    """Whether a text is a name, `@name`, `@name/model`, or a template that includes a partial."""
    if text in names or (text.startswith("@") and text[1:].partition("/")[0] in names):
        return True
    return any(name in names for name in PARTIAL.findall(text))
