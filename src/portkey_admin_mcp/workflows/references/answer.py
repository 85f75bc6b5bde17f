"""What `find_references` answers: the objects that name a text, with their last use."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ...models.core.findings import Findings
from ...portkey.api import Portkey
from ...portkey.catalog import Function, LastUse
from ...tools.analytics import get_analytics_group
from ...tools.api_keys import LAST_USE as KEY_USE
from ...tools.configs import LAST_USE as CONFIG_USE
from ...tools.organisation import get_organisation_defaults
from ...tools.prompts import LAST_USE as PROMPT_USE
from ...tools.providers import LAST_USE as PROVIDER_USE
from ..shared.brief import day, fitted, row, short
from ..shared.reads import Reads, all_of
from ..shared.rows import Row
from ..shared.traffic import LOOKBACK_DAYS, Traffic
from .search import (
    BY_ENDPOINT,
    INSIDE,
    LISTING,
    LISTS,
    SearchText,
    Stored,
    read_contents,
    read_lists,
)

READS = (*LISTING, get_analytics_group)
LAST_USE: Mapping[str, LastUse] = {
    "configs": CONFIG_USE,
    "prompts": PROMPT_USE,
    "providers": PROVIDER_USE,
    "api_keys": KEY_USE,
}
"""The kinds of which analytics show the last use."""
NEXT = {
    "configs": "get_config(slug), update_config",
    "prompts": "get_prompt(prompt_id), update_prompt, publish_prompt",
    "partials": "get_prompt_partial, update_prompt_partial",
    "guardrails": "get_guardrail, update_guardrail",
    "providers": "update_provider(slug), update_virtual_key(slug)",
    "integrations": "update_integration(slug), update_integration_models",
    "mcp": "update_mcp_server, update_mcp_integration",
    "workspaces": "update_workspace(workspace_id)",
    "api_keys": "update_api_key(id)",
    "limits": "update_usage_limit(id), update_rate_limit(id)",
    "collections": "update_collection",
    "labels": "update_prompt_label",
    "organisation": "update_organisation_defaults, update_deployment, update_secret_reference",
}
"""What to call next for objects of each kind."""
CANNOT_TELL = (
    "Not searched: unpublished versions of prompts (labels excepted), old versions of configs, "
    "logs, people (see find_access). Secrets are hidden before the search."
)
MAX_PATHS = 4
"""Places in an object that are shown."""
MAX_USES = 40
"""Objects whose last use is read without a limit: more are not shown."""
RESERVED_FOR_USES = 100
"""Requests that are reserved for reading last uses."""
MAX_TARGETS = 5
"""Objects with the name that are shown."""


async def references_to(
    api: Portkey, text: str, kinds: Sequence[str], workspace_id: str, limit: int | None
) -> Findings:
    """The objects of these kinds that name a text, or the object with that name.

    Lists of all kinds are read, so that the other names of an object are known; only objects of
    the chosen kinds are read whole and searched.
    """
    reads = Reads(api)
    workspaces = await reads.read_workspaces(workspace_id)
    stored = await read_lists(reads, workspaces)
    reads.require_something()
    query = SearchText(text)
    targets = [each for each in stored if query.is_of(each)]
    for target in targets:
        query.add(target)
    searched = [each for each in stored if each.kind in kinds and _is_in(each, reads)]
    reads.reserved = RESERVED_FOR_USES
    await read_contents(reads, searched, any(each.kind == "labels" for each in targets))
    reads.reserved = 0
    matches, part_count = query.matches_in(each for each in searched if each not in targets)
    uses = LastUses(reads)
    rows = await all_of(
        *(
            _row(each, reads, uses if n < (limit or MAX_USES) else None)
            for n, each in enumerate(matches)
        )
    )
    head = row(
        text=query.text,
        names=await all_of(*(_row(each, reads, uses) for each in targets[:MAX_TARGETS])),
        text_last_used=None if targets else await uses.of_model(query.text),
        more_names=len(targets[MAX_TARGETS:]) or None,
        total=reads.total(len(rows), *_tools_of(kinds)),
        as_part_of_longer_words=part_count or None,
        searched=_counts(reads, kinds, searched),
        looked_in=reads.looked_in,
    )
    narrow = "narrow with kinds or workspace_id, or give a limit"
    return fitted(head, {"references": rows}, _tail(reads, matches), narrow, limit)


def _counts(reads: Reads, kinds: Sequence[str], searched: Iterable[Stored]) -> Row:
    """How many objects of each kind were searched; in words if not all were."""
    counts = Counter(each.kind for each in searched)
    return {kind: reads.total(counts[kind], *_tools_of([kind])) for kind in kinds}


def _tools_of(kinds: Iterable[str]) -> list[Function]:
    """The tools that show objects of these kinds and what is in them."""
    lists = [each for kind in kinds for each in LISTS[kind]]
    inside = [each for outer in lists for each in INSIDE.get(outer, ())]
    endpoints = [e for each in (*lists, *inside) for e in (each.endpoint, each.content) if e]
    defaults = [get_organisation_defaults] if "organisation" in kinds else []
    return [*(BY_ENDPOINT[each] for each in endpoints), *defaults]


def _tail(reads: Reads, matches: Iterable[Stored]) -> Row:
    kinds = {each.kind for each in matches}
    return {
        "next": {kind: step for kind, step in NEXT.items() if kind in kinds},
        "not_seen": reads.not_seen,
        "cannot_tell": CANNOT_TELL,
        "known_by": reads.known_by,
    }


def _is_in(stored: Stored, reads: Reads) -> bool:
    """Whether an object is in one of the workspaces that are looked at, or in none."""
    place = stored.row.get("workspace_id")
    if place is None or reads.workspaces[0].id is None:
        return True
    return any(place in (each.id, each.slug) for each in reads.workspaces)


async def _row(stored: Stored, reads: Reads, uses: "LastUses | None") -> Row:
    """What is shown of an object, with its last use with `uses`."""
    place = stored.workspace.slug if stored.workspace else stored.row.get("workspace_id")
    paths = stored.paths[:MAX_PATHS]
    more = len(stored.paths) - len(paths)
    return row(
        kind=stored.dependants.kind,
        id=stored.own_id,
        name=short(stored.name),
        workspace=reads.slug_of(place),
        where=[*map(short, paths), *([f"{more} more"] if more else [])],
        last_used=await uses.of(stored) if uses else None,
    )


class LastUses:
    """Reads when objects were last used, as far as analytics show it."""

    def __init__(self, reads: Reads) -> None:
        now = reads.api.now()
        self._reads = reads
        self._traffic = Traffic(reads, now - timedelta(days=LOOKBACK_DAYS), now)

    async def of(self, stored: Stored) -> str | None:
        """When an object was last used; None if analytics do not show its kind."""
        last_use = LAST_USE.get(stored.kind)
        if last_use is None:
            return None
        place = stored.workspace.slug if stored.workspace else stored.row.get("workspace_id")
        if place is None:  # a key of the organisation, which calls no models
            return "unknown"
        return await self._last(last_use.group, stored.row.get(last_use.field), place)

    async def of_model(self, model: str) -> str:
        """When requests last named a model, in any workspace that is looked at."""
        return await self._last("model", model, None)

    async def _last(self, group: str, name: Any, place: Any) -> str:
        if name is None:
            return "unknown"
        workspaces = [w for w in self._reads.workspaces if place in (None, w.id, w.slug)]
        answers = await all_of(*(self._traffic.by(group, each) for each in workspaces))
        uses = [answer.by_name[name] for answer in answers if name in answer.by_name]
        if uses:
            return day(max(each.last_seen or "" for each in uses)) or "at a time not shown"
        if not answers or any(answer.why for answer in answers):
            return "unknown"
        return f"not in {LOOKBACK_DAYS} days"
