"""Rate limits by any condition."""

from typing import Literal

from pydantic import Field

from .core.answers import invalid, public
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, Table
from .shared.limits import Amount
from .shared.policies import PolicyBody, archive, check_keys, find_policy, new_policy, policies

TABLES = (Table("rate_limits", (OWNED_BY_WORKSPACE,)),)


class RateLimitBody(PolicyBody):
    """The body of a rate limit, new or changed."""

    type: Literal["requests", "tokens"] | None = None
    unit: Literal["rpm", "rph", "rpd", "rpw"] | None = None
    value: Amount | None = Field(None, ge=1)
    target: Literal["llm", "mcp_tools"] | None = None


@route("GET /policies/rate-limits", scope="policies.list", enterprise=True)
def list_rate_limits(call: Call) -> Row:
    """The rate limits of a workspace."""
    return call.listing(policies(call, "rate_limits", "type", "unit", "target"))


@route("POST /policies/rate-limits", scope="policies.create", enterprise=True)
def create_rate_limit(call: Call) -> Row:
    """Create a rate limit: on models by default, or on MCP tools."""
    body = call.read(RateLimitBody)
    for name in ("type", "unit", "value"):
        if getattr(body, name) is None:
            raise invalid(name, "Field required")
    row = {
        **new_policy(call, body, "policy_rate_limits"),
        "type": body.type,
        "unit": body.unit,
        "value": body.value,
        "target": body.target or "llm",
    }
    call.table("rate_limits").add(row)
    return {"id": row["id"], "object": "policy_rate_limits"}


@route("GET /policies/rate-limits/{id}", scope="policies.read", enterprise=True)
def get_rate_limit(call: Call) -> Row:
    """One rate limit."""
    return public(find_policy(call, "rate_limits", call.ids["id"]))


@route("PUT /policies/rate-limits/{id}", scope="policies.update", enterprise=True)
def update_rate_limit(call: Call) -> Row:
    """Change the given fields; type, groups and target cannot change."""
    row, body = find_policy(call, "rate_limits", call.ids["id"]), call.read(RateLimitBody)
    check_keys(body)
    fields = {"name", "conditions", "unit", "value"}
    changes = body.model_dump(include=fields, exclude_none=True)
    call.table("rate_limits").change(row, {**changes, "last_updated_at": call.store.stamp()})
    return {}


@route("DELETE /policies/rate-limits/{id}", scope="policies.delete", enterprise=True)
def delete_rate_limit(call: Call) -> Row:
    """Archive a rate limit; it can still be read with `status=archived`."""
    return archive(call, "rate_limits", find_policy(call, "rate_limits", call.ids["id"]))


def seed(seeder: Seeder) -> None:
    """One rate limit in the workspace Support."""
    seeder.request(
        "POST /policies/rate-limits",
        {
            "name": "Per key",
            "conditions": [{"key": "api_key", "value": "*"}],
            "group_by": [{"key": "api_key"}],
            "type": "requests",
            "unit": "rpm",
            "value": 600,
            "workspace_id": seeder.workspace_named("Support")["id"],
        },
    )
