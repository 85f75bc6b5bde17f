"""What depends on an object: lists of this API that name it, read with bounds on requests and time.

What was not read completely is said to be so: its count is then a minimum.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..errors import PortkeyAdminError
from ..portkey.api import Portkey
from ..portkey.catalog import Dependants, LastUse, Tool
from ..portkey.gate import Change
from ..portkey.references import names_one_of, texts_in
from ..workflows.shared.timestamps import utc_timestamp
from .lists import ListReader, list_in
from .objects import IDS, PLACEHOLDER, ObjectNow, label_in, why_not_read
from .risk import matches, values_at

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


@dataclass
class Finding:
    """What was found out by reading. `why` says why it is not verified; empty if it is."""

    why: str = ""

    def note(self, why: str) -> None:
        """Say why it is not verified."""
        self.why = why


@dataclass
class DependantCount(Finding):
    """The objects of one kind that depend on another; `total` is a minimum if not verified."""

    kind: str = ""
    total: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, row: Any) -> None:
        """Count a row, and keep its name if few were kept so far."""
        self.total += 1
        if len(self.names) < MAX_NAMES:
            name = (label_in(row) or row.get("user_id")) if isinstance(row, dict) else row
            self.names.append(str(name))


@dataclass
class Use(Finding):
    """The use of an object in the last `USE_DAYS` days."""

    requests: int = 0
    last_seen: str = ""


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
    lists = ListReader(api)
    reader = _Reader(lists, change, now)
    kinds = [each for each in tool.dependants if not (each.of_organisation and reader.owner)]
    counts = [DependantCount(kind=each.kind) for each in kinds]
    use = Use() if tool.last_use else None
    jobs: list[tuple[Finding, Awaitable[Any]]] = [
        (count, reader.count(dependants, count))
        for dependants, count in zip(kinds, counts, strict=True)
    ]
    if tool.last_use and use:
        jobs.append((use, reader.last_use(tool.last_use, use)))
    if kinds or reader.owner:  # people know workspaces by their names
        jobs.append((Finding(), lists.list_workspaces()))
    try:
        await _run(jobs, timeout_s)
    finally:
        lists.close()
    for count in counts:
        count.names = [lists.name_of(name) for name in count.names]
    return Surroundings(counts, use, lists.workspaces)


async def _run(jobs: list[tuple["Finding", Awaitable[Any]]], timeout_s: float) -> None:
    """Run all jobs; note in the findings of those that take too long that they do."""
    if not jobs:
        return
    tasks = {asyncio.ensure_future(job): finding for finding, job in jobs}
    try:
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
    finally:
        for task in tasks:
            task.cancel()
    for task in late:
        tasks[task].note(f"it took longer than {timeout_s:g} s")
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def _facts(change: Change, now: ObjectNow) -> dict[str, Any]:
    """The fields of an object and the ids of its change, by which its dependants are listed."""
    fields = now.fields or {}
    given = {**change.query, **(change.body or {})}
    facts = {**now.above, **fields, **change.ids}
    for name in (WORKSPACE, "user_id"):
        facts[name] = change.ids.get(name) or given.get(name) or fields.get(name)
    facts[WORKSPACE] = facts[WORKSPACE] or fields.get("prompt_owning_workspace_id")
    for name in IDS:
        if not isinstance(facts.get(name), str):
            facts[name] = "".join([*change.ids.values()][-1:])
    return {name: value for name, value in facts.items() if value is not None}


class _Reader:
    """Counts what depends on one object."""

    def __init__(self, lists: ListReader, change: Change, now: ObjectNow) -> None:
        self._lists = lists
        self._facts = _facts(change, now)
        self._now = now
        own = [(fields or {}).get(name) for fields in (now.fields, now.above) for name in IDS]
        self._names = frozenset(map(str, filter(None, [*own, *[*change.ids.values()][-1:]])))

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
            count.note(why_not_read(error))

    def _count_own(self, dependants: Dependants, count: DependantCount) -> None:
        """Count what the object itself lists."""
        if self._now.fields is None:
            count.note(self._now.why)
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
        if why := await self._lists.list_workspaces():
            count.note(f"other workspaces: {why}")
        ids = list(dict.fromkeys(str(row["id"]) for row in self._lists.workspaces.values()))
        if len(ids) > MAX_WORKSPACES:
            count.note(f"only {MAX_WORKSPACES} of {len(ids)} workspaces were looked at")
        return ids[:MAX_WORKSPACES] or [None]

    async def _count_list(
        self, dependants: Dependants, count: DependantCount, workspace: str | None
    ) -> None:
        path = dependants.endpoint.partition(" ")[2]
        ids = {name: str(self._facts.get(name, "")) for name in PLACEHOLDER.findall(path)}
        query = {name: self._facts.get(source) for name, source in dependants.query}
        if workspace is not None:
            query[WORKSPACE] = workspace
        rows = self._lists.rows(path, ids, query, dependants.rows_in, count.note)
        if dependants.content:
            await self._count_read(dependants, count, [row async for row in rows], workspace)
            return
        async for row in rows:
            if self._depends(dependants, row):
                count.add(row)

    async def _count_read(
        self, dependants: Dependants, count: DependantCount, rows: list[Any], workspace: str | None
    ) -> None:
        """Read rows whole, and count those that depend on the object."""
        path = dependants.content.partition(" ")[2]
        query = {WORKSPACE: workspace} if workspace else {}

        async def read(row: dict[str, Any]) -> None:
            own_id = row.get("slug") or row.get("id")
            ids = {name: str(row.get(name) or own_id) for name in PLACEHOLDER.findall(path)}
            try:
                if self._depends(dependants, await self._lists.read(path, ids, query)):
                    count.add(row)
            except PortkeyAdminError as error:
                count.note(why_not_read(error))

        if len(rows) > MAX_ROWS_READ:
            count.note(f"only {MAX_ROWS_READ} of {len(rows)} were read")
        await asyncio.gather(*(read(row) for row in rows[:MAX_ROWS_READ] if isinstance(row, dict)))

    def _depends(self, dependants: Dependants, row: Any) -> bool:
        if dependants.unless and matches(row, dependants.unless):
            return False
        if not dependants.where:
            return True
        of = dependants.of
        names = frozenset([str(self._facts.get(of))]) if of else self._names
        parts = [row] if dependants.where == "*" else values_at(row, dependants.where)
        return any(names_one_of(text, names) for _path, text in texts_in(parts))

    async def last_use(self, last_use: LastUse, use: Use) -> None:
        """Look in analytics for requests that used the object."""
        field, now = last_use.field, self._lists.now()
        name = (self._now.fields or {}).get(field) or self._facts.get(field)
        query = {
            "time_of_generation_min": utc_timestamp(now - timedelta(days=USE_DAYS)),
            "time_of_generation_max": utc_timestamp(now),
            "columns": "requests,last_seen",
            last_use.filter: name,
        }
        slug, why = "", "analytics are of one workspace, and it belongs to none"
        if self.owner:
            slug, why = await self._lists.slug_of(self.owner)
        if slug:
            query["workspace_slug"] = slug
        try:
            path = "/analytics/groups/{group_by}"
            answer = await self._lists.read(path, {"group_by": last_use.group}, query)
        except PortkeyAdminError as error:
            use.note(why_not_read(error))
            return
        for row in list_in(answer, "data"):
            if isinstance(row, dict) and row.get(last_use.group) == name:
                use.requests = int(row.get("requests") or 0)
                use.last_seen = str(row.get("last_seen") or "")
        if not use.requests:
            use.note(why)
