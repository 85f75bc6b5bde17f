"""Users and their invitations."""

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from .api_keys import create_api_key
from .core.answers import Refusal, forbidden, invalid
from .core.bodies import Body
from .core.control import control
from .core.routing import ADMIN, Call, route
from .core.rows import Row
from .core.store import moment
from .core.tables import Table
from .shared.members import add_member

if TYPE_CHECKING:
    from .core.app import Emulator

TABLES = (Table("users"), Table("invites"))
INVITE_DAYS = 7
"""Days until an invitation expires. Not documented: an assumption."""


class UserChange(Body):
    """The body of an update of a user."""

    role: Literal["admin", "member"] | None = None


class Grant(Body):
    """A workspace that an invited person joins, by slug or id, and the role in it."""

    id: str
    role: Literal["admin", "member", "manager"]


class KeyDetails(Body):
    """The API key that an invited person gets in each workspace."""

    scopes: list[str]


class Invitation(Body):
    """The body of an invitation."""

    email: str
    role: Literal["admin", "member"]
    workspaces: list[Grant] = []
    workspace_api_key_details: KeyDetails | None = None


@route("GET /admin/users", scope="organisation_users.list", who="admin", enterprise=True)
def list_all_users(call: Call) -> Row:
    """All users. Only this list and that of invitations name their paging in camel case."""
    return call.listing(
        call.table("users").rows(),
        keep=lambda user: _matches_query(call, user, "role"),
        render=lambda user: _user_answer(call, user),
        parameters=("currentPage", "pageSize"),
    )


@route("GET /admin/users/{user_id}", scope="organisation_users.read", who="admin", enterprise=True)
def get_user(call: Call) -> Row:
    """One user."""
    return _user_answer(call, call.find("users", call.ids["user_id"]))


@route(
    "PUT /admin/users/{user_id}", scope="organisation_users.update", who="admin", enterprise=True
)
def update_user(call: Call) -> Row:
    """Change the role; nobody can be made the owner."""
    user = call.find("users", call.ids["user_id"])
    change = call.read(UserChange)
    if change.role is not None:
        _check_not_last_owner(call, user)
        changes = {"role": change.role, "last_updated_at": call.store.stamp()}
        call.table("users").change(user, changes)
    return {}


@route(
    "DELETE /admin/users/{user_id}", scope="organisation_users.delete", who="admin", enterprise=True
)
def delete_user(call: Call) -> Row:
    """Delete a user, with memberships and API keys."""
    user = call.find("users", call.ids["user_id"])
    _check_not_last_owner(call, user)
    call.store.delete("users", user)
    return {}


def _check_not_last_owner(call: Call, user: Row) -> None:
    """Refuse to delete or demote the last owner: nobody could be made one (an assumption)."""
    owners = call.table("users").where(role="owner")
    if user["role"] == "owner" and len(owners) == 1:
        raise Refusal(400, "The last owner of an organisation cannot be removed or demoted")


@route("POST /admin/users/invites", scope="organisation_users.create", who="admin", enterprise=True)
def invite_user(call: Call) -> Row:
    """Invite a person; refused for the address of a user, and of a pending invitation.

    The latter is an assumption: the Terraform provider cancels an invitation before it makes
    another one for the same address.
    """
    body = call.read(Invitation)
    for grant in body.workspaces:
        if call.table("workspaces").find(grant.id) is None:
            raise forbidden()
    if "@" not in body.email:
        raise invalid("email", "must be an e-mail address")
    _check_address(call, body.email)
    now = call.store.now()
    invite: Row = {
        "object": "invite",
        "id": call.store.uuid(),
        "email": body.email,
        "role": body.role,
        "status": "pending",
        "created_at": moment(now),
        "expires_at": moment(now + timedelta(days=INVITE_DAYS)),
        "accepted_at": None,
        "invited_by": call.key.get("user_id"),
        # Portkey's answers do not contain these (seen by the Terraform provider).
        "_workspaces": [grant.model_dump() for grant in body.workspaces],
        "_organisation_id": call.organisation,
        "_scopes": body.workspace_api_key_details and body.workspace_api_key_details.scopes,
    }
    call.table("invites").add(invite)
    return {"id": invite["id"], "invite_link": _link(invite)}


def _check_address(call: Call, email: str) -> None:
    """Refuse the address of a user or of a pending invitation, in any case of its letters."""
    address = email.lower()
    if any(user["email"].lower() == address for user in call.table("users").rows()):
        raise Refusal(409, "User is already a member of the organisation")
    for invite in call.table("invites").rows():
        is_pending = _invite_answer(call, invite)["status"] == "pending"
        if is_pending and invite["email"].lower() == address:
            raise Refusal(409, "User has already been invited. Cancel or resend the invitation")


@route("GET /admin/users/invites", scope="organisation_users.list", who="admin", enterprise=True)
def list_user_invites(call: Call) -> Row:
    """All invitations."""
    return call.listing(
        call.table("invites").rows(),
        keep=lambda invite: _matches_query(call, _invite_answer(call, invite), "role", "status"),
        render=lambda invite: _invite_answer(call, invite),
        parameters=("currentPage", "pageSize"),
    )


@route(
    "GET /admin/users/invites/{invite_id}",
    scope="organisation_users.read",
    who="admin",
    enterprise=True,
)
def get_user_invite(call: Call) -> Row:
    """One invitation."""
    return _invite_answer(call, call.find("invites", call.ids["invite_id"]))


@route(
    "DELETE /admin/users/invites/{invite_id}",
    scope="organisation_users.delete",
    who="admin",
    enterprise=True,
)
def delete_user_invite(call: Call) -> Row:
    """Cancel a pending invitation; it stays in the list."""
    call.table("invites").change(_pending(call), {"status": "cancelled"})
    return {}


@route(
    "POST /admin/users/invites/{invite_id}/resend",
    scope="organisation_users.create",
    who="admin",
    enterprise=True,
)
def resend_user_invite(call: Call) -> Row:
    """The same link as before, in a field that only this endpoint names so."""
    return {"inviteLink": _link(_pending(call))}


def _user_answer(call: Call, user: Row) -> Row:
    """A user in answers: with all workspaces for owners and admins, with their own for members."""
    workspaces = call.table("workspaces")
    own = [m["workspace_id"] for m in call.table("members").where(user_id=user["id"])]
    visible = own if user["role"] == "member" else [each["id"] for each in workspaces.rows()]
    return {**user, "workspace_ids": [workspaces[w]["slug"] for w in visible if w in workspaces]}


def _matches_query(call: Call, row: Row, *names: str) -> bool:
    filters = ((name, call.query.get(name)) for name in (*names, "email"))
    return all(value is None or row[name] == value for name, value in filters)


def _invite_answer(call: Call, invite: Row) -> Row:
    is_expired = invite["status"] == "pending" and invite["expires_at"] <= call.store.stamp()
    current = {**invite, "status": "expired"} if is_expired else invite
    return {name: value for name, value in current.items() if not name.startswith("_")}


def _pending(call: Call) -> Row:
    invite = call.find("invites", call.ids["invite_id"])
    if _invite_answer(call, invite)["status"] != "pending":
        raise Refusal(400, "Invite is not pending")
    return invite


@control("POST /emulator/invites/{invite_id}/accept")
def _accept(emulator: "Emulator", call: Call) -> Row:
    """Accept an invitation, which Portkey offers in a browser only."""
    invite = _pending(call)
    with emulator.store.transaction():
        return {"user_id": accept_invitation(call, invite)["id"]}


def accept_invitation(call: Call, invite: Row) -> Row:
    """Add the user of a pending invitation, as a member of its workspaces."""
    now = call.store.stamp()
    user = {
        "object": "user",
        "id": call.store.uuid(),
        "first_name": invite["email"].partition("@")[0].capitalize(),
        "last_name": "",
        "role": invite["role"],
        "email": invite["email"],
        "created_at": now,
        "last_updated_at": now,
    }
    call.table("users").add(user)
    for grant in invite["_workspaces"]:
        workspace = call.table("workspaces").find(grant["id"])
        if workspace is not None:
            add_member(call, workspace, user["id"], grant["role"])
            if invite["_scopes"]:
                _create_promised_key(call, invite, workspace, user)
    call.table("invites").change(invite, {"status": "accepted", "accepted_at": now})
    return user


def _create_promised_key(call: Call, invite: Row, workspace: Row, user: Row) -> None:
    """Create the API key that the invitation promised. How Portkey names it is not known."""
    owner = {"type": ADMIN, "organisation_id": invite["_organisation_id"], "_owner": True}
    body = {
        "name": f"{user['first_name']}'s key"[:100],
        "scopes": invite["_scopes"],
        "workspace_id": workspace["id"],
        "user_id": user["id"],
    }
    create_api_key(Call(call.store, owner, {"type": "workspace", "sub_type": "user"}, {}, body))


def _link(invite: Row) -> str:
    return f"https://app.portkey.ai/invite/{invite['id']}"
