"""Users, invitations and user statistics through MCP, and through the functions."""

from collections import Counter
from datetime import timedelta
from statistics import median

import pytest

from portkey_admin_mcp.errors import (
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unauthenticated,
)
from portkey_admin_mcp.models.paging import PagedHere
from portkey_admin_mcp.models.users import (
    InviteApiKey,
    InviteDraft,
    InviteFilter,
    UserFilter,
    UserPatch,
    UserStatsFilter,
    WorkspaceGrant,
)
from portkey_admin_mcp.models.vocabulary import WorkspaceSelector
from portkey_admin_mcp.tools.configs import list_configs
from portkey_admin_mcp.tools.users import (
    delete_user,
    delete_user_invite,
    get_user,
    get_user_invite,
    get_user_stats,
    invite_user,
    list_all_users,
    list_user_invites,
    resend_user_invite,
    update_user,
)

WHOLE = PagedHere()

OCTOBER = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def requests(emulator, support):
    """The requests that were made in Support."""
    rows = emulator.store.table("requests").rows()
    return [row for row in rows if row["workspace_id"] == support]


@pytest.fixture
def counted(api, support):
    """Requests by user, as Portkey counts them in Support under these filters."""

    async def by_user(**filters):
        asked = UserStatsFilter(**{**OCTOBER, "workspace_slug": support, **filters})
        return {row.user: row.requests for row in (await get_user_stats(api, asked)).data}

    return by_user


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

    assert result.structured_content == {"success": True}
    assert "Not sent, for Portkey has no such field here: first_name." in result.content[1].text
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

    made = await invite_user(api, draft)

    kept = emulator.store.table("invites")[made.id]
    assert kept["_workspaces"] == [{"id": slug, "role": "manager"}]
    assert kept["_scopes"] == ["logs.view"]
    invite = await get_user_invite(api, made.id)
    assert (invite.email, invite.role, invite.status) == ("gita@new.example", "member", "pending")
    assert made.invite_link.endswith(made.id)


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
    assert result.content[1].text.endswith(": first_name, last_name.")


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
    made = await ask("invite_user", email="gita@new.example", role="member", workspaces=[])

    again = await ask("resend_user_invite", invite_id=made["id"])

    assert again == {"inviteLink": made["invite_link"]}


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_an_invitation_that_has_ended_is_not_sent_again(api, emulator, end):
    made = await invite_user(api, InviteDraft(email="gita@new.example", role="member"))
    if end == "cancelled":
        await delete_user_invite(api, made.id)
    else:
        emulator.store.ahead = timedelta(days=8)

    assert (await get_user_invite(api, made.id)).status == end
    with pytest.raises(Rejected, match="not pending"):
        await resend_user_invite(api, made.id)


async def test_statistics_count_requests_and_cents_by_user(api, requests, support):
    asked = UserStatsFilter(**OCTOBER, workspace_slug=support)
    page = await get_user_stats(api, asked)

    expected = Counter(row["user"] for row in requests)
    cost = sum(row["cost"] for row in requests)
    assert {row.user: row.requests for row in page.data} == expected
    assert sum(row.cost for row in page.data) == pytest.approx(cost)


async def test_statistics_are_paged_the_costliest_first(api, support):
    def page(**paging):
        return get_user_stats(api, UserStatsFilter(**OCTOBER, workspace_slug=support, **paging))

    everyone = [row.user for row in (await page()).data]

    second = await page(page_size=1, current_page=1)

    assert ([row.user for row in second.data], second.total) == (everyone[1:2], 3)


@pytest.mark.parametrize(
    ("argument", "field"),
    [
        ("total_units", "total_tokens"),
        ("cost", "cost"),
        ("prompt_token", "prompt_tokens"),
        ("completion_token", "completion_tokens"),
        ("weighted_feedback", "weighted_feedback"),
    ],
)
async def test_a_range_counts_what_lies_in_it(counted, requests, argument, field):
    values = [row[field] for row in requests if row[field] is not None]
    middle = median(values) if field == "cost" else int(median(values))
    low = Counter(row["user"] for row in requests if (row[field] or middle + 1) <= middle)
    high = Counter(row["user"] for row in requests if (row[field] or middle - 1) >= middle)

    assert await counted(**{f"{argument}_max": middle}) == low
    assert await counted(**{f"{argument}_min": middle}) == high
    assert 0 < low.total() < len(requests)
    assert 0 < high.total() < len(requests)


@pytest.mark.parametrize(
    ("argument", "field"),
    [
        ("status_code", "status_code"),
        ("virtual_keys", "virtual_key"),
        ("configs", "config"),
        ("api_key_ids", "api_key_id"),
        ("ai_org_model", "ai_org_model"),
        ("trace_id", "trace_id"),
        ("span_id", "span_id"),
        ("prompt_slug", "prompt_slug"),
    ],
)
async def test_a_list_counts_what_it_names(counted, requests, argument, field):
    for row in requests[::3]:
        row["prompt_slug"] = "pp-hello"
    values = sorted({str(row[field]) for row in requests if row[field] is not None})
    one, two = ",".join(values[:1]), ",".join(values[:2])

    def expected(listed):
        return Counter(row["user"] for row in requests if str(row[field]) in listed.split(","))

    assert await counted(**{argument: one}) == expected(one)
    assert await counted(**{argument: two}) == expected(two)
    assert await counted(**{argument: "other"}) == {}


async def test_metadata_counts_what_has_every_pair(counted, requests):
    emi = sum(row["user"] == "emi@acme.example" for row in requests)

    pairs = '{"team": "support", "_user": "emi@acme.example"}'
    assert await counted(metadata=pairs) == {"emi@acme.example": emi}
    assert await counted(metadata='{"team": "shared"}') == {}


async def test_the_period_counts_what_was_made_in_it(counted, requests):
    times = sorted(row["created_at"] for row in requests)
    first, last = times[50], times[-50]
    expected = Counter(row["user"] for row in requests if first <= row["created_at"] <= last)

    assert await counted(time_of_generation_min=first, time_of_generation_max=last) == expected
    assert 0 < expected.total() < len(requests)


async def test_without_a_workspace_the_default_one_is_counted(api):
    page = await get_user_stats(api, UserStatsFilter(**OCTOBER))

    assert sum(row.requests for row in page.data) == 100


async def test_a_model_must_name_the_period_and_an_email_that_could_be_one(refusal, emulator):
    assert "time_of_generation_min: is required" in await refusal("get_user_stats")
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

    assert result.content[1].text == (
        "Not sent, for Portkey has no such field here: workspace_api_key_details.expiry, "
        "workspace_api_key_details.name."
    )
