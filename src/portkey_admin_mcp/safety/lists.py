"""Reads lists of this API for a preview, with bounds on pages and on requests at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from ..errors import PortkeyAdminError
from ..portkey.api import Base, Portkey
from .objects import label_in, why_not_read

MAX_PARALLEL = 8
"""Requests that are sent at the same time."""
MAX_PAGES = 3
PAGE_SIZE = 100

Note = Callable[[str], None]
"""Is told why a list was not read to its end."""


class ListReader:
    """Reads lists, at most MAX_PARALLEL requests at a time. `close` it at the end."""

    def __init__(self, api: Portkey) -> None:
        self._api = api
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._listing: asyncio.Task[str] | None = None
        self.workspaces: dict[str, dict[str, Any]] = {}
        """The workspaces that were listed, by id and by slug."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return self._api.now()

    def close(self) -> None:
        """Stop what is still running."""
        if self._listing is not None:
            self._listing.cancel()

    async def read(self, path: str, ids: Mapping[str, str], query: Mapping[str, Any]) -> Any:
        """The answer to a GET; raises one of the errors in `errors`."""
        async with self._slots:
            base: Base = "root" if path.startswith("/v2/") else "v1"
            return await self._api.read(path, ids, query, base)

    async def rows(
        self,
        path: str,
        ids: Mapping[str, str],
        query: Mapping[str, Any],
        rows_in: str,
        note: Note,
    ) -> AsyncIterator[Any]:
        """The rows of the first pages of a list, in its field `rows_in`.

        Unless the answer says that it was the last page, another one is read: a list without
        pages then comes again.
        """
        count = 0
        last_rows: list[Any] = []
        for page in range(MAX_PAGES):
            place = {"page_size": PAGE_SIZE, "current_page": page}
            answer = await self.read(path, ids, {**query, **place})
            rows = list_in(answer, rows_in)
            is_again = rows == last_rows
            if not is_again:
                for row in rows:
                    yield row
                count += len(rows)
            if _is_last(answer, count) or (is_again and _total(answer) is None):
                return
            if is_again:
                break
            last_rows = rows
        note(f"only the first {count} were looked at")

    async def list_workspaces(self) -> str:
        """List the workspaces, once; why not all of them were, empty if they were."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._list_workspaces())
        return await asyncio.shield(self._listing)

    async def _list_workspaces(self) -> str:
        notes: list[str] = []
        try:
            async for row in self.rows("/admin/workspaces", {}, {}, "data", notes.append):
                if isinstance(row, dict) and row.get("id"):
                    self.workspaces |= {str(row[n]): row for n in ("id", "slug") if row.get(n)}
        except PortkeyAdminError as error:
            return why_not_read(error)
        return "".join(notes)

    async def slug_of(self, workspace: str) -> tuple[str, str]:
        """The slug of a workspace by its id or slug; if it cannot be read, why."""
        await self.list_workspaces()
        if slug := self.workspaces.get(workspace, {}).get("slug"):
            return str(slug), ""
        path = "/admin/workspaces/{workspace_id}"
        try:
            answer = await self.read(path, {"workspace_id": workspace}, {})
        except PortkeyAdminError as error:
            return "", f"its workspace: {why_not_read(error)}"
        slug = answer.get("slug") if isinstance(answer, dict) else None
        return str(slug or workspace), ""

    def name_of(self, name: str) -> str:
        """The name of a workspace that a list shows by its id or slug; else the same."""
        return label_in(self.workspaces.get(name, {})) or name


def list_in(answer: Any, name: str) -> list[Any]:
    """The list in a field of an answer, or the answer if it is a list; else an empty one."""
    rows = answer.get(name) if isinstance(answer, dict) else answer
    return rows if isinstance(rows, list) else []


def _is_last(answer: Any, count: int) -> bool:
    """Whether an answer says that no row follows after so many."""
    total = _total(answer)
    if total is not None:
        return count >= total
    return isinstance(answer, dict) and answer.get("has_more") is False


def _total(answer: Any) -> int | None:
    total = answer.get("total") if isinstance(answer, dict) else None
    return total if isinstance(total, int) else None
