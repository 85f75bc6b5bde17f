"""MCP servers in the emulator."""

PATH = "/mcp-servers"


def test_a_server_needs_an_integration_that_its_workspace_may_use(refused, workspace):
    body = {"name": "A", "mcp_integration_id": "github", "workspace_id": workspace("Science")}

    assert refused(f"POST {PATH}", body) == (403, "AB03")
    assert refused(f"POST {PATH}", {**body, "mcp_integration_id": "none"}) == (404, "AB08")
    assert refused(f"POST {PATH}", {**body, "mcp_integration_id": None}) == (400, "AB01")


def test_a_service_key_must_name_the_user_to_disconnect(refused):
    path = f"{PATH}/support-github/connections"

    assert refused(f"DELETE {path}") == (400, "AB01")
    assert refused(f"DELETE {path}?user_id=nobody") == (404, "AB08")


def test_a_users_key_sees_and_removes_its_own_connection(ok):
    path, key = f"{PATH}/support-github/connections", "workspace-user"

    assert ok(f"GET {path}", key=key)["total"] == 1
    assert ok(f"DELETE {path}", key=key) == {"success": True}
    assert ok(f"GET {path}", key=key)["total"] == 0


def test_the_access_of_a_users_key_is_the_one_that_was_set(ok):
    path = f"{PATH}/support-github/user-access"
    ok(f"PUT {path}", {"default_user_access": "deny"})

    assert ok(f"GET {path}/check", key="workspace-user")["has_access"] is False
    assert ok(f"GET {path}/check", key="workspace-service")["has_access"] is True


def test_pages_count_from_1(refused):
    assert refused(f"GET {PATH}/support-github/capabilities?page=0") == (400, "AB01")


def test_a_page_of_the_registry_is_of_1_to_100(ok, refused):
    assert refused("GET /v0.1/servers?limit=0") == (400, "AB01")
    assert refused("GET /v0.1/servers?limit=101") == (400, "AB01")
    assert len(ok("GET /v0.1/servers?limit=100")["servers"]) == 1


def test_a_workspace_key_finds_its_own_servers_in_the_registry(ok, refused, workspace):
    science = workspace("Science")
    enabled = {"workspaces": [{"id": science, "enabled": True}]}
    ok("PUT /mcp-integrations/github/workspaces", enabled)
    body = {"name": "Theirs", "mcp_integration_id": "github", "workspace_id": science}
    ok(f"POST {PATH}", body)

    path, key = "GET /v0.1/servers", "workspace-service"

    assert len(ok(path)["servers"]) == 2
    assert len(ok(path, key=key)["servers"]) == 1
    assert refused(f"{path}?workspace_id={science}", key=key) == (403, "AB03")


def test_a_page_has_100_rows_by_default(ok, workspace):
    """The OpenAPI file names this size for the lists of MCP and of guardrails."""
    support = workspace("Support")
    for number in range(101):
        body = {"name": f"{number}", "mcp_integration_id": "github", "workspace_id": support}
        ok(f"POST {PATH}", body)

    first = ok(f"GET {PATH}?workspace_id={support}")
    second = ok(f"GET {PATH}?workspace_id={support}&current_page=1")

    assert (first["total"], len(first["data"]), len(second["data"])) == (102, 100, 2)


def test_a_slug_is_unique_and_an_unknown_server_not_found(refused, workspace):
    body = {"name": "A", "mcp_integration_id": "github", "workspace_id": workspace("Support")}

    assert refused(f"POST {PATH}", {**body, "slug": "support-github"}) == (409, "AB07")
    assert refused(f"GET {PATH}/none/metadata") == (404, "AB08")


def test_connections_are_paged(ok, emulator):
    (row,) = emulator.store.table("mcp_servers").rows()
    people = {"_connections": dict.fromkeys("abc", True)}
    emulator.store.table("mcp_servers").change(row, people)

    path = f"GET {PATH}/support-github/connections?page_size=2"
    first, second = ok(path), ok(f"{path}&current_page=1")

    assert (first["total"], len(first["data"]), first["has_more"]) == (3, 2, True)
    assert (len(second["data"]), second["has_more"]) == (1, False)
    assert ok(path.replace("page_size=2", "page_size=3"))["has_more"] is False


def test_connections_are_those_of_one_user_if_one_is_named(ok, emulator, user):
    (row,) = emulator.store.table("mcp_servers").rows()
    people = dict.fromkeys([user("Emi"), user("Ben")], True)
    emulator.store.table("mcp_servers").change(row, {"_connections": people})
    path = f"GET {PATH}/support-github/connections"
    bens = f"{path}?user_id={user('Ben')}"

    assert ok(path)["total"] == 2
    assert [each["user_id"] for each in ok(bens)["data"]] == [user("Ben")]
    assert ok(bens, key="workspace-user")["total"] == 0


def test_a_list_shows_what_was_set_and_nothing_of_the_emulators_own(ok, workspace):
    body = {"name": "Our tools", "description": "For us", "mcp_integration_id": "github"}
    created = ok(f"POST {PATH}", {**body, "workspace_id": workspace("Support")})

    (row, _seeded) = ok(f"GET {PATH}", key="workspace-service")["data"]

    assert row["slug"].startswith("mcps-our-tools-")
    assert (row["id"], row["description"]) == (created["id"], "For us")
    assert not [name for name in row if name.startswith("_")]


def test_an_access_that_was_set_is_an_override(ok, user):
    path = f"{PATH}/support-github/user-access"
    ok(f"PUT {path}", {"user_access": [{"user_id": user("Emi"), "enabled": True}]})

    rows = {row["user_id"]: row["has_override"] for row in ok(f"GET {path}")["data"]}

    assert rows[user("Emi")] is True
    assert [*rows.values()].count(True) == 1 < len(rows)


def test_the_registry_is_read_since_a_time_inclusive(ok, emulator):
    (row,) = emulator.store.table("mcp_servers").rows()

    def count(since):
        return len(ok(f"GET /v0.1/servers?updated_since={since}")["servers"])

    assert count(row["created_at"]) == 1
    assert count("2026-11-02T09:00:00.001Z") == 0


def test_a_user_who_is_deleted_has_no_connection_and_no_access(ok, emulator, user):
    emi = user("Emi")
    access = {"user_access": [{"user_id": emi, "enabled": True}]}
    ok(f"PUT {PATH}/support-github/user-access", access)
    assert ok(f"GET {PATH}/support-github/connections")["total"] == 1

    ok(f"DELETE /admin/users/{emi}")

    assert ok(f"GET {PATH}/support-github/connections")["total"] == 0
    (row,) = emulator.store.table("mcp_servers").rows()
    assert emi not in row["_users"]


def test_what_is_not_there_is_named(send, ok, user, workspace):
    chitra = user("Chitra")
    server, support = f"{PATH}/support-github", f"/admin/workspaces/{workspace('Support')}"
    access = {"user_access": [{"user_id": chitra, "enabled": True}]}

    for endpoint, body, name in (
        (f"DELETE {server}/connections?user_id={chitra}", None, chitra),
        (f"PUT {server}/user-access", access, chitra),
        (f"GET {support}/users/{chitra}", None, chitra),
        (f"PUT {support}/users/{chitra}", {"role": "manager"}, chitra),
        (f"DELETE {support}/users/{chitra}", None, chitra),
        ("GET /configs/pc-none", None, "config pc-none"),
        ("GET /virtual-keys/none", None, "virtual key none"),
        ("DELETE /integrations/openai/models?slugs=none", None, "none"),
    ):
        status, answer = send(endpoint, body)
        assert (status, name in answer["data"]["message"]) == (404, True), (endpoint, answer)


def test_an_admin_of_the_organisation_needs_no_membership_to_get_access(ok, user):
    access = {"user_access": [{"user_id": user("Ben"), "enabled": True}]}

    assert ok(f"PUT {PATH}/support-github/user-access", access) == {"success": True}
