"""List what was changed through this server."""

from typing import Any

from pydantic import Field

from ...domains import CHANGES
from ...models.core.base import ABSENT, Arguments, Record
from ...portkey.api import Portkey
from ...portkey.catalog import workflow
from ..inspection import current_inspector
from ..journal.changes import Change, is_of_caller, latest_changes

DOMAIN = CHANGES
DEFAULT_LIMIT = 20
MAX_LIMIT = 200
SHOWN = ("change", "at", "principal", "client", "tool", "object", "state", "why", "reverts")


class ChangeFilter(Arguments):
    """Which changes to list."""

    tool: str = Field(default=ABSENT, description="Its name.")
    object: str = Field(default=ABSENT, description="Part of its name or id.")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


@workflow(effect="read")
async def list_changes(_api: Portkey, filter: ChangeFilter) -> Record:
    """List changes made through this server, newest first."""

    def matches(change: Change) -> bool:
        if not is_of_caller(change):
            return False
        if filter.tool and change["tool"] != filter.tool:
            return False
        text = f"{change['object']} {change['request']}".lower()
        return not filter.object or filter.object.lower() in text

    changes = await latest_changes(current_inspector.get().journal, filter.limit, matches)
    return Record.read({"changes": [_row(change) for change in changes]})


def _row(change: Change) -> dict[str, Any]:
    return {name: change[name] for name in SHOWN if change.get(name)}
