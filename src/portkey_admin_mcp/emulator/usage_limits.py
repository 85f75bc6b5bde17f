"""Usage limits by any condition, and the usage of each group."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import invalid, not_found, public
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.limits import Amount, Midnight, next_reset
from .shared.policies import PolicyBody, archive, check_keys, find_policy, new_policy, policies
from .shared.policy_usage import (
    entities_of,
    new_entity,
    period_start,
    policy_resets,
)


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
    return call.listing(
        policies(call, "usage_limits", "type"), render=lambda row: _answer(call, row)
    )


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
        return _answer(call, row)
    used = {
        entity["value_key"]: {name: entity[name] for name in ("current_usage", "status")}
        for entity in entities_of(call, row)
    }
    return {**_answer(call, row), "value_key_usage_map": used}


@route("PUT /policies/usage-limits/{id}", scope="policies.update", enterprise=True)
def update_usage_limit(call: Call) -> Row:
    """Change the given fields; type and groups cannot change."""
    row, body = find_policy(call, "usage_limits", call.ids["id"]), call.read(UsageLimitBody)
    check_keys(body)
    named = body.model_dump(include={"name", "conditions"}, exclude_none=True)
    changes = {**named, **_budget(call, row, body), "last_updated_at": call.store.stamp()}
    row = call.table("usage_limits").change(row, changes)
    if body.reset_usage_for_value is not None:
        for entity in entities_of(call, row):
            value = entity["value_key"].partition(":")[2]
            if body.reset_usage_for_value in (value, entity["value_key"]):
                _adjust(call, row, entity, -entity["current_usage"])
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
        entities_of(call, row),
        keep=lambda each: status in (None, each["status"]) and search in each["value_key"],
        render=lambda each: {k: v for k, v in public(each).items() if k != "limit_id"},
    )


@route(
    "PUT /policies/usage-limits/{limit_id}/entities/{entity_id}/reset",
    scope="policies.update",
    enterprise=True,
)
def reset_usage_limit_entity(call: Call) -> Row:
    """Set the usage of one group to 0."""
    row = call.find("usage_limits", call.ids["limit_id"])
    for entity in entities_of(call, row):
        if entity["id"] == call.ids["entity_id"]:
            _adjust(call, row, entity, -entity["current_usage"])
            return {}
    raise not_found("group of the usage limit:", call.ids["entity_id"])


def _answer(call: Call, row: Row) -> dict[str, Any]:
    """A usage limit in answers, with the times of its resets as they are now."""
    last, due = policy_resets(call, row)
    return {**public(row), "last_reset_at": last, "next_usage_reset_at": due}


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


def _adjust(call: Call, limit: Row, entity: Row, amount: Amount) -> None:
    """Add an amount to the usage of a group in the current period; take it away if negative."""
    table, since = call.table("usage_limit_entities"), period_start(call, limit)
    before = entity["_adjustment"] if entity.get("_since") == since else 0
    row = {**public(new_entity(limit, entity["value_key"])), "id": entity["id"]}
    changes = {"_adjustment": before + amount, "_since": since}
    if entity["id"] in table:
        table.change(entity, changes)
    else:
        table.add({**row, **changes})


def find_entity(call: Call, entity_id: str) -> Row:
    """The group with this id, of any usage limit; refused with 404 if there is none."""
    for limit in call.table("usage_limits").rows():
        for entity in entities_of(call, limit):
            if entity["id"] == entity_id:
                return entity
    raise not_found("group of a usage limit:", entity_id)


def _spend(call: Call, entity: Row, amount: Amount) -> None:
    _adjust(call, call.table("usage_limits")[entity["limit_id"]], entity, amount)


TABLES = (
    Table("usage_limits", (OWNED_BY_WORKSPACE,)),
    Table(
        "usage_limit_entities",
        (Reference("limit_id", "usage_limits", OnDelete.DELETE),),
        is_part=True,
        spend=_spend,
        find_spender=find_entity,
    ),
)


def seed(seeder: Seeder) -> None:
    """A budget for each user in the workspace Support; the seeded requests use up one of them."""
    body = {
        "name": "Per person",
        "conditions": [{"key": "metadata.team", "value": "support"}],
        "group_by": [{"key": "metadata._user"}],
        "type": "cost",
        "credit_limit": 75,
        "alert_threshold": 60,
        "periodic_reset_days": 30,
        "workspace_id": seeder.workspace_named("Support")["id"],
    }
    with seeder.days_before_end(25):
        seeder.request("POST /policies/usage-limits", body)
