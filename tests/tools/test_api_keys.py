"""API keys through MCP, and through the functions."""

from datetime import timedelta

import pytest

from portkey_admin_mcp.errors import Conflict, Forbidden, NotFound, Rejected, Unauthenticated
from portkey_admin_mcp.models.api_keys import (
    ApiKeyDraft,
    ApiKeyFilter,
    ApiKeyPatch,
    Rotation,
    RotationPolicy,
)
from portkey_admin_mcp.models.core.limits import KeyRateLimit, UsageLimits
from portkey_admin_mcp.models.core.paging import PagedHere
from portkey_admin_mcp.models.core.vocabulary import WorkspaceSelector
from portkey_admin_mcp.models.users import UserFilter
from portkey_admin_mcp.models.virtual_keys import VirtualKeyFilter
from portkey_admin_mcp.models.workspaces import WorkspaceFilter
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.tools.api_keys import (
    create_api_key,
    delete_api_key,
    get_api_key,
    list_api_keys,
    rotate_api_key,
    update_api_key,
)
from portkey_admin_mcp.tools.configs import list_configs
from portkey_admin_mcp.tools.users import list_all_users
from portkey_admin_mcp.tools.virtual_keys import list_virtual_keys
from portkey_admin_mcp.tools.workspaces import list_workspaces

WHOLE = PagedHere()

HOUR_MS = 3_600_000


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def make(api, support):
    """Make a service key in Support that may list configs."""

    async def created(**more):
        draft = {"name": "New", "scopes": ["configs.list"], "workspace_id": support, **more}
        return await create_api_key(api, ApiKeyDraft(type="workspace", sub_type="service", **draft))

    return created


@pytest.fixture
def opens(connect):
    """Whether Portkey lets a secret in."""

    async def lets_in(secret):
        try:
            return (await list_configs(connect(secret), WorkspaceSelector(), WHOLE)).total == 2
        except Unauthenticated:
            return False

    return lets_in


async def test_a_secret_is_told_once_and_masked_ever_after(ask, support):
    created = await ask(
        "create_api_key",
        type="workspace",
        sub_type="service",
        name="New",
        scopes=["configs.list"],
        workspace_id=support,
    )

    read = await ask("get_api_key", id=created["id"])
    listed = await ask("list_api_keys", page_size=1)
    changed = await ask("update_api_key", id=created["id"], description="Changed")

    assert read["key"] == f"{created['key'][:2]}*****{created['key'][-3:]}"
    assert listed["data"][0]["id"] == created["id"]
    assert created["key"] not in f"{read} {listed} {changed}"


async def test_a_key_may_do_what_its_scopes_say_and_no_more(connect, make):
    created = await make(scopes=["configs.list"])

    assert (await list_configs(connect(created.key), WorkspaceSelector(), WHOLE)).total == 2
    with pytest.raises(Forbidden):
        await list_virtual_keys(connect(created.key), VirtualKeyFilter())


async def test_an_organisation_key_is_pinned_to_no_workspace(api, connect, support):
    draft = ApiKeyDraft(
        type="organisation", sub_type="service", name="New", scopes=["configs.list"]
    )

    created = await create_api_key(api, draft)

    key = await get_api_key(api, created.id)
    assert (key.type, key.workspace_id) == ("organisation-service", None)
    assert (
        await list_configs(connect(created.key), WorkspaceSelector(workspace_id=support), WHOLE)
    ).total == 2


async def test_a_persons_key_names_the_person(api, support, user):
    draft = ApiKeyDraft(
        type="workspace",
        sub_type="user",
        name="Emi's",
        scopes=["logs.view"],
        workspace_id=support,
        user_id=user("Emi"),
    )

    created = await create_api_key(api, draft)

    key = await get_api_key(api, created.id)
    assert (key.type, key.user_id) == ("workspace-user", user("Emi"))


@pytest.mark.parametrize(
    ("arguments", "stored"),
    [
        (
            {"credit_limit": 50},
            {
                "usage_limits": {"type": "cost", "periodic_reset": "monthly", "credit_limit": 50},
                "rate_limits": [],
            },
        ),
        (
            {"credit_limit": 50, "alert_threshold": 40, "rate_limit_rpm": 60},
            {
                "usage_limits": {
                    "type": "cost",
                    "periodic_reset": "monthly",
                    "credit_limit": 50,
                    "alert_threshold": 40,
                },
                "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
            },
        ),
        (
            {
                "usage_limits": UsageLimits(type="tokens", credit_limit=9, periodic_reset_days=10),
                "rate_limits": [KeyRateLimit(type="tokens", unit="rps", value=5)],
            },
            {
                "usage_limits": {"type": "tokens", "credit_limit": 9, "periodic_reset_days": 10},
                "rate_limits": [{"type": "tokens", "unit": "rps", "value": 5}],
            },
        ),
    ],
)
async def test_short_forms_make_the_usual_limits_and_long_ones_any(
    api, emulator, make, arguments, stored
):
    created = await make(**arguments)
    row = emulator.store.table("api_keys")[created.id]
    assert {name: row[name] for name in stored} == stored

    other = await make()
    await update_api_key(api, other.id, ApiKeyPatch(**arguments))
    row = emulator.store.table("api_keys")[other.id]
    assert {name: row[name] for name in stored} == stored


async def test_defaults_are_given_flat_and_kept_nested(api, emulator, make):
    config = next(iter(emulator.store.table("configs").rows()))
    created = await make(
        default_config_id=config["slug"],
        default_metadata={"team": "support"},
        default_allow_config_override=False,
    )

    await update_api_key(api, created.id, ApiKeyPatch(default_metadata={"team": "sales"}))

    assert (await get_api_key(api, created.id)).defaults == {
        "config_id": config["slug"],
        "metadata": {"team": "sales"},
        "allow_config_override": False,
    }


async def test_a_policy_is_kept_and_says_when_the_next_rotation_is(api, make):
    policy = RotationPolicy(rotation_period="weekly", key_transition_period_ms=HOUR_MS)
    created = await make(rotation_policy=policy, alert_emails=["ops@acme.example"])

    key = (await get_api_key(api, created.id)).answer()

    assert key["alert_emails"] == ["ops@acme.example"]
    assert key["rotation_policy"] == {
        "rotation_period": "weekly",
        "key_transition_period_ms": HOUR_MS,
        "next_rotation_at": "2026-11-09T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("field", "cleared"), [("expires_at", None), ("rate_limits", []), ("rotation_policy", None)]
)
async def test_null_clears_and_absence_keeps(ask, make, emulator, field, cleared):
    created = await make(
        expires_at="2027-01-01T00:00:00Z",
        rate_limits=[KeyRateLimit(type="requests", unit="rpd", value=5)],
        rotation_policy=RotationPolicy(rotation_period="monthly"),
    )
    keys = emulator.store.table("api_keys")
    before = keys[created.id]

    await ask("update_api_key", id=created.id, name="Renamed")
    assert keys[created.id] == {**before, "name": "Renamed"}

    await ask("update_api_key", id=created.id, **{field: None})
    assert keys[created.id] == {**before, "name": "Renamed", field: cleared}
    assert before[field] != cleared


async def test_an_update_replaces_all_scopes(api, connect, make):
    created = await make(scopes=["configs.list"])

    await update_api_key(api, created.id, ApiKeyPatch(scopes=["virtual_keys.list"]))

    assert (await list_virtual_keys(connect(created.key), VirtualKeyFilter())).total == 2
    with pytest.raises(Forbidden):
        await list_configs(connect(created.key), WorkspaceSelector(), WHOLE)


@pytest.mark.parametrize("yes", [True, 1, "true"])
async def test_a_budget_begins_anew_however_a_client_says_yes(ask, make, emulator, yes):
    created = await make(credit_limit=5)
    keys = emulator.store.table("api_keys")
    keys.change(keys[created.id], {"status": "exhausted", "_usage": 5})

    await ask("update_api_key", id=created.id, reset_usage=yes)

    row = keys[created.id]
    assert (row["status"], row["_usage"]) == ("active", 0)


async def test_rotation_keeps_both_secrets_until_the_transition_ends(api, emulator, make, opens):
    created = await make()

    turned = await rotate_api_key(api, created.id, Rotation(key_transition_period_ms=HOUR_MS))

    assert turned.key_transition_expires_at == "2026-11-02T10:00:00.000Z"
    emulator.store.ahead = timedelta(minutes=59)
    assert (await opens(created.key), await opens(turned.key)) == (True, True)
    emulator.store.ahead = timedelta(minutes=60)
    assert (await opens(created.key), await opens(turned.key)) == (False, True)


async def test_a_key_in_transition_is_not_rotated_again(api, emulator, make, opens):
    created = await make()
    turned = await rotate_api_key(api, created.id, Rotation())

    emulator.store.ahead = timedelta(minutes=29)
    with pytest.raises(Conflict, match="already in progress"):
        await rotate_api_key(api, created.id, Rotation())
    assert (await opens(created.key), await opens(turned.key)) == (True, True)

    emulator.store.ahead = timedelta(minutes=30)
    assert (await rotate_api_key(api, created.id, Rotation())).key != turned.key


async def test_a_model_rotates_a_key_and_the_new_secret_is_not_told_again(ask, make):
    created = await make()

    turned = await ask("rotate_api_key", id=created.id)

    assert turned["id"] == created.id
    assert turned["key"] not in (created.key, (await ask("get_api_key", id=created.id))["key"])


@pytest.mark.parametrize(
    ("key", "error"),
    [("scopeless", Forbidden), ("revoked", Unauthenticated), ("not-a-key", Unauthenticated)],
)
async def test_a_key_that_may_nothing_is_refused_everywhere(connect, support, key, error):
    client = connect(key)

    for request in (
        list_workspaces(client, WorkspaceFilter()),
        list_configs(client, WorkspaceSelector(workspace_id=support), WHOLE),
        list_virtual_keys(client, VirtualKeyFilter(workspace_id=support)),
        list_api_keys(client, ApiKeyFilter()),
        list_all_users(client, UserFilter()),
    ):
        with pytest.raises(error):
            await request


async def test_a_key_expires_at_its_moment_and_may_live_again(api, emulator, make, opens):
    created = await make(expires_at="2026-11-02T10:00:00Z")
    assert await opens(created.key)

    emulator.store.ahead = timedelta(hours=1)
    assert not await opens(created.key)
    assert (await get_api_key(api, created.id)).status == "expired"

    await update_api_key(api, created.id, ApiKeyPatch(expires_at=None))
    assert await opens(created.key)


async def test_a_deleted_key_is_gone(api, make, opens):
    created = await make()

    assert (await delete_api_key(api, created.id)).success

    assert not await opens(created.key)
    with pytest.raises(Forbidden):
        await get_api_key(api, created.id)
    with pytest.raises(NotFound):
        await delete_api_key(api, "none")


async def test_keys_are_listed_of_one_workspace_or_all_and_paged_from_zero(api, make, support):
    await make()

    ours = await list_api_keys(api, ApiKeyFilter(workspace_id=support))
    page = await list_api_keys(api, ApiKeyFilter(page_size=3, current_page=1))
    complete = await list_api_keys(api, ApiKeyFilter())

    assert [key.name for key in ours.data] == ["New", "Workspace user", "Workspace service"]
    assert page.data == complete.data[3:6]
    assert page.total == len(complete.data) == 9


async def test_a_workspace_key_sees_no_key_of_another_workspace(api, connect, support, workspace):
    service, science = connect("workspace-service"), workspace("Science")
    draft = ApiKeyDraft(
        type="workspace",
        sub_type="service",
        name="New",
        scopes=["logs.view"],
        workspace_id=science,
    )
    theirs = await create_api_key(api, draft)

    ours = await list_api_keys(service, ApiKeyFilter())
    assert {key.workspace_id for key in ours.data} == {support}
    for request in (
        list_api_keys(service, ApiKeyFilter(workspace_id=science)),
        get_api_key(service, theirs.id),
        update_api_key(service, theirs.id, ApiKeyPatch(name="Ours")),
        rotate_api_key(service, theirs.id, Rotation()),
        delete_api_key(service, theirs.id),
        create_api_key(service, draft),
    ):
        with pytest.raises(Forbidden):
            await request


@pytest.mark.parametrize(
    ("type_", "sub_type", "more", "message"),
    [
        ("organisation", "user", {}, "organisation keys are service keys"),
        ("workspace", "service", {}, "workspace_id: is required"),
        ("workspace", "user", {"workspace_id": "ws"}, "user_id: is required"),
    ],
)
async def test_a_kind_of_key_that_lacks_something_is_not_sent(
    refusal, emulator, type_, sub_type, more, message
):
    kind = {"type": type_, "sub_type": sub_type}

    advice = await refusal("create_api_key", name="New", scopes=["logs.view"], **kind, **more)

    assert message in advice
    assert list(emulator.log) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"credit_limit": 5, "usage_limits": {"credit_limit": 9}}, "(credit_limit), not both"),
        ({"alert_threshold": 80}, "alert_threshold needs credit_limit"),
        ({"credit_limit": 50, "alert_threshold": 50}, "must be below credit_limit"),
        ({"rate_limit_rpm": 5, "rate_limits": []}, "rate_limits or its short form"),
        ({"rate_limits": [{"type": "requests"}]}, "rate_limits.0.unit: is required"),
        ({"scopes": []}, "scopes: List should have at least 1 item"),
        ({"name": "x" * 101}, "name: String should have at most 100 characters"),
        ({"description": "x" * 201}, "description: String should have at most 200 characters"),
        ({"expires_at": "soon"}, "expires_at: "),
        ({"alert_emails": ["ops"]}, "alert_emails.0: "),
        (
            {"rotation_policy": {"key_transition_period_ms": 60_000}},
            "rotation_policy.key_transition_period_ms: ",
        ),
        ({"default_config": "pc-x"}, "did you mean default_config_id?"),
    ],
)
async def test_a_key_that_cannot_be_is_not_sent(refusal, emulator, arguments, message):
    complete = {"name": "New", "scopes": ["logs.view"], "type": "workspace", "sub_type": "service"}

    created = await refusal("create_api_key", **{**complete, "workspace_id": "ws", **arguments})
    updated = await refusal("update_api_key", id="k", **arguments)

    assert message in created
    assert message in updated
    assert list(emulator.log) == []


async def test_a_policy_without_a_time_is_refused_by_portkey(make):
    with pytest.raises(Rejected, match="needs a period or a next rotation"):
        await make(rotation_policy=RotationPolicy(key_transition_period_ms=HOUR_MS))


async def test_a_model_reads_which_scopes_would_do(ask, refusal, make):
    created = await make()
    await ask("delete_api_key", id=created.id)

    advice = await refusal("rotate_api_key", id=created.id)

    assert "Portkey answered 403 AB03 to POST /api-keys/{id}/rotate" in advice
    assert "organisation_service_api_keys.rotate or workspace_service_api_keys.rotate" in advice


async def test_an_update_of_nothing_is_not_sent(refusal, emulator):
    advice = await refusal("update_api_key", id="k")

    assert "give something to change: credit_limit" in advice
    assert list(emulator.log) == []


async def test_many_scopes_are_counted_and_named_on_request(ask, emulator):
    rows = emulator.store.table("api_keys").rows()
    key = max(rows, key=lambda row: len(row["scopes"]))
    few = min(rows, key=lambda row: len(row["scopes"]))

    brief = await ask("get_api_key", id=key["id"])
    asked = await ask("get_api_key", id=key["id"], fields="scopes")
    everything = await ask("get_api_key", id=key["id"], fields="*")

    assert brief["scopes"] == f"{len(key['scopes'])} scopes; `fields: scopes` names them"
    assert asked == {"id": key["id"], "name": key["name"], "scopes": key["scopes"]}
    assert everything == {**brief, "scopes": key["scopes"]}
    assert (await ask("get_api_key", id=few["id"]))["scopes"] == few["scopes"]


async def test_a_list_of_keys_shows_what_its_description_says(ask):
    description = tool_of(list_api_keys).description
    listed = await ask("list_api_keys")
    with_scopes = await ask("list_api_keys", fields="scopes")

    assert "last_seen" in description
    assert "get_analytics_group" in description
    assert "scopes" in listed["more_fields"]
    assert all(row["scopes"] or row for row in with_scopes["data"])
    assert {name for row in listed["data"] for name in row} >= {"user_id", "status"}
