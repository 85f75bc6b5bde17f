"""Where limits are: on workspaces, API keys, providers, integrations, and in policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ...portkey.catalog import Function
from ...tools.api_keys import list_api_keys
from ...tools.integrations import list_integration_workspaces, list_integrations
from ...tools.providers import list_providers
from ...tools.rate_limits import list_rate_limits
from ...tools.usage_limits import list_usage_limit_entities, list_usage_limits
from ...tools.virtual_keys import list_virtual_keys
from ...tools.workspaces import get_workspace, list_workspaces
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Rows, Workspace
from .budget import Budget, moment_of, schedule_of
from .limits import Limits, joined, keys_of, number_of, objects, rate_text

WORKSPACE, API_KEY, PROVIDER = "workspace", "api_key", "provider"
INTEGRATION, USAGE_LIMIT, RATE_LIMIT = "integration", "usage_limit", "rate_limit"
EACH_OTHER = "each other"
"""Stands for the workspaces to which an integration gives no limit of their own."""
MAX_INTEGRATIONS = 20
MAX_POLICIES = 20
"""How many of each are looked at; of policies, in each workspace."""
TOOLS: Mapping[str, tuple[Function, ...]] = {
    WORKSPACE: (list_workspaces, get_workspace),
    API_KEY: (list_api_keys,),
    PROVIDER: (list_providers, list_virtual_keys),
    INTEGRATION: (list_integrations, list_integration_workspaces),
    USAGE_LIMIT: (list_usage_limits, list_usage_limit_entities),
    RATE_LIMIT: (list_rate_limits,),
}
"""The tools that show the limits of each kind; rate limits are on objects of the others too."""
SOURCE_READS = tuple(
    tool for tools in TOOLS.values() for tool in tools if tool is not list_workspaces
)
"""What is read beside the list of workspaces."""


@dataclass(frozen=True)
class Providers:
    """The providers of workspaces, once they were read."""

    slugs: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Those of each workspace and integration."""
    not_read: set[str] = field(default_factory=set)
    """The workspaces whose providers were not all read."""


@dataclass(frozen=True)
class Source:
    """How the limits of one call are read."""

    reads: Reads
    now: datetime
    kinds: frozenset[str]
    providers: Providers = field(default_factory=Providers)

    async def limits(self, workspaces: list[Workspace], is_one: bool) -> Limits:
        """The limits in these workspaces, and of the organisation's keys if it is not one."""
        keys, integrations, *parts = await all_of(
            self._api_keys(workspaces, is_one),
            self._integrations(workspaces, is_one),
            *map(self._workspace, workspaces),
        )
        return joined([*parts, keys, integrations])

    async def _workspace(self, workspace: Workspace) -> Limits:
        """The limits of a workspace, of its providers, and of its policies."""
        parts = await all_of(
            self._providers(workspace), self._usage_limits(workspace), self._rate_limits(workspace)
        )
        if not workspace.fields and self.kinds & {WORKSPACE, RATE_LIMIT}:
            self.reads.note("limits of a workspace itself", workspace.slug, "it was not listed")
        row = {**workspace.fields}
        return joined([self._own(WORKSPACE, row, workspace.slug, workspace.slug), *parts])

    def _own(
        self, kind: str, row: Row, id: Any, workspace: str, limited: Row | None = None
    ) -> Limits:
        """The limits in the fields of an object, or of another one that holds them for it."""
        if kind not in self.kinds and RATE_LIMIT not in self.kinds:
            return Limits([], [])
        limited = row if limited is None else limited
        budgets = [
            Budget(
                kind=kind,
                id=str(id or ""),
                name=str(row.get("name") or ""),
                workspace=workspace,
                limit=float(limits["credit_limit"]),
                type=str(limits.get("type") or "cost"),
                schedule=schedule_of(limits, limited, self.now),
                created=moment_of(limited.get("created_at") or row.get("created_at")),
                unknown_because="" if workspace else _why_uncounted(row),
                alert=number_of(limits.get("alert_threshold")),
                is_exhausted=limited.get("status") == "exhausted",
            )
            for limits in objects(limited.get("usage_limits"))
            if number_of(limits.get("credit_limit")) is not None and kind in self.kinds
        ]
        rates = [
            {"of": f"{kind} {id}", "workspace": workspace, "limit": rate_text(rate)}
            for rate in objects(limited.get("rate_limits"))
            if rate.get("value") is not None and RATE_LIMIT in self.kinds
        ]
        return Limits(budgets, rates)

    async def _api_keys(self, workspaces: list[Workspace], is_one: bool) -> Limits:
        if not self.kinds & {API_KEY, RATE_LIMIT}:
            return Limits([], [])
        where = workspaces[0].selector if is_one else {}
        rows = await self.reads.rows_anywhere(list_api_keys, **where)
        slugs = {each.id: _place(each) for each in workspaces}
        if is_one:
            slugs |= {row.get("workspace_id"): _place(workspaces[0]) for row in rows}
        return joined(
            self._own(API_KEY, row, row.get("id"), slugs.get(row.get("workspace_id"), ""))
            for row in rows
        )

    async def _providers(self, workspace: Workspace) -> Limits:
        """The limits of providers and virtual keys: two lists of the same objects, by slug."""
        if not self.kinds & {PROVIDER, INTEGRATION, RATE_LIMIT}:
            return Limits([], [])
        place = _place(workspace)
        providers, virtual_keys = await all_of(
            self._rows_in(list_providers, workspace), self._rows_in(list_virtual_keys, workspace)
        )
        rows = {row.get("slug"): row for row in (*virtual_keys, *providers)}
        for name, row in rows.items():
            key = (place, str(row.get("integration_id")))
            self.providers.slugs.setdefault(key, set()).add(str(name))
        if providers.why or virtual_keys.why:
            self.providers.not_read.add(place)
        return joined(self._own(PROVIDER, row, row.get("slug"), place) for row in rows.values())

    async def _integrations(self, workspaces: list[Workspace], is_one: bool) -> Limits:
        """The limits that integrations have for workspaces."""
        if not self.kinds & {INTEGRATION, RATE_LIMIT}:
            return Limits([], [])
        where = {"workspace_id": workspaces[0].slug} if is_one else {}
        rows = (await self.reads.rows_anywhere(list_integrations, type="all", **where)).rows
        by_slug = {str(row.get("slug") or row.get("id")): row for row in rows}
        shown = self._first(list_integrations, [*by_slug.values()], MAX_INTEGRATIONS)
        return joined(await all_of(*(self._shares(row, workspaces) for row in shown)))

    async def _shares(self, integration: Row, workspaces: list[Workspace]) -> Limits:
        """The limits of an integration for each workspace, and for those that have no own."""
        slug = str(integration.get("slug"))
        shares = await self.reads.rows(list_integration_workspaces, slug, slug=slug)
        slugs = {name: _place(each) for each in workspaces for name in (each.id, each.slug)}
        own = [
            self._own(INTEGRATION, integration, slug, slugs[share["id"]], share)
            for share in shares
            if share.get("id") in slugs and share.get("enabled", True)
        ]
        common = shares.answer.get("global_workspace_access")
        if isinstance(common, dict) and common.get("enabled"):
            own.append(self._own(INTEGRATION, integration, slug, EACH_OTHER, common))
        members = (str(integration.get("id")), slug)
        limits = joined(own)
        return Limits([replace(each, members=members) for each in limits.budgets], limits.rates)

    async def _usage_limits(self, workspace: Workspace) -> Limits:
        """The groups of the policies of a workspace, each with a limit of its own."""
        if USAGE_LIMIT not in self.kinds:
            return Limits([], [])
        rows = await self._rows_in(list_usage_limits, workspace)
        policies = self._first(list_usage_limits, rows.rows, MAX_POLICIES, workspace.slug)
        groups = await all_of(*(self._groups(policy, workspace) for policy in policies))
        return Limits([each for part in groups for each in part], [])

    async def _groups(self, policy: Row, workspace: Workspace) -> list[Budget]:
        """What each group has used of a policy; exhausted ones also if there are many groups."""
        id, limit = str(policy.get("id")), number_of(policy.get("credit_limit"))
        if limit is None:
            return []
        tool, place = list_usage_limit_entities, workspace.slug
        groups = await self.reads.rows(tool, place, limit_id=id)
        rows = {row.get("value_key"): row for row in groups}
        if groups.why and not groups.failed:
            exhausted = await self.reads.rows(tool, place, limit_id=id, status="exhausted")
            rows |= {row.get("value_key"): row for row in exhausted}
        budget = Budget(
            kind=USAGE_LIMIT,
            id=id,
            name=str(policy.get("name") or ""),
            workspace=_place(workspace),
            limit=limit,
            type=str(policy.get("type") or "cost"),
            schedule=schedule_of(policy, policy, self.now),
            created=moment_of(policy.get("created_at")),
            alert=number_of(policy.get("alert_threshold")),
            facts=policy,
        )
        if groups.failed:
            return [replace(budget, unknown_because="its groups were not read")]
        return [
            replace(
                budget,
                group=str(row.get("value_key") or ""),
                used=number_of(row.get("current_usage")),
                is_exhausted=row.get("status") == "exhausted",
            )
            for row in rows.values()
        ]

    async def _rate_limits(self, workspace: Workspace) -> Limits:
        """The policies on rates of a workspace."""
        if RATE_LIMIT not in self.kinds:
            return Limits([], [])
        rows = await self._rows_in(list_rate_limits, workspace)
        return Limits(
            [],
            [
                {
                    "of": f"rate_limit {row.get('id')}",
                    "name": str(row.get("name") or "")[:60],
                    "workspace": workspace.slug,
                    "limit": f"{rate_text(row)} for each {keys_of(row.get('group_by'))}",
                }
                for row in rows
            ],
        )

    async def _rows_in(self, tool: Function, workspace: Workspace) -> Rows:
        """The rows of a list in a workspace."""
        return await self.reads.rows(tool, workspace.slug, **workspace.selector)

    def _first(
        self, tool: Function, rows: Sequence[Row], maximum: int, place: str = ""
    ) -> Sequence[Row]:
        """As many rows as are looked at."""
        if len(rows) > maximum:
            self.reads.note(tool, place, f"only {maximum} of {len(rows)} were looked at")
        return rows[:maximum]


def _place(workspace: Workspace) -> str:
    """The slug of a workspace; empty for the key's own, which is not known."""
    return workspace.slug if workspace.id else ""


def _why_uncounted(row: Row) -> str:
    """Why analytics are not asked for the use of an object whose workspace has no name here."""
    if row.get("object") == "api-key" and not row.get("workspace_id"):
        return "analytics count requests of workspaces only"
    return "its workspace was not read"
