"""Guardrails in the emulator."""

import pytest

CHECK = {"id": "default.regexMatch", "parameters": {"rule": "x"}}


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"checks": []}, {"checks": [{}]}, {"actions": None}, {"actions": 7}]
)
def test_an_incomplete_guardrail_is_refused(refused, workspace, wrong):
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}

    assert refused("POST /guardrails", {**body, "workspace_id": workspace("Support"), **wrong}) == (
        400,
        "AB01",
    )


def test_a_workspace_key_cannot_create_a_guardrail_of_the_organisation(emulator, refused):
    organisation = emulator.store.table("guardrails").rows()[0]["organisation_id"]
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}

    parameters = {**body, "organisation_id": organisation}

    assert refused("POST /guardrails", parameters, key="workspace-service") == (403, "AB03")


def test_every_change_makes_a_published_version(emulator, ok, workspace):
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}
    created = ok("POST /guardrails", {**body, "workspace_id": workspace("Support")})

    ok(f"PUT /guardrails/{created['id']}", {"name": "B"})
    ok(f"PUT /guardrails/{created['id']}", {"actions": {"deny": False}})

    versions = emulator.store.table("guardrail_versions").where(parent_id=created["id"])
    assert [(row["number"], row["published"]) for row in versions] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    assert ok(f"GET /guardrails/{created['id']}")["checks"] == [CHECK]


@pytest.fixture
def for_all(emulator):
    """The organisation's own guardrail."""
    (row,) = emulator.store.table("guardrails").where(workspace_id=None)
    return row


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("GET {path}", None),
        ("PUT {path}", {"name": "Mine"}),
        ("DELETE {path}", None),
        ("PUT {path}/mcp-servers", {"mcp_servers": {}}),
    ],
)
def test_a_workspace_key_does_nothing_with_the_organisations_guardrails(
    emulator, refused, for_all, endpoint, body
):
    parameters = endpoint.format(path=f"/guardrails/{for_all['slug']}")

    assert refused(parameters, body, key="workspace-service") == (403, "AB03")
    assert emulator.store.table("guardrails")[for_all["id"]] == for_all


def test_the_organisations_guardrails_need_scopes_of_their_own(
    ok, refused, new_key, for_all, workspace
):
    """Portkey's changelog names `organisation_guardrails.*` since 1.22.0."""
    workspaces = new_key("guardrails.read", "guardrails.list", "guardrails.create")
    organisations = new_key("organisation_guardrails.read", "organisation_guardrails.list")
    one = f"GET /guardrails/{for_all['id']}"
    ours = f"GET /guardrails?organisation_id={for_all['organisation_id']}"
    theirs = f"GET /guardrails?workspace_id={workspace('Support')}"
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}

    for parameters in (one, ours):
        assert refused(parameters, key=workspaces) == (403, "AB03")
        assert ok(parameters, key=organisations)
    assert refused(theirs, key=organisations) == (403, "AB03")
    assert ok(theirs, key=workspaces)["total"] == 1
    pinned = new_key("organisation_guardrails.read", workspace=workspace("Support"))
    assert refused(one, key=pinned) == (403, "AB03")
    made_for_all = {**body, "organisation_id": for_all["organisation_id"]}
    assert refused("POST /guardrails", made_for_all, key=workspaces) == (403, "AB03")


def test_guardrails_are_selected_by_complete_ids(ok, for_all):
    path = f"GET /guardrails?organisation_id={for_all['organisation_id']}&ids="

    assert ok(f"{path}none,{for_all['id']}")["total"] == 1
    assert ok(f"{path}{for_all['slug']}")["total"] == 1
    assert ok(f"{path}x{for_all['id']}")["total"] == 0


def test_a_workspace_that_is_named_wins_over_the_organisation(ok, for_all, workspace):
    def names(query):
        return [row["name"] for row in ok(f"GET /guardrails?{query}")["data"]]

    organisation, support = for_all["organisation_id"], workspace("Support")

    assert names(f"organisation_id={organisation}") == ["No secrets"]
    assert names(f"organisation_id={organisation}&workspace_id={support}") == ["Short answers"]
    # Without either, an owner's key means the default workspace, which has none.
    assert names("page_size=9") == []


def test_a_guardrail_runs_only_on_mcp_servers_of_its_own_workspace(
    ok, refused, emulator, for_all, workspace
):
    science = {"workspace_id": workspace("Science")}
    shared = {"workspaces": [{"id": science["workspace_id"], "enabled": True}]}
    ok("PUT /mcp-integrations/github/workspaces", shared)
    server = {"name": "Theirs", "slug": "theirs", "mcp_integration_id": "github", **science}
    ok("POST /mcp-servers", server)
    (own,) = emulator.store.table("guardrails").where(workspace_id=workspace("Support"))

    assert refused(f"PUT /guardrails/{own['id']}/mcp-servers/theirs", {}) == (400, "AB01")
    assert ok(f"GET /guardrails/{own['id']}/mcp-servers") == {"mcp_servers": {}}
    assert ok(f"PUT /guardrails/{for_all['id']}/mcp-servers/theirs", {}) == {}
