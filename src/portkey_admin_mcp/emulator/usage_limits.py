"""Usage limits by any condition, and the usage of each group."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, invalid, public
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.store import Store
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.limits import Amount, Midnight, next_reset
from .shared.policies import PolicyBody, archive, check_keys, find_policy, new_policy, policies


class UsageLimitBody(PolicyBody):
    """The body of a usage limit, new or changed."""

    description: str | None = Field(None, max_length=500)
    type: Literal["cost", "tokens", "requests"] | None = None
    credit_limit: Amount | None = Field(None, ge=0)
    alert_threshold: Amount | None = Field(None, ge=0)
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: int | None = Field(None, ge=1, le=365)
    next_usage_reset_at: Midnight | None = None
    reset_usage_for_value: str | None = None


BUDGET_FIELDS = (
    "credit_limit", "alert_threshold", "periodic_reset", "periodic_reset_days",
    "next_usage_reset_at", "description",
)  # fmt: skip


@route("GET /policies/usage-limits", scope="policies.list", enterprise=True)
def list_usage_limits(call: Call) -> Row:
    """The usage limits of a workspace."""
    return call.listing(policies(call, "usage_limits", "type"))


@route("POST /policies/usage-limits", scope="policies.create", enterprise=True)
def create_usage_limit(call: Call) -> Row:
    """Create a usage limit; the usage of each group starts at 0."""
    body = call.read(UsageLimitBody)
    for name in ("type", "credit_limit"):
        if getattr(body, name) is None:
            raise invalid(name, "Field required")
    row = {
        **new_policy(call, body, "policy_usage_limits"),
        "type": body.type,
        **dict.fromkeys(BUDGET_FIELDS),
        "last_reset_at": None,
    }
    row |= _budget(call, row, body)
    call.table("usage_limits").add(row)
    return {"id": row["id"], "object": "policy_usage_limits"}


@route("GET /policies/usage-limits/{id}", scope="policies.read", enterprise=True)
def get_usage_limit(call: Call) -> Row:
    """One usage limit, with the usage of its groups if the query asks for it."""
    row = find_policy(call, "usage_limits", call.ids["id"])
    if call.query.get("include_usage") != "true":
        return public(row)
    entities = call.table("usage_limit_entities").where(limit_id=row["id"])
    used = {
        entity["value_key"]: {name: entity[name] for name in ("current_usage", "status")}
        for entity in entities
    }
    return {**public(row), "value_key_usage_map": used}


@route("PUT /policies/usage-limits/{id}", scope="policies.update", enterprise=True)
def update_usage_limit(call: Call) -> Row:
    """Change the given fields; type and groups cannot change."""
    row, body = find_policy(call, "usage_limits", call.ids["id"]), call.read(UsageLimitBody)
    check_keys(body)
    named = body.model_dump(include={"name", "conditions"}, exclude_none=True)
    changes = {**named, **_budget(call, row, body), "last_updated_at": call.store.stamp()}
    row = call.table("usage_limits").change(row, changes)
    entities = call.table("usage_limit_entities")
    for entity in entities.where(limit_id=row["id"]):
        value = entity["value_key"].partition(":")[2]
        reset = body.reset_usage_for_value in (value, entity["value_key"])
        entities.change(entity, _usage(row, 0 if reset else entity["current_usage"]))
    return {}


@route("DELETE /policies/usage-limits/{id}", scope="policies.delete", enterprise=True)
def delete_usage_limit(call: Call) -> Row:
    """Archive a usage limit; it can still be read with `status=archived`."""
    return archive(call, "usage_limits", find_policy(call, "usage_limits", call.ids["id"]))


@route("GET /policies/usage-limits/{limit_id}/entities", scope="policies.list", enterprise=True)
def list_usage_limit_entities(call: Call) -> Row:
    """The groups that had any request, each with its usage."""
    row = call.find("usage_limits", call.ids["limit_id"])
    status, search = call.query.get("status"), call.query.get("search", "")
    return call.listing(
        call.table("usage_limit_entities").where(limit_id=row["id"]),
        keep=lambda each: status in (None, each["status"]) and search in each["value_key"],
        render=lambda each: {k: v for k, v in each.items() if k != "limit_id"},
    )


@route(
    "PUT /policies/usage-limits/{limit_id}/entities/{entity_id}/reset",
    scope="policies.update",
    enterprise=True,
)
def reset_usage_limit_entity(call: Call) -> Row:
    """Set the usage of one group to 0."""
    row = call.find("usage_limits", call.ids["limit_id"])
    entity = call.table("usage_limit_entities").get(call.ids["entity_id"])
    if entity is None or entity["limit_id"] != row["id"]:
        raise Refusal(404, "Not found")
    call.table("usage_limit_entities").change(entity, _usage(row, 0))
    return {}


def _budget(call: Call, row: Row, body: UsageLimitBody) -> dict[str, Any]:
    """The changes to a budget, with its next reset."""
    changes = body.model_dump(include=set(BUDGET_FIELDS), exclude_unset=True)
    if changes.get("credit_limit", ...) is None:
        raise invalid("credit_limit", "must not be null")
    merged = {**row, **changes}
    if merged["credit_limit"] and (merged["alert_threshold"] or 0) >= merged["credit_limit"]:
        raise invalid("alert_threshold", "must be less than credit_limit")
    if merged["periodic_reset"] and merged["periodic_reset_days"]:
        raise invalid("periodic_reset", "excludes periodic_reset_days")
    changed_periods = changes.keys() & {"periodic_reset", "periodic_reset_days"}
    if changed_periods and not changes.get("next_usage_reset_at"):
        period, days = merged["periodic_reset"], merged["periodic_reset_days"]
        changes["next_usage_reset_at"] = next_reset(period, days, call.store.now())
    return changes


def _usage(limit: Row, usage: Amount) -> dict[str, Any]:
    exhausted = usage >= limit["credit_limit"]
    return {"current_usage": usage, "status": "exhausted" if exhausted else "active"}


def count_usage(store: Store, limit: Row, value_key: str, amount: Amount) -> None:
    """Add to the usage of a group; creates the group if it is new."""
    entities = store.table("usage_limit_entities")
    entity = next(iter(entities.where(limit_id=limit["id"], value_key=value_key)), None)
    if entity is None:
        entity = {"id": store.uuid(), "limit_id": limit["id"], "value_key": value_key}
        entities.add({**entity, **_usage(limit, amount)})
    else:
        entities.change(entity, _usage(limit, entity["current_usage"] + amount))


def _spend(call: Call, entity: Row, amount: Amount) -> None:
    limit = call.table("usage_limits")[entity["limit_id"]]
    count_usage(call.store, limit, entity["value_key"], amount)


TABLES = (
    Table("usage_limits", (OWNED_BY_WORKSPACE,)),
    Table(
        "usage_limit_entities",
        (Reference("limit_id", "usage_limits", OnDelete.DELETE),),
        is_part=True,
        spend=_spend,
    ),
)


def seed(seeder: Seeder) -> None:
    """A budget for each user in the workspace Support; one of them is exhausted."""
    limit = seeder.request(
        "POST /policies/usage-limits",
        {
            "name": "Per person",
            "conditions": [{"key": "metadata.team", "value": "support"}],
            "group_by": [{"key": "metadata._user"}],
            "type": "cost",
            "credit_limit": 100,
            "alert_threshold": 80,
            "periodic_reset": "monthly",
            "workspace_id": seeder.workspace_named("Support")["id"],
        },
    )
    limit = seeder.store.table("usage_limits")[limit["id"]]
    for person, spent in (("diego", 41.5), ("emi", 104.2)):
        count_usage(seeder.store, limit, f"metadata._user:{person}@acme.example", spent)
