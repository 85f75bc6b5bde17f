"""Where limits are: on workspaces, API keys, providers, integrations, and in policies."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..models.api_keys import ApiKeyFilter
from ..models.core.paging import PagedHere
from ..models.integrations import IntegrationFilter
from ..models.providers import ProviderFilter
from ..models.rate_limits import RateLimitFilter
from ..models.usage_limits import EntityFilter, UsageLimitFilter
from ..models.virtual_keys import VirtualKeyFilter
from ..models.workspaces import WorkspaceFilter
from ..tools.api_keys import list_api_keys
from ..tools.integrations import list_integration_workspaces, list_integrations
from ..tools.providers import list_providers
from ..tools.rate_limits import list_rate_limits
from ..tools.usage_limits import list_usage_limit_entities, list_usage_limits
from ..tools.virtual_keys import list_virtual_keys
from ..tools.workspaces import get_workspace, list_workspaces
from .budgets import Budget, moment_of, schedule_of
from .limits import Limits, Row, joined, keys_of, number_of, objects, rate_text, slug_of, within
from .reads import Reads, rows_of

WORKSPACE, API_KEY, PROVIDER = "workspace", "api_key", "provider"
INTEGRATION, USAGE_LIMIT, RATE_LIMIT = "integration", "usage_limit", "rate_limit"
EACH_OTHER = "each other"
"""Stands for the workspaces to which an integration gives no limit of their own."""
MAX_WORKSPACES = 20
MAX_INTEGRATIONS = 20
MAX_POLICIES = 20
"""How many of each are read in one call."""
SOURCE_READS = (
    get_workspace,
    list_api_keys,
    list_providers,
    list_virtual_keys,
    list_integrations,
    list_integration_workspaces,
    list_usage_limits,
    list_usage_limit_entities,
    list_rate_limits,
)
"""What is read beside the list of workspaces."""


@dataclass(frozen=True)
class Source:
    """How the limits of one call are read."""

    reads: Reads
    now: datetime
    kinds: frozenset[str]
    providers: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """The slugs of the providers of a workspace and an integration, once they were read."""

    async def workspaces(self, workspace: str) -> list[Row]:
        """The workspaces to look at: the named one, or all.

        If they cannot be listed, those of the API keys; if these cannot be either, one without a
        name, which is the key's own.
        """
        if workspace:
            record = await self.reads.one(get_workspace, workspace, where=workspace)
            return [{"slug": workspace, **(record.answer() if record else {})}]
        rows = await self.reads.rows(
            list_workspaces, lambda page: (WorkspaceFilter.model_validate(page),)
        )
        if others := rows.rows[MAX_WORKSPACES:]:
            self.reads.add_not_seen(
                f"{len(others)} of {len(rows.rows)} workspaces: narrow with workspace_id",
                str(others[0].get("slug")),
            )
        if rows.failed:
            keys = await self.reads.rows(
                list_api_keys, lambda page: (ApiKeyFilter.model_validate(page),)
            )
            ids = dict.fromkeys(row["workspace_id"] for row in keys.rows if row.get("workspace_id"))
            return [{"id": each, "slug": each} for each in ids][:MAX_WORKSPACES] or [{}]
        return rows.rows[:MAX_WORKSPACES]

    async def limits(self, workspaces: list[Row], is_one: bool) -> Limits:
        """The limits in these workspaces, and of the organisation's keys if it is not one."""
        keys, integrations, *parts = await asyncio.gather(
            self._api_keys(workspaces, is_one),
            self._integrations(workspaces, is_one),
            *(self._workspace(row) for row in workspaces),
        )
        parts += [keys, integrations]
        return Limits(
            [each for part in parts for each in part.budgets],
            [each for part in parts for each in part.rates],
        )

    async def _workspace(self, row: Row) -> Limits:
        """The limits of a workspace, of its providers, and of its policies."""
        parts = await asyncio.gather(
            self._providers(row), self._usage_limits(row), self._rate_limits(row)
        )
        own = self._own(WORKSPACE, row, row.get("slug"), slug_of(row))
        return Limits(
            [*own.budgets, *(each for part in parts for each in part.budgets)],
            [*own.rates, *(each for part in parts for each in part.rates)],
        )

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

    async def _api_keys(self, workspaces: list[Row], is_one: bool) -> Limits:
        if not self.kinds & {API_KEY, RATE_LIMIT}:
            return Limits([], [])
        where = within(workspaces[0]) if is_one else {}
        rows = await self.reads.rows(
            list_api_keys, lambda page: (ApiKeyFilter.model_validate({**page, **where}),)
        )
        slugs = {row.get("id"): slug_of(row) for row in workspaces}
        if is_one:
            slugs |= {row.get("workspace_id"): slug_of(workspaces[0]) for row in rows.rows}
        return joined(
            self._own(API_KEY, row, row.get("id"), slugs.get(row.get("workspace_id"), ""))
            for row in rows.rows
        )

    async def _providers(self, workspace: Row) -> Limits:
        """The limits of providers and virtual keys: two lists of the same objects, by slug."""
        if not self.kinds & {PROVIDER, INTEGRATION, RATE_LIMIT}:
            return Limits([], [])
        where, slug = within(workspace), slug_of(workspace)
        providers, virtual_keys = await asyncio.gather(
            self.reads.rows(
                list_providers,
                lambda page: (ProviderFilter.model_validate({**page, **where}),),
                where=slug,
            ),
            self.reads.rows(
                list_virtual_keys,
                lambda page: (VirtualKeyFilter.model_validate({**page, **where}),),
                where=slug,
            ),
        )
        rows = {row.get("slug"): row for row in (*virtual_keys.rows, *providers.rows)}
        for name, row in rows.items():
            members = self.providers.setdefault((slug, str(row.get("integration_id"))), set())
            members.add(str(name))
        return joined(self._own(PROVIDER, row, row.get("slug"), slug) for row in rows.values())

    async def _integrations(self, workspaces: list[Row], is_one: bool) -> Limits:
        """The limits that integrations have for workspaces."""
        if not self.kinds & {INTEGRATION, RATE_LIMIT}:
            return Limits([], [])
        where = {"workspace_id": slug_of(workspaces[0])} if is_one else {}
        record = await self.reads.one(
            list_integrations, IntegrationFilter.model_validate({"type": "all", **where})
        )
        rows = rows_of(record)
        if len(rows) > MAX_INTEGRATIONS:
            self.reads.add_not_seen(f"{len(rows) - MAX_INTEGRATIONS} of {len(rows)} integrations")
        shares = await asyncio.gather(
            *(self._shares(row, workspaces) for row in rows[:MAX_INTEGRATIONS])
        )
        return joined(shares)

    async def _shares(self, integration: Row, workspaces: list[Row]) -> Limits:
        """The limits of an integration for each workspace, and for those that have no own."""
        slug = str(integration.get("slug"))
        record = await self.reads.one(list_integration_workspaces, slug, PagedHere(), where=slug)
        if record is None:
            return Limits([], [])
        slugs = {name: slug_of(row) for row in workspaces for name in (row.get("id"), slug_of(row))}
        own = [
            self._own(INTEGRATION, integration, slug, slugs[share["id"]], share)
            for share in rows_of(record)
            if share.get("id") in slugs and share.get("enabled", True)
        ]
        common = record.answer().get("global_workspace_access")
        if isinstance(common, dict) and common.get("enabled"):
            own.append(self._own(INTEGRATION, integration, slug, EACH_OTHER, common))
        members = (str(integration.get("id")), slug)
        limits = joined(own)
        return Limits([replace(each, members=members) for each in limits.budgets], limits.rates)

    async def _usage_limits(self, workspace: Row) -> Limits:
        """The groups of the policies of a workspace, each with a limit of its own."""
        if USAGE_LIMIT not in self.kinds:
            return Limits([], [])
        where, slug = within(workspace), slug_of(workspace)
        rows = await self.reads.rows(
            list_usage_limits,
            lambda page: (UsageLimitFilter.model_validate({**page, **where}),),
            where=slug,
        )
        if len(rows.rows) > MAX_POLICIES:
            self.reads.add_not_seen(
                f"{len(rows.rows) - MAX_POLICIES} of {len(rows.rows)} usage limits", slug
            )
        policies = rows.rows[:MAX_POLICIES]
        groups = await asyncio.gather(*(self._groups(policy, slug) for policy in policies))
        return Limits([each for part in groups for each in part], [])

    async def _groups(self, policy: Row, workspace: str) -> list[Budget]:
        """What each group has used of a policy; exhausted ones also if there are many groups."""
        id, limit = str(policy.get("id")), number_of(policy.get("credit_limit"))
        if limit is None:
            return []
        groups = await self.reads.rows(
            list_usage_limit_entities,
            lambda page: (id, EntityFilter.model_validate(page)),
            where=workspace,
        )
        rows = {row.get("value_key"): row for row in groups.rows}
        if not groups.is_complete and not groups.failed:
            exhausted = await self.reads.rows(
                list_usage_limit_entities,
                lambda page: (id, EntityFilter.model_validate({**page, "status": "exhausted"})),
                where=workspace,
            )
            rows |= {row.get("value_key"): row for row in exhausted.rows}
        budget = Budget(
            kind=USAGE_LIMIT,
            id=id,
            name=str(policy.get("name") or ""),
            workspace=workspace,
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

    async def _rate_limits(self, workspace: Row) -> Limits:
        """The policies on rates of a workspace."""
        if RATE_LIMIT not in self.kinds:
            return Limits([], [])
        where, slug = within(workspace), slug_of(workspace)
        rows = await self.reads.rows(
            list_rate_limits,
            lambda page: (RateLimitFilter.model_validate({**page, **where}),),
            where=slug,
        )
        return Limits(
            [],
            [
                {
                    "of": f"rate_limit {row.get('id')}",
                    "name": str(row.get("name") or "")[:60],
                    "workspace": slug,
                    "limit": f"{rate_text(row)} for each {keys_of(row.get('group_by'))}",
                }
                for row in rows.rows
            ],
        )


def _why_uncounted(row: Row) -> str:
    """Why analytics are not asked for the use of an object whose workspace has no name here."""
    if row.get("object") == "api-key" and not row.get("workspace_id"):
        return "analytics count requests of workspaces only"
    return "its workspace was not read"
