"""What clients in daily use do and expect, where Portkey's documentation says otherwise."""

import json
from urllib.parse import urlencode

import pytest

MCP = {"name": "A", "url": "https://a.example", "auth_type": "none", "transport": "http"}
PERIOD = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}


@pytest.fixture
def of_support(ok, workspace):
    """The slugs of a config and of a provider of the workspace Support."""
    support = workspace("Support")
    share = {"workspaces": [{"id": support, "enabled": True}]}
    ok("PUT /integrations/openai/workspaces", share)
    (config, *_rest) = ok(f"GET /configs?workspace_id={support}")["data"]
    (provider,) = ok(f"GET /providers?workspace_id={support}")["data"]
    return {"configs": config["slug"], "virtual-keys": provider["slug"]} | {
        "providers": provider["slug"]
    }


@pytest.mark.parametrize("kind", ["configs", "virtual-keys", "providers"])
def test_an_admin_key_needs_no_workspace_to_name_one_object(ok, of_support, kind):
    path = f"/{kind}/{of_support[kind]}"

    ok(f"GET {path}", key="admin")
    ok(f"PUT {path}", {"name": "Renamed"}, key="admin")
    assert ok(f"GET {path}", key="admin")["name"] == "Renamed"
    if kind == "configs":
        assert ok(f"GET {path}/versions", key="admin")["total"] == 1
    ok(f"DELETE {path}", key="admin")


def test_no_deletion_answers_without_a_body(emulator, ok, key_id):
    """Both SDKs parse the body of every answer."""
    (row, *_rest) = emulator.store.table("guardrails").rows()
    assert ok(f"DELETE /guardrails/{row['id']}", key="admin") == {}


def test_an_admin_key_makes_mcp_integrations_of_the_organisation(ok, workspace):
    for key in ("admin", "owner"):
        created = ok("POST /mcp-integrations", {**MCP, "name": key}, key=key)["id"]
        assert ok(f"GET /mcp-integrations/{created}")["type"] == "organisation"
        access = {"workspaces": [{"id": workspace("Science"), "enabled": True}]}
        ok(f"PUT /mcp-integrations/{created}/workspaces", access, key=key)
        server = {"name": key, "mcp_integration_id": created, "workspace_id": workspace("Science")}
        ok("POST /mcp-servers", server, key=key)


def test_capabilities_are_counted_by_type_and_whether_they_are_enabled(ok):
    change = {"capabilities": [{"name": "triage", "type": "prompt", "enabled": False}]}
    ok("PUT /mcp-integrations/github/capabilities", change)

    for path in ("/mcp-integrations/github", "/mcp-servers/support-github"):
        counts = ok(f"GET {path}/capabilities")["counts"]
        assert counts["prompts"] == {"total": 1, "enabled": 0}
        assert counts["tools"]["total"] == counts["tools"]["enabled"] > 1
        assert set(counts) == {"tools", "prompts", "resources", "resource_templates"}


def test_an_integration_says_whose_it_is(ok, workspace):
    own = {"name": "O", "slug": "own", "ai_provider_id": "openai", "key": "k"}
    ok("POST /integrations", own, key="workspace-service")

    expected = {"openai": ("organisation", None), "own": ("workspace", workspace("Support"))}
    listed = {row["slug"]: (row["type"], row["workspace_id"])
              for row in ok("GET /integrations")["data"]}  # fmt: skip
    assert listed == expected
    for slug, whose in expected.items():
        read = ok(f"GET /integrations/{slug}")
        assert (read["type"], read["workspace_id"]) == whose


def test_an_integrations_models_and_workspaces_are_as_terraform_reads_them(ok, emulator, workspace):
    assert ok("GET /integrations/openai/models")["allow_all_models"] is True
    (share,) = ok("GET /integrations/openai/workspaces")["workspaces"]
    assert share["id"] == emulator.store.table("workspaces")[workspace("Science")]["slug"]


@pytest.mark.parametrize(("version", "number"), [("latest", 2), ("default", 1), ("2", 2), ("1", 1)])
def test_a_prompt_or_partial_is_read_in_a_named_version(ok, emulator, version, number):
    (prompt,) = emulator.store.table("prompts").where(name="Reply to customer")
    (partial,) = emulator.store.table("partials").rows()
    ok(f"PUT /prompts/partials/{partial['id']}", {"string": "Second"})

    read = ok(f"GET /prompts/{prompt['id']}?version={version}")
    assert read["prompt_version"] == number
    part = ok(f"GET /prompts/partials/{partial['id']}?version={version}")
    assert part["version"] == number


def test_the_default_version_of_a_prompt_is_rendered_by_its_name(ok, emulator):
    (prompt,) = emulator.store.table("prompts").where(name="Reply to customer")
    body = {"variables": {"company": "Acme", "question": "Hi"}}

    published = ok(f"POST /prompts/{prompt['slug']}/render", body)
    assert ok(f"POST /prompts/{prompt['slug']}@default/render", body) == published


@pytest.mark.parametrize(
    "path",
    ["/configs", "/api-keys", "/admin/workspaces", "/deployments", "/scim/groups",
     "/admin/organisation/defaults"],
)  # fmt: skip
def test_v1_and_v2_serve_the_same_routes(emulator, workspace, path):
    key = {"x-portkey-api-key": emulator.keys()["owner"]}
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    query = f"?organisation_id={organisation}" if path == "/deployments" else ""

    first, second = (
        emulator.answer("GET", f"/{version}{path}{query}", key, b"") for version in ("v1", "v2")
    )
    assert first == second
    assert first[0] == 200
    assert emulator.answer("GET", f"/v3{path}{query}", key, b"")[0] == 404


LIMITS = {"type": "cost", "credit_limit": 5}


@pytest.mark.parametrize("kind", ["api-keys", "virtual-keys", "providers"])
def test_null_takes_a_budget_away_and_what_it_exhausted_works_again(
    ok, control, emulator, key_id, of_support, kind
):
    if kind == "api-keys":
        row_id = key_id("workspace-service")
        path = f"/api-keys/{row_id}"
    else:
        path = f"/{kind}/{of_support[kind]}"
        row_id = emulator.store.table("virtual_keys").find(of_support[kind])["id"]
    ok(f"PUT {path}", {"usage_limits": LIMITS})
    kinds = "api_keys" if kind == "api-keys" else "virtual_keys"
    control("POST usage", {"kind": kinds, "id": row_id, "amount": 5})
    assert ok(f"GET {path}")["status"] == "exhausted"

    ok(f"PUT {path}", {"usage_limits": None})

    assert (ok(f"GET {path}")["usage_limits"], ok(f"GET {path}")["status"]) == (None, "active")


def test_cache_status_selects_requests(ok, workspace):
    def total(**query):
        parameters = {**PERIOD, "workspace_slug": workspace("Support"), **query}
        return ok(f"GET /analytics/graphs/requests?{urlencode(parameters)}")["summary"]["total"]

    statuses = ("HIT", "SEMANTIC HIT", "MISS", "DISABLED")
    each = [total(cache_status=status) for status in statuses]
    assert all(each)
    assert sum(each) == total() == total(cache_status=",".join(statuses).lower())
    assert total(cache_status="other") == 0


DEPLOYMENT = {
    "azure_api_version": "2026-01-01",
    "azure_deployment_name": "chat",
    "azure_model_slug": "gpt-5",
}
AZURE = {
    "azure_auth_mode": "default",
    "azure_resource_name": "acme",
    "azure_deployment_config": [DEPLOYMENT],
}


@pytest.mark.parametrize(
    ("provider", "good", "bad"),
    [
        ("azure-openai", AZURE, [
            None,
            {**AZURE, "azure_auth_mode": "magic"},
            {**AZURE, "azure_auth_mode": None},
            {**AZURE, "azure_deployment_config": []},
            {**AZURE, "azure_deployment_config": [{**DEPLOYMENT, "azure_model_slug": ""}]},
        ]),
        ("azure-ai", {"azure_auth_mode": "entra", "azure_foundry_url": "https://a.example"},
         [None, {"azure_auth_mode": "entra"}]),
        ("bedrock", {"aws_auth_type": "accessKey", "aws_region": "eu"}, [{"aws_region": "eu"}]),
        ("vertex-ai", {"vertex_auth_type": "basic", "vertex_region": "eu"},
         [{"vertex_auth_type": "none", "vertex_region": "eu"}]),
        ("workers-ai", {"workers_ai_account_id": "a"}, [{"account": "a"}]),
    ],
)  # fmt: skip
def test_configurations_are_those_that_their_provider_needs(ok, refused, provider, good, bad):
    body = {"name": "A", "slug": "a", "ai_provider_id": provider, "key": "k"}

    for wrong in bad:
        assert refused("POST /integrations", {**body, "configurations": wrong}) == (400, "AB01")
    ok("POST /integrations", {**body, "configurations": good})
    for wrong in filter(None, bad):
        if {**good, **wrong} == wrong:  # A change is merged with what is there.
            assert refused("PUT /integrations/a", {"configurations": wrong}) == (400, "AB01")


def test_numbers_are_those_of_json(ok):
    ok("POST /feedback", {"trace_id": "t", "value": 5.0, "weight": 1})
    log = {
        "request": {"url": "https://a.example", "body": {}},
        "response": {"status": 200.0, "body": {}, "response_time": 12.5},
    }
    ok("POST /logs", log)


def test_the_metadata_of_feedback_may_be_json_text(ok, refused):
    score = {"trace_id": "t", "value": 5}
    ok("POST /feedback", {**score, "metadata": json.dumps({"page": "a"})})

    for text in ("page", "[1]", ""):
        assert refused("POST /feedback", {**score, "metadata": text}) == (400, "AB01")
