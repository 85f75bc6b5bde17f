"""What requests to models used, as analytics group them. Shared code, not a tool."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..tools.analytics import get_analytics_group
from .survey import Survey, Workspace
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


@dataclass(frozen=True)
class Uses:
    """The uses of the objects of one kind, by id or slug; `why` says why they are not all known."""

    by_name: Mapping[str, Use]
    why: str = ""


class Traffic:
    """Reads each group of requests of a period once."""

    def __init__(self, survey: Survey, start: datetime, end: datetime) -> None:
        self._survey = survey
        self._period = {
            "time_of_generation_min": utc_timestamp(start),
            "time_of_generation_max": utc_timestamp(end),
            "columns": ["requests", "last_seen"],
        }
        self._reads: dict[tuple[str, str], asyncio.Task[Uses]] = {}

    async def by(self, group: str, workspace: Workspace) -> Uses:
        """The uses of each value of a group in a workspace."""
        key = (group, workspace.slug)
        if key not in self._reads:
            self._reads[key] = asyncio.ensure_future(self._read(group, workspace, {}))
        return await self._reads[key]

    async def of_person(self, name: str, workspace: Workspace) -> Uses:
        """The uses of API keys by requests whose metadata names a person."""
        return await self._read("api_key", workspace, {"metadata": json.dumps({PERSON: name})})

    async def _read(self, group: str, workspace: Workspace, filters: Mapping[str, Any]) -> Uses:
        rows = await self._survey.rows(
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
            requests = each.get("requests")
            if name and isinstance(requests, int | float) and requests > 0:
                uses[name] = Use(int(requests), _text(each.get("last_seen")))
        return Uses(uses, rows.why)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
