"""Say whose key this is, and what it and this server cannot do."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from pydantic import Field

from ...domains import CHANGES
from ...errors import ApiError, Forbidden, SubscriptionExhausted, Unauthenticated
from ...models.core.base import ABSENT, Arguments, Record, unwrapped
from ...portkey.api import Portkey
from ...portkey.catalog import AnyOf, Tool, tools_in, workflow
from ...tools import domain_modules
from ...workflows import workflow_modules
from ..caller import current_caller
from ..inspection import Limits, current_inspector

DOMAIN = CHANGES

KEPT_S = 60.0
"""Seconds for which the answers of Portkey about a key are kept."""
PERIOD = timedelta(hours=1)
PAGE_SIZE = 100
PLACED = {"configs.list": "/configs", "prompts.list": "/prompts"}
"""Scopes, each with a list of one workspace that needs it."""
PROBES = {
    "organisation_users.list": "/admin/users",
    "secret_references.list": "/secret-references",
    "analytics.view": "/analytics/graphs/requests",
}
"""Scopes, each with a harmless read that needs it, beside those of keys and workspaces."""
ENTERPRISE = ("analytics.view", "secret_references.list")
"""Those of them that only an Enterprise plan has."""
OF_ORGANISATION = ("users", "scim", "organisation", "secret_references", "deployments")
"""Toolsets that need a key of the organisation, and these tools:"""
TOOLS_OF_ORGANISATION = ("create_workspace", "delete_workspace")


class WhoamiOptions(Arguments):
    """What to say beside the counts."""

    names: bool = Field(default=ABSENT, description="Also name the tools that will fail.")


class KeyFacts(NamedTuple):
    """What harmless reads tell of a key. `scopes` is None if they are not all known.

    `reads` says for each read what Portkey answered: 200, a status, or why there was no answer.
    """

    kind: str
    type: str | None
    workspace: str | None
    scopes: frozenset[str] | None
    refused: frozenset[str]
    plan: str
    how: str
    reads: Mapping[str, str]

    @property
    def works(self) -> bool:
        """Whether Portkey accepts the key at all."""
        return set(self.reads.values()) != {"401"}


_facts: "WeakKeyDictionary[Portkey, tuple[float, KeyFacts]]" = WeakKeyDictionary()


@workflow(effect="read")
async def whoami(api: Portkey, options: WhoamiOptions) -> Record:
    """Say whose key this is, its workspace, scopes and plan, and which tools will fail, and why."""
    limits = await current_inspector.get().limits()
    facts = await _facts_of(api)
    caller = current_caller.get()
    failing = failing_tools(facts, limits)
    answer: dict[str, Any] = {
        "caller": {"principal": caller.principal, "roles": sorted(caller.roles)},
        "key": _shown(facts),
        "limits": limits.shown(),
        "will_fail": _counts(failing),
    }
    if options.names:
        answer["failing_tools"] = {tool.name: why for tool, why in failing}
    return Record.read(answer)


def failing_tools(facts: KeyFacts, limits: Limits) -> list[tuple[Tool, str]]:
    """The offered tools that will fail whatever their arguments, each with the reason."""
    offered = [tool for tool in catalogue() if tool.name in limits.offered]
    reasons = [(tool, _why_fails(tool, facts, limits)) for tool in offered]
    return [(tool, why) for tool, why in reasons if why]


@cache
def catalogue() -> tuple[Tool, ...]:
    """All tools of Portkey's endpoints; importing them takes a moment, at the first call."""
    return tuple(tools_in([*domain_modules(), *workflow_modules()]))


def _why_fails(tool: Tool, facts: KeyFacts, limits: Limits) -> str:
    if tool.name in limits.denied:
        return "policy"
    if tool.effect != "read" and limits.freeze:
        return "freeze"
    if not tool.needs_key or not tool.endpoints:
        return ""
    if not facts.works:
        return "key not accepted"
    is_of_organisation = tool.domain in OF_ORGANISATION or tool.name in TOOLS_OF_ORGANISATION
    needs_something = {*tool.endpoints} > {*tool.optional}
    if facts.kind == "workspace" and is_of_organisation and needs_something:
        return "needs an organisation key"
    if missing := sorted(" or ".join(each) for each in tool.scopes if not _has(facts, each)):
        return f"scope {missing[0]}"
    return "needs an Enterprise plan" if tool.enterprise and facts.plan == "other" else ""


def _has(facts: KeyFacts, any_of: AnyOf) -> bool:
    """Whether a key has one of these scopes, as far as is known."""
    if facts.scopes is not None:
        return not facts.scopes.isdisjoint(any_of)
    return not facts.refused.issuperset(any_of)


def _counts(failing: Iterable[tuple[Tool, str]]) -> dict[str, dict[str, int]]:
    """By toolset, how many tools fail for which kind of reason."""
    counts: dict[str, Counter[str]] = {}
    for tool, why in failing:
        reason = "scope" if why.startswith("scope ") else why
        counts.setdefault(tool.domain, Counter())[reason] += 1
    return {domain: dict(each) for domain, each in counts.items()}


def _shown(facts: KeyFacts) -> dict[str, Any]:
    scopes = "not known; refused: " + (", ".join(sorted(facts.refused)) or "none that was tried")
    return {
        "kind": facts.kind,
        "type": facts.type or "not known",
        "workspace": facts.workspace,
        "scopes": scopes if facts.scopes is None else sorted(facts.scopes),
        "plan": {"enterprise": "Enterprise", "other": "not Enterprise"}.get(
            facts.plan, "not known"
        ),
        "accepted": facts.works,
        "known_by": facts.how,
        "reads": dict(facts.reads),
    }


async def _facts_of(api: Portkey) -> KeyFacts:
    """The facts of a key, from the last minute or read now, by at most seven requests."""
    kept = _facts.get(api)
    if kept is not None and time.monotonic() - kept[0] < KEPT_S:
        return kept[1]
    facts = await _read_facts(api)
    _facts[api] = (time.monotonic(), facts)
    return facts


async def _read_facts(api: Portkey) -> KeyFacts:
    keys, workspaces, *_ = first = await asyncio.gather(
        _try(api, "/api-keys", {"page_size": PAGE_SIZE}),
        _try(api, "/admin/workspaces", {"page_size": 1}),
        *(_try(api, path, _query(api, scope)) for scope, path in PROBES.items()),
    )
    rows = [row for row in keys.rows if api.is_own_key(str(row.get("key") or ""))]
    own = rows[0] if len(rows) == 1 else {}
    workspace = _workspace(own, workspaces.rows)
    place = {"workspace_id": workspace} if workspace else {}
    second = await asyncio.gather(
        *(_try(api, path, {"page_size": 1, **place}) for path in PLACED.values())
    )
    attempts = [*first, *second]
    by_scope = dict(zip([*PROBES, *PLACED], [*first[2:], *second], strict=True))
    kind, _, type_ = str(own.get("type") or "").partition("-")
    return KeyFacts(
        kind=kind or _kind(by_scope),
        type=type_ or None,
        workspace=own.get("workspace_id") if own else None,
        scopes=_scopes(own),
        refused=frozenset(scope for scope, attempt in by_scope.items() if attempt.is_refused),
        plan=_plan(by_scope, _scopes(own)),
        how="the only key in list_api_keys with the same first and last characters"
        if own
        else "which of the reads below were refused",
        reads={attempt.path: attempt.outcome for attempt in attempts},
    )


class Attempt(NamedTuple):
    """A harmless read: what Portkey answered, and the rows of its answer."""

    path: str
    outcome: str
    rows: list[dict[str, Any]]
    is_refused: bool = False
    is_unpaid: bool = False


async def _try(api: Portkey, path: str, query: Mapping[str, Any]) -> Attempt:
    try:
        answer = unwrapped(await api.read(path, {}, query))
    except (Forbidden, SubscriptionExhausted, Unauthenticated) as error:
        return Attempt(
            path,
            f"{error.status}",
            [],
            not isinstance(error, Unauthenticated),
            isinstance(error, SubscriptionExhausted),
        )
    except ApiError as error:
        return Attempt(path, f"{error.status or type(error).__name__}", [])
    rows = answer.get("data") if isinstance(answer, dict) else None
    return Attempt(path, "200", [row for row in rows or [] if isinstance(row, dict)])


def _query(api: Portkey, scope: str) -> dict[str, Any]:
    if scope != "analytics.view":
        return {"page_size": 1}
    now = api.now()
    names = ("time_of_generation_min", "time_of_generation_max")
    return dict(zip(names, [each.isoformat() for each in (now - PERIOD, now)], strict=True))


def _workspace(own: Mapping[str, Any], workspaces: list[dict[str, Any]]) -> str | None:
    """The workspace to look into: the key's own, else any, which an organisation key must name."""
    first = workspaces[0].get("id") if workspaces else None
    workspace = own.get("workspace_id") or first
    return str(workspace) if workspace else None


def _scopes(own: Mapping[str, Any]) -> frozenset[str] | None:
    """All scopes of a key; None if it is not known which key this is."""
    scopes = own.get("scopes")
    return frozenset(map(str, scopes)) if isinstance(scopes, list) else None


def _kind(by_scope: Mapping[str, Attempt]) -> str:
    """The kind of a key by what it could read: people belong to the organisation."""
    if by_scope["organisation_users.list"].outcome == "200":
        return "organisation"
    is_placed = any(by_scope[scope].outcome == "200" for scope in PLACED)
    return "workspace" if is_placed else "not known"


def _plan(by_scope: Mapping[str, Attempt], scopes: frozenset[str] | None) -> str:
    """`enterprise`, `other`, or empty if the reads do not tell."""
    attempts = {scope: by_scope[scope] for scope in ENTERPRISE}
    if any(attempt.outcome == "200" for attempt in attempts.values()):
        return "enterprise"
    has_scope = scopes is not None and "analytics.view" in scopes
    is_other = any(attempt.is_unpaid for attempt in attempts.values()) or (
        has_scope and attempts["analytics.view"].is_refused
    )
    return "other" if is_other else ""
