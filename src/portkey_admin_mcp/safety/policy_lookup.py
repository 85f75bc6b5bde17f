"""Finds out which workspace an object is in, and by which names a workspace is known."""

import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ApiError
from ..models.core.base import unwrapped
from ..portkey.api import Portkey
from .policy_request import named_in

Names = frozenset[str]

MAX_NAMES = 1_000
"""Names of workspaces that are kept for each client."""
KEPT_S = 60.0
"""Seconds for which they are kept."""

_names: "WeakKeyDictionary[Portkey, dict[str, tuple[float, Names]]]" = WeakKeyDictionary()
"""For each client, the names (id and slug) of workspaces that it has read, and when."""


async def names_of(api: Portkey, workspace: str) -> Names | None:
    """All names of a workspace, its id and its slug; None if they cannot be read."""
    cache = _names.setdefault(api, {})
    now = time.monotonic()
    if workspace in cache and now - cache[workspace][0] < KEPT_S:
        return cache[workspace][1]
    try:
        answer = unwrapped(
            await api.read("/admin/workspaces/{workspace}", {"workspace": workspace}, {})
        )
    except ApiError:
        return None
    names = frozenset(str(answer[name]) for name in ("id", "slug") if answer.get(name))
    if workspace not in names:  # a key may be answered with its own workspace, whichever is named
        return None
    if len(cache) >= MAX_NAMES:
        cache.clear()
    cache.update(dict.fromkeys(names, (now, names)))
    return names


class Lookup:
    """Finds out which workspace an object is in, by reading it; each is read once."""

    def __init__(self, api: Portkey) -> None:
        self._api = api
        self._owners: dict[tuple[tuple[str, ...], str], str | None] = {}

    async def owner(
        self, collection: tuple[str, ...], object_id: str, place: Mapping[str, str]
    ) -> str | None:
        """The workspace of an object; None if it cannot be known."""
        key = (collection, object_id)
        if key not in self._owners:
            path = f"/{'/'.join(collection)}/{{object_id}}"
            try:
                answer = unwrapped(await self._api.read(path, {"object_id": object_id}, place))
            except ApiError:
                return None
            self._owners[key] = await self.owner_in(answer, place)
        return self._owners[key]

    async def owner_in(self, answer: Any, place: Mapping[str, str]) -> str | None:
        """The workspace that an object names, itself or by its collection."""
        if not isinstance(answer, dict):
            return None
        if owner := named_in(answer):
            return owner
        collection = answer.get("collection_id")
        if isinstance(collection, str) and collection:
            return await self.owner(("collections",), collection, place)
        return None
