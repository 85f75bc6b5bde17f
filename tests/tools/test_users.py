"""Users and invitations through MCP, and through the functions."""

from datetime import timedelta

import pytest

from portkey_admin_mcp.errors import Conflict, Forbidden, NotFound, Rejected, Unauthenticated
from portkey_admin_mcp.models.core.paging import PagedHere
from portkey_admin_mcp.models.core.vocabulary import WorkspaceSelector
from portkey_admin_mcp.models.users import (
    InviteApiKey,
    InviteDraft,
    InviteFilter,
    UserFilter,
    UserPatch,
    WorkspaceGrant,
)
from portkey_admin_mcp.tools.configs import list_configs
from portkey_admin_mcp.tools.users import (
    delete_user,
    delete_user_invite,
    get_user,
    get_user_invite,
    invite_user,
    list_all_users,
    list_user_invites,
    resend_user_invite,
    update_user,
)

WHOLE = PagedHere()


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.mark.parametrize(
    ("filters", "names", "total"),
    [
        ({}, ["Emi", "Diego", "Chitra", "Ben", "Ada"], 5),
        ({"page_size": 2, "current_page": 0}, ["Emi", "Diego"], 5),
        ({"page_size": 2, "current_page": 2}, ["Ada"], 5),
        ({"role": "owner"}, ["Ada"], 1),
        ({"email": "ben@acme.example"}, ["Ben"], 1),
    ],
)
async def test_users_are_filtered_and_paged_from_zero(api, filters, names, total):
    page = await list_all_users(api, UserFilter(**filters))

    assert [user.first_name for user in page.data] == names
    assert page.total == total


async def test_a_user_is_told_with_role_and_workspaces(api, user):
    diego = await get_user(api, user("Diego"))

    assert (diego.email, diego.role) == ("diego@acme.example", "member")
    assert [slug.startswith("ws-suppor") for slug in diego.workspace_ids] == [True]


async def test_a_member_who_becomes_admin_sees_every_workspace(api, user):
    await update_user(api, user("Emi"), UserPatch(role="admin"))

    emi = await get_user(api, user("Emi"))
    assert (emi.role, len(emi.workspace_ids)) == ("admin", 3)


async def test_a_name_is_not_sent_and_the_model_is_told(call, emulator, user):
    emi = user("Emi")

    result = await call("update_user", {"user_id": emi, "role": "admin", "first_name": "Emma"})

    assert result.structured_content == {
        "success": True,
        "notes": [
            "Not sent, because Portkey has no such field here: first_name.",
            f'Sent to user_id "{emi}": role "admin".',
        ],
    }
    changed = emulator.store.table("users")[emi]
    assert (changed["role"], changed["first_name"]) == ("admin", "Emi")


async def test_an_update_without_a_role_is_not_sent(refusal, emulator, user):
    advice = await refusal("update_user", user_id=user("Emi"), first_name="Emma")

    assert "give role" in advice
    assert list(emulator.log) == []


async def test_a_deleted_user_is_gone_with_every_key(api, connect, user):
    emi, hers = user("Emi"), connect("workspace-user")
    await list_configs(hers, WorkspaceSelector(), WHOLE)

    assert (await delete_user(api, emi)).success

    with pytest.raises(Forbidden):
        await get_user(api, emi)
    with pytest.raises(Unauthenticated):
        await list_configs(hers, WorkspaceSelector(), WHOLE)


async def test_a_user_who_never_was_is_not_found(api):
    with pytest.raises(NotFound):
        await get_user(api, "nobody")


async def test_an_invitation_says_who_joins_what_with_which_key(api, emulator, support):
    slug = emulator.store.table("workspaces")[support]["slug"]
    draft = InviteDraft(
        email="gita@new.example",
        role="member",
        workspaces=[WorkspaceGrant(id=slug, role="manager")],
        workspace_api_key_details=InviteApiKey(scopes=["logs.view"]),
    )

    created = await invite_user(api, draft)

    stored = emulator.store.table("invites")[created.id]
    assert stored["_workspaces"] == [{"id": slug, "role": "manager"}]
    assert stored["_scopes"] == ["logs.view"]
    invite = await get_user_invite(api, created.id)
    assert (invite.email, invite.role, invite.status) == ("gita@new.example", "member", "pending")
    assert created.invite_link.endswith(created.id)


async def test_the_workspaces_portkey_demands_may_be_left_out(api):
    draft = InviteDraft(email="gita@new.example", role="admin")

    assert draft.wire()["workspaces"] == []
    assert (await invite_user(api, draft)).id


async def test_what_an_invitation_cannot_hold_is_told(call):
    result = await call(
        "invite_user",
        {"email": "gita@new.example", "role": "member", "first_name": "Gita", "last_name": "Iyer"},
    )

    assert not result.is_error
    assert result.structured_content["notes"][0].endswith(": first_name, last_name.")


async def test_someone_who_is_a_user_already_is_not_invited(api):
    with pytest.raises(Conflict, match="already a member"):
        await invite_user(api, InviteDraft(email="emi@acme.example", role="member"))


@pytest.mark.parametrize(
    ("filters", "emails"),
    [
        ({}, ["gita@new.example", "farid@acme.example"]),
        ({"role": "admin"}, ["gita@new.example"]),
        ({"email": "farid@acme.example"}, ["farid@acme.example"]),
        ({"status": "accepted"}, []),
        ({"page_size": 1, "current_page": 1}, ["farid@acme.example"]),
    ],
)
async def test_invitations_are_filtered_and_paged(api, filters, emails):
    await invite_user(api, InviteDraft(email="gita@new.example", role="admin"))

    page = await list_user_invites(api, InviteFilter(**filters))

    assert [invite.email for invite in page.data] == emails


async def test_an_invitation_sent_again_has_the_same_link(ask):
    created = await ask("invite_user", email="gita@new.example", role="member", workspaces=[])

    again = await ask("resend_user_invite", invite_id=created["id"])

    assert again == {"inviteLink": created["invite_link"]}


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_an_invitation_that_has_ended_is_not_sent_again(api, emulator, end):
    created = await invite_user(api, InviteDraft(email="gita@new.example", role="member"))
    if end == "cancelled":
        await delete_user_invite(api, created.id)
    else:
        emulator.store.ahead = timedelta(days=8)

    assert (await get_user_invite(api, created.id)).status == end
    with pytest.raises(Rejected, match="not pending"):
        await resend_user_invite(api, created.id)


async def test_a_model_must_name_an_email_that_could_be_one(refusal, emulator):
    assert "email: " in await refusal("invite_user", email="gita", role="member")
    assert list(emulator.log) == []


async def test_what_an_invitations_key_has_no_field_for_is_named(call, emulator):
    details = {"scopes": ["logs.view"], "name": "first", "expiry": "2027-01-01"}
    arguments = {
        "email": "new@acme.example",
        "role": "member",
        "workspace_api_key_details": details,
    }

    result = await call("invite_user", arguments)

    assert result.structured_content["notes"][0] == (
        "Not sent, because Portkey has no such field here: workspace_api_key_details.expiry, "
        "workspace_api_key_details.name."
    )
