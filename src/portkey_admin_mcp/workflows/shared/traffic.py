"""What requests to models used, as analytics group them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...tools.analytics import get_analytics_group
from .reads import Reads
from .rows import SLUG_UNKNOWN, Workspace, exact
from .timestamps import utc_timestamp

LOOKBACK_DAYS = 90
"""Days before now in which the last use is looked for."""
PERSON = "_user"
"""The key of metadata that names the person of a request."""


@dataclass(frozen=True)
class Use:
    """Requests that used an object, and the time of the last one (ISO 8601), if it is known."""

    requests: int
    last_seen: str | None

    def __add__(self, other: "Use") -> "Use":
        last = max(filter(None, (self.last_seen, other.last_seen)), default=None)
        return Use(self.requests + other.requests, last)


@dataclass(frozen=True)
class Uses:
    """The uses of the objects of one kind, by id or slug; `why` says why they are not all known."""

    by_name: Mapping[str, Use]
    why: str = ""


class Traffic:
    """Reads each group of requests of a period once."""

    def __init__(self, reads: Reads, start: datetime, end: datetime) -> None:
        self._reads = reads
        self._period = {
            "time_of_generation_min": utc_timestamp(start),
            "time_of_generation_max": utc_timestamp(end),
            "columns": ["requests", "last_seen"],
        }
        self._uses: dict[tuple[str, str], asyncio.Task[Uses]] = {}

    async def by(self, group: str, workspace: Workspace) -> Uses:
        """The uses of each value of a group in a workspace."""
        key = (group, workspace.slug)
        if key not in self._uses:
            self._uses[key] = asyncio.ensure_future(self._read(group, workspace, {}))
        return await self._uses[key]

    async def of_person(self, name: str, workspace: Workspace) -> Uses:
        """The uses of API keys by requests whose metadata names a person."""
        return await self._read("api_key", workspace, {"metadata": json.dumps({PERSON: name})})

    async def _read(self, group: str, workspace: Workspace, filters: Mapping[str, Any]) -> Uses:
        if not workspace.has_slug:
            self._reads.note(get_analytics_group, workspace.slug, SLUG_UNKNOWN)
            return Uses({}, SLUG_UNKNOWN)
        rows = await self._reads.rows(
            get_analytics_group,
            workspace.slug,
            group_by=group,
            **workspace.slug_selector,
            **self._period,
            **filters,
        )
        uses: dict[str, Use] = {}
        for each in rows:
            name = str(each.get(group) or "").removeprefix("@")
            requests = exact(each.get("requests"))
            if name and requests > 0:
                use = Use(int(requests), _text(each.get("last_seen")))
                uses[name] = uses[name] + use if name in uses else use
        return Uses(uses, rows.why)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
