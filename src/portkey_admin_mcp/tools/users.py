"""Users and invitations of the organisation."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.core.vocabulary import InviteId, UserId
from ..models.users import (
    Invite,
    InviteDraft,
    InviteFilter,
    InviteLink,
    InviteRef,
    User,
    UserFilter,
    UserPatch,
)
from ..portkey.api import Portkey
from ..portkey.catalog import Dependants, tool
from ..portkey.references import API_KEYS

DEPENDANTS = (
    API_KEYS.at("user_id", of="id"),
    Dependants("workspaces", rows_in="workspace_ids"),
)
BECOMES_ADMIN = (("role=admin", "an admin may do everything in the organisation"),)


@tool("GET /admin/users", scope="organisation_users.list", enterprise=True)
async def list_all_users(api: Portkey, filter: UserFilter) -> Page[User]:
    """List the organisation's users.

    For the people of one workspace use `list_workspace_members`.
    """
    ...


@tool("GET /admin/users/{user_id}", scope="organisation_users.read", enterprise=True)
async def get_user(api: Portkey, user_id: UserId) -> User:
    """Read one user: role and workspaces."""
    ...


@tool(
    "PUT /admin/users/{user_id}",
    scope="organisation_users.update",
    enterprise=True,
    high_risk_if=BECOMES_ADMIN,
)
async def update_user(api: Portkey, user_id: UserId, patch: UserPatch) -> Done:
    """Change a user's role in the organisation.

    For a role in one workspace use `update_workspace_member`.
    """
    ...


@tool(
    "DELETE /admin/users/{user_id}",
    scope="organisation_users.delete",
    enterprise=True,
    dependants=DEPENDANTS,
)
async def delete_user(api: Portkey, user_id: UserId) -> Done:
    """Remove a user, with memberships and API keys; cannot be undone.

    To keep the person elsewhere use `remove_workspace_member`.
    """
    ...


@tool(
    "POST /admin/users/invites",
    scope="organisation_users.create",
    enterprise=True,
    high_risk_if=BECOMES_ADMIN,
)
async def invite_user(api: Portkey, draft: InviteDraft) -> InviteRef:
    """Invite a person by e-mail; returns the link to accept.

    For someone who is a user already use `add_workspace_member`.
    """
    ...


@tool("GET /admin/users/invites", scope="organisation_users.list", enterprise=True)
async def list_user_invites(api: Portkey, filter: InviteFilter) -> Page[Invite]:
    """List invitations."""
    ...


@tool("GET /admin/users/invites/{invite_id}", scope="organisation_users.read", enterprise=True)
async def get_user_invite(api: Portkey, invite_id: InviteId) -> Invite:
    """Read one invitation and its status."""
    ...


@tool(
    "DELETE /admin/users/invites/{invite_id}",
    scope="organisation_users.delete",
    enterprise=True,
    is_restorable=True,
)
async def delete_user_invite(api: Portkey, invite_id: InviteId) -> Done:
    """Cancel a pending invitation."""
    ...


@tool(
    "POST /admin/users/invites/{invite_id}/resend",
    scope="organisation_users.create",
    enterprise=True,
    no_undo="the e-mail is sent",
)
async def resend_user_invite(api: Portkey, invite_id: InviteId) -> InviteLink:
    """Send a pending invitation again."""
    ...
