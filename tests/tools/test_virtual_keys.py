"""Virtual keys through MCP, and through the functions."""

import pytest

from portkey_admin_mcp.errors import Forbidden, NotFound, Rejected
from portkey_admin_mcp.models.core.limits import RateLimit, UsageLimits
from portkey_admin_mcp.models.core.vocabulary import WorkspaceSelector
from portkey_admin_mcp.models.virtual_keys import (
    Deployment,
    SecretMapping,
    VirtualKeyDraft,
    VirtualKeyFilter,
    VirtualKeyPatch,
)
from portkey_admin_mcp.tools.virtual_keys import (
    create_virtual_key,
    delete_virtual_key,
    get_virtual_key,
    list_virtual_keys,
    update_virtual_key,
)

OPENAI = {"name": "Main", "provider": "openai", "key": "sk-hidden"}


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def make(api, support):
    """Make a virtual key in Support, and return its slug."""

    async def created(**more):
        draft = VirtualKeyDraft(**{**OPENAI, "workspace_id": support, **more})
        return (await create_virtual_key(api, draft)).slug

    return created


@pytest.fixture
def stored(emulator):
    """What the store keeps of a virtual key."""

    def row(slug):
        rows = emulator.store.table("virtual_keys").rows()
        return next(row for row in rows if row["slug"] == slug)

    return row


async def test_a_providers_key_is_kept_and_never_shown(api, make, stored, support):
    slug = await make(key="sk-hidden-1")
    await update_virtual_key(api, slug, VirtualKeyPatch(key="sk-hidden-2"))

    read = await get_virtual_key(api, slug, WorkspaceSelector(workspace_id=support))
    listed = await list_virtual_keys(api, VirtualKeyFilter(workspace_id=support))

    assert stored(slug)["_key"] == "sk-hidden-2"
    assert listed.data[0].slug == slug
    assert "sk-hidden" not in f"{read.answer()} {listed.answer()}"


async def test_a_model_makes_reads_changes_and_deletes_one(ask, support):
    created = await ask("create_virtual_key", **OPENAI, workspace_id=support, note="For support")
    slug = created["slug"]

    changed = await ask("update_virtual_key", slug=slug, name="Renamed", workspace_id=support)
    read = await ask("get_virtual_key", slug=slug, workspace_id=support)
    gone = await ask("delete_virtual_key", slug=slug, workspace_id=support)

    assert changed["notes"] == [f'Sent to slug "{slug}", workspace_id "{support}": name "Renamed".']
    assert changed["success"] is True
    assert gone == {"success": True}
    assert (read["name"], read["note"], read["status"]) == ("Renamed", "For support", "active")
    assert (await ask("list_virtual_keys", workspace_id=support))["total"] == 2


@pytest.mark.parametrize(
    ("paging", "names"),
    [
        ({}, ["Main", "Anthropic main", "OpenAI main"]),
        ({"page_size": 2, "current_page": 0}, ["Main", "Anthropic main"]),
        ({"page_size": 2, "current_page": 1}, ["OpenAI main"]),
    ],
)
async def test_a_list_is_of_one_workspace_and_paged_from_zero(api, make, support, paging, names):
    await make()

    page = await list_virtual_keys(api, VirtualKeyFilter(workspace_id=support, **paging))

    assert [key.name for key in page.data] == names
    assert page.total == 3


@pytest.mark.parametrize("by", ["create", "update"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"credit_limit": 50, "alert_threshold": 40},
            {
                "usage_limits": {
                    "type": "cost",
                    "periodic_reset": "monthly",
                    "credit_limit": 50,
                    "alert_threshold": 40,
                },
                "rate_limits": [],
            },
        ),
        (
            {"rate_limit_rpm": 60},
            {
                "usage_limits": None,
                "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
            },
        ),
        (
            {
                "usage_limits": UsageLimits(type="tokens", credit_limit=9),
                "rate_limits": [RateLimit(type="tokens", unit="rpd", value=5)],
            },
            {
                "usage_limits": {"type": "tokens", "credit_limit": 9},
                "rate_limits": [{"type": "tokens", "unit": "rpd", "value": 5}],
            },
        ),
    ],
)
async def test_short_forms_make_the_usual_limits_and_long_ones_any(
    api, make, stored, by, arguments, expected
):
    slug = await make(**(arguments if by == "create" else {}))
    if by == "update":
        await update_virtual_key(api, slug, VirtualKeyPatch(**arguments))

    assert {name: stored(slug)[name] for name in expected} == expected


async def test_azure_fields_reach_portkey_under_its_own_names(ask, stored, support):
    created = await ask(
        "create_virtual_key",
        **{**OPENAI, "provider": "azure-openai", "workspace_id": support},
        api_version="2025-01-01",
        resource_name="acme",
        deployment_name="gpt",
    )
    slug = created["slug"]
    deployment = {"api_version": "2026-01-01", "deployment_name": "gpt-5", "alias": "g"}
    await ask("update_virtual_key", slug=slug, deployment_configurations=[deployment])

    assert stored(slug)["model_config"] == {
        "apiVersion": "2025-01-01",
        "resourceName": "acme",
        "deploymentName": "gpt",
        "deploymentConfig": [{"apiVersion": "2026-01-01", "deploymentName": "gpt-5", "alias": "g"}],
    }


async def test_several_deployments_are_made_at_once(make, stored):
    slug = await make(
        provider="azure-openai",
        deployment_configurations=[
            Deployment(api_version="1", deployment_name="a", is_default=True),
            Deployment(api_version="2", deployment_name="b"),
        ],
    )

    assert stored(slug)["model_config"]["deploymentConfig"] == [
        {"apiVersion": "1", "deploymentName": "a", "is_default": True},
        {"apiVersion": "2", "deploymentName": "b"},
    ]


async def test_a_secret_reference_stands_in_for_the_key(api, support, stored):
    mapping = SecretMapping(
        target_field="key", secret_reference_id="openai-key", secret_key="openai"
    )
    draft = VirtualKeyDraft(
        name="Mapped", provider="openai", secret_mappings=[mapping], workspace_id=support
    )

    slug = (await create_virtual_key(api, draft)).slug

    assert "_key" not in stored(slug)
    assert stored(slug)["secret_mappings"] == [
        {"target_field": "key", "secret_reference_id": "openai-key", "secret_key": "openai"}
    ]


async def test_neither_a_key_nor_a_reference_is_refused(api, support):
    draft = VirtualKeyDraft(name="None", provider="openai", workspace_id=support)

    with pytest.raises(Rejected, match="key: Field required"):
        await create_virtual_key(api, draft)


async def test_null_clears_a_note_and_absence_keeps_everything(ask, make, stored):
    slug = await make(note="Old", credit_limit=5, expires_at="2027-01-01T00:00:00Z")
    before = dict(stored(slug))

    await ask("update_virtual_key", slug=slug, name="Renamed")
    assert stored(slug) == {**before, "name": "Renamed"}

    await ask("update_virtual_key", slug=slug, note=None)
    assert stored(slug) == {**before, "name": "Renamed", "note": None}
    assert before["note"] == "Old"


async def test_a_deleted_virtual_key_is_forbidden_and_an_unknown_one_not_found(api, make):
    slug = await make()
    await delete_virtual_key(api, slug, WorkspaceSelector())

    with pytest.raises(Forbidden):
        await get_virtual_key(api, slug, WorkspaceSelector())
    with pytest.raises(NotFound):
        await get_virtual_key(api, "none", WorkspaceSelector())


async def test_an_admin_key_names_the_right_workspace_or_none(connect, make, support, workspace):
    slug, admin = await make(), connect("admin")

    with pytest.raises(Forbidden):
        await get_virtual_key(admin, slug, WorkspaceSelector(workspace_id=workspace("Science")))
    for selector in (WorkspaceSelector(), WorkspaceSelector(workspace_id=support)):
        assert (await get_virtual_key(admin, slug, selector)).slug == slug


async def test_a_workspace_key_sees_no_other_workspace(connect, make, workspace):
    shared, service = workspace("Shared Team Workspace"), connect("workspace-service")
    theirs = await make(workspace_id=shared)

    assert (await list_virtual_keys(service, VirtualKeyFilter())).total == 2
    for request in (
        list_virtual_keys(service, VirtualKeyFilter(workspace_id=shared)),
        get_virtual_key(service, theirs, WorkspaceSelector()),
        update_virtual_key(service, theirs, VirtualKeyPatch(name="Ours")),
        delete_virtual_key(service, theirs, WorkspaceSelector()),
        create_virtual_key(service, VirtualKeyDraft(**OPENAI, workspace_id=shared)),
    ):
        with pytest.raises(Forbidden):
            await request


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"credit_limit": 5, "usage_limits": {"credit_limit": 9}}, "(credit_limit), not both"),
        ({"alert_threshold": 80}, "alert_threshold needs credit_limit"),
        ({"credit_limit": 50, "alert_threshold": 80}, "must be below credit_limit"),
        ({"rate_limit_rpm": 5, "rate_limits": []}, "rate_limits or its short form"),
        ({"rate_limits": [{"unit": "rps"}]}, "rate_limits.0.unit: Input should be 'rpd'"),
        (
            {"deployment_configurations": [{"api_version": "1"}]},
            "deployment_configurations.0.deployment_name: is required",
        ),
        (
            {"deployment_configurations": [{"apiVersion": "1", "deployment_name": "x"}]},
            "did you mean api_version?",
        ),
        (
            {"secret_mappings": [{"target_field": "key"}]},
            "secret_mappings.0.secret_reference_id: is required",
        ),
        ({"notes": "x"}, "did you mean note?"),
    ],
)
async def test_a_virtual_key_that_cannot_be_is_not_sent(refusal, emulator, arguments, message):
    created = await refusal("create_virtual_key", **{**OPENAI, **arguments})
    updated = await refusal("update_virtual_key", slug="s", **arguments)

    assert message in created
    assert message in updated
    assert list(emulator.log) == []


async def test_a_model_is_told_to_name_the_workspace(refusal, ask, make):
    slug = await make()
    await ask("delete_virtual_key", slug=slug)

    advice = await refusal("get_virtual_key", slug=slug)

    assert "get_virtual_key needs a key with virtual_keys.read." in advice
    assert "name the workspace (`workspace_id`)" in advice


@pytest.mark.parametrize("arguments", [{}, {"workspace_id": "ws-a"}])
async def test_an_update_of_nothing_is_not_sent(refusal, emulator, arguments):
    advice = await refusal("update_virtual_key", slug="s", **arguments)

    assert "give something to change: " in advice
    assert "workspace_id" not in advice
    assert list(emulator.log) == []


async def test_each_row_shows_the_ai_provider(ask, emulator, workspace):
    keys = emulator.store.table("virtual_keys")
    row = keys.where(workspace_id=workspace("Support"))[0]
    keys.change(row, {"provider": "openai"})

    listed = await ask("list_virtual_keys", workspace_id=workspace("Support"))

    assert "openai" in [shown.get("provider") for shown in listed["data"]]


@pytest.mark.parametrize(
    ("tool", "other", "without", "with_some"),
    [
        ("list_virtual_keys", "list_providers", "Science", "Support"),
        ("list_providers", "list_virtual_keys", "Support", "Science"),
    ],
)
async def test_an_empty_list_of_credentials_points_to_the_other(
    ask, workspace, tool, other, without, with_some
):
    science = workspace("Science")

    empty = await ask(tool, workspace_id=workspace(without))
    await ask("create_provider", name="New", integration_id="openai", workspace_id=science)
    full = await ask(tool, workspace_id=workspace(with_some))
    beyond = await ask(tool, workspace_id=workspace(with_some), page_size=100, current_page=9)

    assert (empty["total"], full["total"] > 0) == (0, True)
    assert f"see `{other}`" in empty["notes"][0]
    assert "notes" not in full
    assert (beyond["data"], "notes" in beyond) == ([], False)


async def test_an_empty_name_is_no_name_and_no_change(refusal):
    created = await refusal("create_virtual_key", **{**OPENAI, "name": ""})
    updated = await refusal("update_virtual_key", slug="s", name="")

    assert "name: String should have at least 1 character" in created
    assert "give something to change" in updated
