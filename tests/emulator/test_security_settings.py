"""Security settings of workspaces, held for the keys of users."""

import pytest

CONFIG = {"name": "C", "config": {}}


@pytest.fixture
def path(workspace):
    return f"/admin/workspaces/{workspace('Support')}"


@pytest.fixture
def switch(ok, path):
    """Change some settings."""

    def change(**settings):
        before = ok(f"GET {path}")["security_settings"]
        ok(f"PUT {path}", {"security_settings": {**before, **settings}})

    return change


@pytest.fixture
def key_of(ok, path, user, workspace, emulator):
    """A key with every scope of a user who has this role in Support."""
    scopes = next(
        row["scopes"]
        for row in emulator.store.table("api_keys").rows()
        if row.get("_seed") == "workspace-user"
    )

    def with_role(role):
        ok(f"PUT {path}/users/{user('Diego')}", {"role": role})
        body = {
            "name": "Diego",
            "user_id": user("Diego"),
            "workspace_id": workspace("Support"),
            "scopes": scopes,
        }
        return ok("POST /api-keys/workspace/user", body)["key"]

    return with_role


PERIOD = "time_of_generation_min=2026-10-01&time_of_generation_max=2026-11-01"


@pytest.mark.parametrize("role", ["manager", "member"])
@pytest.mark.parametrize(
    ("endpoint", "setting"),
    [
        ("GET /configs", "ViewConfigs"),
        ("POST /configs", "WriteConfigs"),
        ("GET /prompts", "ViewPrompts"),
        ("POST /collections", "WritePrompts"),
        ("GET /guardrails", "ViewGuardrails"),
        ("GET /virtual-keys", "ViewVirtualKeys"),
        ("GET /providers", "ViewVirtualKeys"),
        ("GET /api-keys", "ViewApiKeys"),
        (f"GET /analytics/graphs/cost?{PERIOD}", "ViewAnalytics"),
    ],
)
def test_a_user_may_do_what_the_settings_say_of_the_role(
    ok, refused, switch, key_of, role, endpoint, setting
):
    key = key_of(role)

    switch(**{f"{role}s{setting}": True})
    ok(endpoint, CONFIG, key=key)
    switch(**{f"{role}s{setting}": False})
    assert refused(endpoint, CONFIG, key=key) == (403, "AB03")
    ok(endpoint, CONFIG, key="workspace-service")


def test_members_of_a_new_workspace_write_no_configs_and_managers_do(ok, refused, key_of):
    assert refused("POST /configs", CONFIG, key=key_of("member")) == (403, "AB03")
    ok("POST /configs", CONFIG, key=key_of("manager"))
    ok("POST /configs", CONFIG, key=key_of("admin"))


def test_settings_hold_neither_workspace_admins_nor_those_of_the_organisation(
    ok, switch, key_of, user
):
    switch(managersViewConfigs=False, membersViewConfigs=False)
    ok("GET /configs", key=key_of("admin"))

    key = key_of("member")
    ok(f"PUT /admin/users/{user('Diego')}", {"role": "admin"})
    ok("GET /configs", key=key)


@pytest.mark.parametrize(
    ("endpoint", "body", "setting"),
    [
        ("PUT {path}", {"description": "d"}, "managersUpdateWs"),
        ("POST {path}/users", {"users": []}, "managersWriteWsUsers"),
        ("PUT /mcp-servers/support-github", {"description": "d"}, "managersWriteMcpServers"),
        (
            "POST /integrations",
            {"name": "I", "ai_provider_id": "openai", "key": "k"},
            "managersWriteWsIntegrations",
        ),
        (
            "POST /mcp-integrations",
            {"name": "A", "url": "https://a.example", "auth_type": "none", "transport": "http"},
            "managersWriteWsMcpIntegrations",
        ),
    ],
)
def test_managers_change_the_workspace_if_they_may_and_members_never(
    ok, refused, switch, key_of, path, endpoint, body, setting
):
    endpoint = endpoint.format(path=path)

    assert refused(endpoint, body, key=key_of("member")) == (403, "AB03")
    manager = key_of("manager")
    ok(endpoint, body, key=manager)
    switch(**{setting: False})
    assert refused(endpoint, body, key=manager) == (403, "AB03")


def test_a_manager_makes_nobody_an_admin(ok, refused, key_of, path, user):
    key, emi = key_of("manager"), f"{path}/users/{user('Emi')}"

    assert refused(f"PUT {emi}", {"role": "admin"}, key=key) == (403, "AB03")
    ok(f"PUT {emi}", {"role": "member"}, key=key)
    new = {"users": [{"id": user("Chitra"), "role": "admin"}]}
    assert refused(f"POST {path}/users", new, key=key) == (403, "AB03")


def test_a_workspace_may_keep_its_logs_from_the_organisation(ok, refused, switch):
    log = {
        "request": {"url": "https://a.example", "body": {}},
        "response": {"body": {}},
        "metadata": {"traceId": "t"},
    }
    ok("POST /logs", log, key="workspace-service")
    assert refused("GET /logs/none", key="admin") == (404, "AB08")
    export = {
        "filters": {
            "time_of_generation_min": "2026-11-02",
            "time_of_generation_max": "2026-11-03",
        },
        "requested_data": ["id"],
    }
    (support,) = [each["id"] for each in ok("GET /admin/workspaces")["data"]
                  if each["name"] == "Support"]  # fmt: skip
    ok("POST /logs/exports", {**export, "workspace_id": support}, key="admin")

    switch(organisationAdminsViewLogs=False)

    body = {**export, "workspace_id": support}
    assert refused("POST /logs/exports", body, key="admin") == (403, "AB03")
    ok("POST /logs/exports", export, key="workspace-service")
