"""Members of workspaces."""

from typing import Any

from ..core.routing import Call
from ..core.rows import Row, Rows


def members_of(call: Call, workspace: Row) -> Rows:
    """The members of a workspace."""
    return call.table("members").where(workspace_id=workspace["id"])


def add_member(call: Call, workspace: Row, user_id: str, role: str) -> None:
    """Make a user a member of a workspace."""
    now = call.store.stamp()
    call.table("members").add(
        {
            "id": f"{workspace['id']}/{user_id}",
            "workspace_id": workspace["id"],
            "user_id": user_id,
            "role": role,
            "created_at": now,
            "last_updated_at": now,
        }
    )


def member_answer(call: Call, member: Row) -> dict[str, Any]:
    """A member in answers: the user, with the role in the workspace."""
    user = call.table("users")[member["user_id"]]
    return {
        "object": "workspace-user",
        "id": user["id"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "email": user["email"],
        "org_role": user["role"],
        "role": member["role"],
        "created_at": member["created_at"],
        "last_updated_at": member["last_updated_at"],
        "status": "active",
        "workspace_id": member["workspace_id"],
        "scopes": [],
        "settings": None,
    }
