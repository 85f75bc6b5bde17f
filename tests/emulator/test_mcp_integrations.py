"""MCP integrations in the emulator."""

import pytest

BODY = {"name": "A", "url": "https://a.example", "auth_type": "none", "transport": "http"}
PATH = "/mcp-integrations"


@pytest.mark.parametrize("wrong", [{"url": "a"}, {"auth_type": "magic"}, {"transport": None}])
def test_an_invalid_integration_is_refused(refused, workspace, wrong):
    body = {**BODY, "workspace_id": workspace("Support"), **wrong}

    assert refused(f"POST {PATH}", body) == (400, "AB01")


def test_a_slug_is_unique(refused, workspace):
    body = {**BODY, "slug": "github", "workspace_id": workspace("Support")}

    assert refused(f"POST {PATH}", body) == (409, "AB07")


def test_deleting_an_integration_deletes_its_servers(ok, refused):
    ok(f"DELETE {PATH}/github")

    assert refused("GET /mcp-servers/support-github") == (403, "AB03")


def test_a_slug_begins_with_the_name_and_a_description_is_kept(ok, workspace):
    body = {**BODY, "name": "Our tools", "description": "For all"}
    created = ok(f"POST {PATH}", {**body, "workspace_id": workspace("Support")})

    assert created["slug"].startswith("mcp-our-tools-")
    assert ok(f"GET {PATH}/{created['id']}")["description"] == "For all"


def test_a_workspaces_integration_is_used_by_no_other_workspace(ok, refused, workspace):
    created = ok(f"POST {PATH}", BODY, key="workspace-service")
    server = {"name": "A", "mcp_integration_id": created["id"]}

    assert ok("POST /mcp-servers", {**server, "workspace_id": workspace("Support")})["id"]
    elsewhere = {**server, "workspace_id": workspace("Science")}
    assert refused("POST /mcp-servers", elsewhere) == (403, "AB03")


def test_a_capability_that_is_disabled_is_shown_as_such_and_the_others_are_not(ok):
    off = {"name": "triage", "type": "prompt", "enabled": False}
    ok(f"PUT {PATH}/github/capabilities", {"capabilities": [off]})

    rows = ok(f"GET {PATH}/github/capabilities")["data"]

    assert [row["name"] for row in rows if not row["enabled"]] == ["triage"]
    assert len(rows) > 1


def test_a_workspace_key_makes_integrations_for_its_own_workspace_only(ok, refused, workspace):
    key = "workspace-service"
    created = ok(f"POST {PATH}", BODY, key=key)

    assert ok(f"GET {PATH}/{created['id']}")["workspace_id"] == workspace("Support")
    for_all = {**BODY, "organisation_id": "any"}
    assert refused(f"POST {PATH}", for_all, key=key) == (403, "AB03")
    assert refused(f"POST {PATH}", {**BODY, "workspace_id": workspace("Science")}, key=key) == (
        403,
        "AB03",
    )


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("PUT {path}", {"name": "Mine"}),
        ("DELETE {path}", None),
        ("PUT {path}/workspaces", {"workspaces": [], "global_workspace_access": {"enabled": True}}),
        (
            "PUT {path}/capabilities",
            {"capabilities": [{"name": "triage", "type": "prompt", "enabled": False}]},
        ),
        ("POST {path}/test", None),
    ],
)
def test_a_workspace_key_cannot_change_the_organisations_integrations(refused, ok, endpoint, body):
    parameters = endpoint.format(path=f"{PATH}/github")

    assert refused(parameters, body, key="workspace-service") == (403, "AB03")
    assert ok(f"GET {PATH}/github")["name"] == "GitHub"


def test_a_workspace_key_sees_the_integrations_that_its_workspace_may_use(ok, refused, workspace):
    key = "workspace-service"
    assert [row["slug"] for row in ok(f"GET {PATH}", key=key)["data"]] == ["github"]
    assert ok(f"GET {PATH}/github", key=key)["name"] == "GitHub"

    shut = {"workspaces": [{"id": workspace("Support"), "enabled": False}]}
    ok(f"PUT {PATH}/github/workspaces", shut)

    assert ok(f"GET {PATH}", key=key)["total"] == 0
    assert refused(f"GET {PATH}/github", key=key) == (403, "AB03")


def test_the_organisations_integrations_need_a_scope_of_their_own(new_key, refused, ok, workspace):
    workspaces = new_key("workspace_mcp_integrations.delete")

    pinned = new_key("organisation_mcp_integrations.delete", workspace=workspace("Support"))

    assert refused(f"DELETE {PATH}/github", key=workspaces) == (403, "AB03")
    assert refused(f"DELETE {PATH}/github", key=pinned) == (403, "AB03")
    assert ok(f"DELETE {PATH}/github", key=new_key("organisation_mcp_integrations.delete")) == {}


@pytest.mark.parametrize(
    "mappings",
    [
        [{"target_field": "key", "secret_reference_id": "openai-key"}],
        [{"target_field": "configurations.token", "secret_reference_id": "none"}],
        [{"target_field": "configurations.token", "secret_reference_id": "openai-key"}] * 2,
    ],
)
def test_a_mapping_names_each_setting_once_and_an_existing_secret(refused, workspace, mappings):
    body = {**BODY, "workspace_id": workspace("Support"), "secret_mappings": mappings}

    assert refused(f"POST {PATH}", body) == (400, "AB01")
    assert refused(f"PUT {PATH}/github", {"secret_mappings": mappings}) == (400, "AB01")


def test_a_secret_is_mapped_only_where_it_is_allowed_and_then_cannot_be_deleted(
    ok, refused, workspace
):
    mapping = {"target_field": "configurations.token", "secret_reference_id": "openai-key"}
    support = {**BODY, "workspace_id": workspace("Support"), "secret_mappings": [mapping]}
    ok("PUT /secret-references/openai-key", {"allowed_workspaces": [workspace("Support")]})
    created = ok(f"POST {PATH}", support)
    ok(f"PUT {PATH}/{created['id']}", {"name": "B"})

    assert ok(f"GET {PATH}/{created['id']}")["secret_mappings"] == [mapping]
    elsewhere = {**support, "workspace_id": workspace("Science")}
    assert refused(f"POST {PATH}", elsewhere) == (400, "AB01")
    assert refused("DELETE /secret-references/openai-key") == (400, "AB01")
    ok(f"PUT {PATH}/{created['id']}", {"secret_mappings": []})
    assert ok("DELETE /secret-references/openai-key") == {}


def test_integrations_are_paged_by_100_and_say_whether_more_follow(ok, workspace):
    for number in range(100):
        body = {**BODY, "name": f"{number}", "workspace_id": workspace("Support")}
        ok(f"POST {PATH}", body)

    first = ok(f"GET {PATH}")
    second = ok(f"GET {PATH}?current_page=1")
    every = ok(f"GET {PATH}?page_size=101")

    assert (first["total"], len(first["data"]), first["has_more"]) == (101, 100, True)
    assert (len(second["data"]), second["has_more"]) == (1, False)
    assert (len(every["data"]), every["has_more"]) == (101, False)


def test_an_unknown_workspace_or_integration_is_refused(refused):
    nobody = {"workspaces": [{"id": "none", "enabled": True}]}

    assert refused(f"PUT {PATH}/github/workspaces", nobody) == (403, "AB03")
    assert refused(f"GET {PATH}/none/metadata") == (404, "AB08")


def test_a_workspace_that_is_deleted_may_no_longer_use_it(ok, workspace):
    science, support = workspace("Science"), workspace("Support")
    ok(f"PUT {PATH}/github/workspaces", {"workspaces": [{"id": science, "enabled": True}]})

    ok(f"DELETE /admin/workspaces/{science}", {"name": "Science", "force_delete": True})

    listed = ok(f"GET {PATH}/github/workspaces")["workspaces"]
    assert [each["id"] for each in listed] == [support]


@pytest.mark.parametrize("path", ["/mcp-integrations/github", "/mcp-servers/support-github"])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_capability_that_does_not_exist_is_ignored(ok, path, enabled):
    before = ok(f"GET {path}/capabilities")
    change = {"name": "never_made", "type": "tool", "enabled": enabled}

    ok(f"PUT {path}/capabilities", {"capabilities": [change]})

    assert ok(f"GET {path}/capabilities") == before


def test_a_server_cannot_enable_what_its_integration_disables(ok):
    def change(enabled):
        return {"capabilities": [{"name": "triage", "type": "prompt", "enabled": enabled}]}

    def is_enabled():
        rows = ok("GET /mcp-servers/support-github/capabilities")["data"]
        return next(row["enabled"] for row in rows if row["name"] == "triage")

    ok(f"PUT {PATH}/github/capabilities", change(False))
    ok("PUT /mcp-servers/support-github/capabilities", change(True))
    assert not is_enabled()
    ok(f"PUT {PATH}/github/capabilities", change(True))
    assert is_enabled()


def test_a_workspaces_integration_is_given_to_no_other_workspace(ok, refused, workspace):
    body = {**BODY, "ai_provider_id": "openai", "key": "k", "workspace_id": workspace("Support")}
    created = ok("POST /integrations", {**body, "slug": "ours"})["slug"]

    given = {"workspaces": [{"id": workspace("Science"), "enabled": True}]}
    assert refused(f"PUT /integrations/{created}/workspaces", given) == (403, "AB03")
    everybody = {"workspaces": [], "global_workspace_access": {"enabled": True}}
    assert refused(f"PUT /integrations/{created}/workspaces", everybody) == (400, "AB01")


def test_a_workspaces_mcp_integration_is_used_by_no_other_even_with_a_grant(ok, refused, workspace):
    created = ok(f"POST {PATH}", {**BODY, "workspace_id": workspace("Support")})["id"]
    science = workspace("Science")

    ok(f"PUT {PATH}/{created}/workspaces", {"workspaces": [{"id": science, "enabled": True}]})
    ok(f"PUT {PATH}/{created}/workspaces",
       {"workspaces": [], "global_workspace_access": {"enabled": True}})  # fmt: skip

    server = {"name": "Theirs", "mcp_integration_id": created, "workspace_id": science}
    assert refused("POST /mcp-servers", server) == (403, "AB03")


def test_each_mcp_server_has_tools_of_its_own(ok):
    tools = {}
    for name, url in (
        ("Slack", "https://mcp.slack.example"),
        ("Warehouse", "https://postgres.example/mcp"),
        ("Tickets", "https://mcp.linear.example"),
        ("Weather", "https://a.example"),
        ("Recipes", "https://b.example"),
    ):
        created = ok(f"POST {PATH}", {**BODY, "name": name, "url": url})["id"]
        rows = ok(f"GET {PATH}/{created}/capabilities")["data"]
        tools[name] = {row["name"] for row in rows if row["type"] == "tool"}
    tools["GitHub"] = {
        row["name"]
        for row in ok(f"GET {PATH}/github/capabilities")["data"]
        if row["type"] == "tool"
    }

    names = [name for each in tools.values() for name in each]
    assert len(names) == len({*names})
    assert "post_message" in tools["Slack"]
    assert "run_query" in tools["Warehouse"]
    assert "search_weather" in tools["Weather"]
    assert "create_issue" in tools["GitHub"]
