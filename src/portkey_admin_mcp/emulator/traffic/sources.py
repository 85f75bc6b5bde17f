"""The sources of the seeded month's requests: workspaces, keys, users and models."""

from collections.abc import Callable
from typing import Any

from ..core.rows import Row
from ..core.seeder import Seeder, workspace_scopes
from ..core.store import instant
from .plan import DAYS, DELETED_DAY, STALE_DAY
from .units import UNITS_PER_DOLLAR

Source = dict[str, Any]


def sources(seeder: Seeder) -> list[Source]:
    """The sources of the month, each with the weight of its share."""
    return [*_support(seeder), *_others(seeder)]


def budgets(seeder: Seeder) -> list[Source]:
    """The budgets of users that the requests of the month spend, from the policy of Support.

    Each has the workspace, the time (ms) from which it counts, and the limit in the units of a
    stored cost, and who makes most of the requests that it refuses, with a cheaper model.
    """
    (stand_in,) = _people(seeder, "Emi")
    workspace = seeder.workspace_named("Support")
    return [
        {
            "workspace_id": workspace["id"],
            "since": int(instant(limit["created_at"]).timestamp() * 1000),
            "limit": round(limit["credit_limit"] * UNITS_PER_DOLLAR),
            "stand_in": {"user": stand_in, "model": "gpt-5-mini"},
        }
        for limit in seeder.store.table("usage_limits").where(workspace_id=workspace["id"])
    ]


def _support(seeder: Seeder) -> list[Source]:
    """Most of the requests: one user spends the most, and Anthropic fails for two hours.

    The user's key spends too little on Anthropic to use up its own monthly budget.
    """
    store, workspace = seeder.store, seeder.workspace_named("Support")
    openai, anthropic = store.table("virtual_keys").where(workspace_id=workspace["id"])[:2]
    fallback, cached = store.table("configs").where(workspace_id=workspace["id"])[:2]
    reply = store.table("prompts").where(workspace_id=workspace["id"])[0]
    diego, emi = _people(seeder, "Diego", "Emi")
    service, person = map(_seeded(seeder), ("workspace-service", "workspace-user"))
    return [
        {
            **_source(55, workspace, service, "openai", openai),
            "team": "support",
            "models": ["gpt-5", "gpt-5-mini"],
            "users": [diego, emi],
            "spender": diego,
            "configs": [fallback["slug"], cached["slug"]],
            "cached": cached["slug"],
            "prompts": [reply["slug"], None],
        },
        {
            **_source(15, workspace, person, "anthropic", anthropic),
            "length": 0.5,
            "team": "support",
            "models": ["claude-sonnet-5"],
            "users": [emi],
            "configs": [fallback["slug"]],
        },
    ]


def _others(seeder: Seeder) -> list[Source]:
    """A key with every scope, one that is no longer used, and one that is deleted."""
    shared, science = map(seeder.workspace_named, ("Shared Team Workspace", "Science"))
    common = seeder.store.table("virtual_keys").where(workspace_id=shared["id"])[0]
    chitra, ben = _people(seeder, "Chitra", "Ben")
    board = _key(seeder, "Dashboard", shared, workspace_scopes())
    batch = _key(seeder, "Nightly batch", shared, ["completions.write"])
    deleted = _key(seeder, "Evaluation", science, ["completions.write"])
    with seeder.days_before_end(2):
        seeder.request("DELETE /api-keys/{id}", id=deleted)
    return [
        {
            **_source(18, shared, board, "openai", common),
            "team": "platform",
            "models": ["gpt-5-mini"],
            "users": [chitra, ben],
        },
        {
            **_source(6, shared, batch, "openai", common),
            "team": "platform",
            "models": ["gpt-5"],
            "users": [ben],
            "last_day": STALE_DAY,
        },
        {
            **_source(6, science, deleted, "google", None),
            "team": "research",
            "models": ["gemini-3-flash"],
            "users": [chitra],
            "last_day": DELETED_DAY,
        },
    ]


def _source(weight: int, workspace: Row, key: str, ai_org: str, provider: Row | None) -> Source:
    return {
        "weight": weight,
        "workspace_id": workspace["id"],
        "api_key_id": key,
        "ai_org": ai_org,
        "virtual_key": provider and provider["slug"],
        "length": 1,
        "last_day": DAYS - 1,
        "configs": [None],
        "prompts": [None],
    }


def _people(seeder: Seeder, *names: str) -> list[str]:
    return [seeder.user_named(name)["email"] for name in names]


def _seeded(seeder: Seeder) -> Callable[[str], str]:
    keys = seeder.store.table("api_keys").rows()
    ids = {row["_seed"]: row["id"] for row in keys if "_seed" in row}
    return ids.__getitem__


def _key(seeder: Seeder, name: str, workspace: Row, scopes: list[str]) -> str:
    body = {"name": name, "workspace_id": workspace["id"], "scopes": scopes}
    kind = {"type": "workspace", "sub_type": "service"}
    return str(seeder.request("POST /api-keys/{type}/{sub_type}", body, **kind)["id"])
