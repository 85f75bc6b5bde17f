"""Security settings of workspaces, held for the keys of users."""

from urllib.parse import urlencode

import pytest

from portkey_admin_mcp.emulator.traffic.requests import database

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


PERIOD_FIELDS = {
    "time_of_generation_min": "2026-10-01",
    "time_of_generation_max": "2026-11-03",
}
PERIOD = urlencode(PERIOD_FIELDS)


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
        ("GET /logs/exports", "ViewLogs"),
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


@pytest.mark.parametrize("role", ["manager", "member"])
def test_no_other_scope_of_a_key_shows_a_log_that_its_user_may_not_view(
    ok, refused, switch, key_of, role
):
    """A key may read a log with the scope to write logs or completions, too."""
    key = key_of(role)

    assert refused("GET /logs/none", key=key) == (404, "AB08")
    switch(**{f"{role}sViewLogs": False})
    assert refused("GET /logs/none", key=key) == (403, "AB03")


@pytest.mark.parametrize("role", ["manager", "member"])
def test_who_may_not_view_all_data_sees_the_requests_of_the_own_keys(
    ok, refused, emulator, switch, key_of, role
):
    key = key_of(role)
    log = {"request": {"url": "https://a.example", "body": {}}, "response": {"body": {}}}
    for own_key in (key, "workspace-service"):
        ok("POST /logs", {**log, "metadata": {"traceId": "t"}}, key=own_key)
    ids = database(emulator.store).execute(
        "select id from requests order by rowid desc limit 2"
    ).fetchall()  # fmt: skip
    ((others,), (own,)) = ids

    def total():
        graph = ok(f"GET /analytics/graphs/requests?{PERIOD}", key=key)
        body = {"filters": PERIOD_FIELDS, "requested_data": ["id"]}
        export = ok("POST /logs/exports", body, key=key)
        return graph["summary"]["total"], export["total"]

    assert min(total()) > 2
    ok(f"GET /logs/{others}", key=key)

    switch(**{f"{role}sViewAllData": False})

    assert total() == (1, 1)
    ok(f"GET /logs/{own}", key=key)
    assert refused(f"GET /logs/{others}", key=key) == (403, "AB03")
    ok(f"GET /logs/{others}", key="workspace-service")


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


@pytest.mark.parametrize("role", ["manager", "member"])
def test_managers_and_members_do_not_change_what_they_may_do(ok, refused, key_of, path, role):
    key, settings = key_of(role), ok(f"GET {path}")["security_settings"]

    assert refused(f"PUT {path}", {"security_settings": settings}, key=key) == (403, "AB03")
    ok(f"PUT {path}", {"security_settings": settings}, key=key_of("admin"))


def test_members_see_and_change_their_own_keys_only(ok, refused, key_of, key_id, user, workspace):
    key = key_of("member")
    listed = ok("GET /api-keys", key=key)["data"]
    assert {row["user_id"] for row in listed} == {user("Diego")}
    assert {row["type"] for row in listed} == {"workspace-user"}
    service = f"/api-keys/{key_id('workspace-service')}"
    assert refused(f"GET {service}", key=key) == (403, "AB03")
    assert refused(f"PUT {service}", {"name": "N"}, key=key) == (403, "AB03")
    ok(f"PUT /api-keys/{listed[0]['id']}", {"name": "N"}, key=key)
    ok(f"PUT {service}", {"name": "N"}, key=key_of("manager"))

    key = key_of("member")
    body = {"name": "K", "scopes": ["logs.view"], "user_id": user("Emi")}
    assert refused("POST /api-keys/workspace/user", body, key=key) == (403, "AB03")
    assert refused("POST /api-keys/workspace/service", body, key=key) == (403, "AB03")
    ok("POST /api-keys/workspace/user", {**body, "user_id": user("Diego")}, key=key)


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
