"""What usage limits and rate limits, the two kinds of policies, have in common."""

import re
from typing import Any

from pydantic import Field

from ..core.answers import forbidden, invalid, not_found
from ..core.bodies import Body
from ..core.routing import Call
from ..core.rows import Row, Rows

POLICY_KEYS = (
    "api_key", "virtual_key", "provider", "config", "prompt", "model", "organisation_id",
    "endpoint_type", "mcp_server", "mcp_tool", "workspace_id",
)  # fmt: skip


class Condition(Body):
    """One condition of a policy."""

    key: str = Field(min_length=1)
    value: str | list[str]
    excludes: str | list[str] | None = None


class Group(Body):
    """One group of a policy."""

    key: str = Field(min_length=1)


class PolicyBody(Body):
    """The fields that the body of every policy has."""

    name: str | None = None
    conditions: list[Condition] | None = Field(None, min_length=1)
    group_by: list[Group] | None = Field(None, min_length=1)


def policies(call: Call, table: str, *filters: str) -> Rows | list[Row]:
    """The policies of the workspace, with the status in the query (by default active)."""
    status = call.query.get("status", "active")
    rows = call.table(table).where(workspace_id=call.workspace()["id"], status=status)
    filter_values = {name: call.query[name] for name in filters if name in call.query}
    if not filter_values:
        return rows
    return [row for row in rows if all(row.get(k) == v for k, v in filter_values.items())]


def find_policy(call: Call, table: str, policy_id: str) -> Row:
    """The policy with this id; an archived one only with `status=archived` in the query."""
    row = call.find(table, policy_id)
    if row["status"] != call.query.get("status", "active"):
        raise forbidden() if row["status"] == "archived" else not_found("policy", policy_id)
    return row


def new_policy(call: Call, body: PolicyBody, kind: str) -> dict[str, Any]:
    """The fields that the row of every new policy has."""
    workspace = call.workspace()
    for name in ("conditions", "group_by"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    check_keys(body)
    now = call.store.stamp()
    return {
        "id": call.store.uuid(),
        "name": body.name,
        "conditions": [each.model_dump(exclude_none=True) for each in body.conditions or ()],
        "group_by": [each.model_dump() for each in body.group_by or ()],
        "status": "active",
        "workspace_id": workspace["id"],
        "organisation_id": call.organisation,
        "created_at": now,
        "last_updated_at": now,
        "object": kind,
    }


def check_keys(body: PolicyBody) -> None:
    """Refuse a condition or group with an unknown key."""
    for each in [*(body.conditions or ()), *(body.group_by or ())]:
        if each.key not in POLICY_KEYS and not re.fullmatch(r"metadata\..+", each.key):
            raise invalid("key", f"must be one of {', '.join(POLICY_KEYS)}, or metadata.<name>")


def archive(call: Call, table: str, row: Row) -> dict[str, Any]:
    """Archive a policy; it can still be read with `status=archived`."""
    changes = {"status": "archived", "last_updated_at": call.store.stamp()}
    call.table(table).change(row, changes)
    return {}
