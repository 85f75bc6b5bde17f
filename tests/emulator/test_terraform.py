"""The steps of the acceptance tests of Portkey's Terraform provider, with its organisation key.

Each resource is created, read twice (a plan without changes), imported by its id alone, changed in
a part, read, and destroyed. The provider takes 403 and 404 for an object that is gone.
"""

import pytest

KEY = "admin"
LIMITS = {"type": "cost", "credit_limit": 100, "alert_threshold": 80, "periodic_reset": "monthly"}
RATE = {"type": "requests", "unit": "rpm", "value": 1000}
CONDITIONS = {
    "conditions": [{"key": "api_key", "value": "*"}],
    "group_by": [{"key": "api_key"}],
}
CHECK = {"id": "default.wordCount", "parameters": {"minWords": 1, "maxWords": 9}}
MCP = {"url": "https://a.example", "auth_type": "none", "transport": "http"}
VAULT = {
    "manager_type": "aws_sm",
    "auth_config": {"aws_auth_type": "serviceRole"},
    "secret_path": "a",
}
WRITE_ONLY = {"key", "auth_config", "config", "workspace_id", "mcp_integration_id"}
"""Fields that are not compared: secrets, JSON as text, and ids for slugs."""
IN_WORKSPACE = "in the workspace"
RESOURCES = {
    "workspace": (
        "/admin/workspaces",
        "id",
        {"name": "A", "description": "d", "usage_limits": [LIMITS], "rate_limits": [RATE]},
        {"description": "e"},
    ),
    "api_key": (
        "/api-keys/workspace/service",
        "id",
        {"name": "A", "scopes": ["logs.view"], "workspace_id": IN_WORKSPACE, "rate_limits": [RATE]},
        {"name": "B", "usage_limits": LIMITS},
    ),
    "integration": (
        "/integrations",
        "slug",
        {"name": "A", "slug": "tf", "ai_provider_id": "openai", "key": "k", "description": "d"},
        {"name": "B"},
    ),
    "config": (
        "/configs",
        "slug",
        {"name": "A", "config": {"retry": {"attempts": 1}}, "workspace_id": IN_WORKSPACE},
        {"name": "B"},
    ),
    "guardrail": (
        "/guardrails",
        "id",
        {"name": "A", "checks": [CHECK], "actions": {"deny": True}, "workspace_id": IN_WORKSPACE},
        {"name": "B"},
    ),
    "prompt_collection": (
        "/collections", "id", {"name": "A", "workspace_id": IN_WORKSPACE}, {"name": "B"},
    ),
    "prompt_partial": (
        "/prompts/partials",
        "slug",
        {"name": "A", "string": "x", "workspace_id": IN_WORKSPACE},
        {"name": "B"},
    ),
    "usage_limits_policy": (
        "/policies/usage-limits",
        "id",
        {**CONDITIONS, **LIMITS, "name": "A", "workspace_id": IN_WORKSPACE},
        {"credit_limit": 200},
    ),
    "rate_limits_policy": (
        "/policies/rate-limits",
        "id",
        {**CONDITIONS, **RATE, "name": "A", "workspace_id": IN_WORKSPACE},
        {"value": 2000},
    ),
    "secret_reference": ("/secret-references", "slug", {**VAULT, "name": "A"}, {"name": "B"}),
    "mcp_integration": ("/mcp-integrations", "id", {**MCP, "name": "A"}, {"description": "d"}),
    "mcp_server": (
        "/mcp-servers",
        "id",
        {"name": "A", "mcp_integration_id": "github", "workspace_id": IN_WORKSPACE},
        {"description": "d"},
    ),
}  # fmt: skip
"""Of each resource: where it is created, what names it, and what is written first and later."""


def of(answer, written):
    """The parts of an answer that were written, inside objects too."""
    if not isinstance(answer, dict) or not isinstance(written, dict):
        return answer
    names = [name for name in written if name not in WRITE_ONLY]
    return {name: of(answer.get(name), written[name]) for name in names}


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_is_created_read_imported_changed_and_destroyed(ok, send, workspace, resource):
    path, name, first, later = RESOURCES[resource]
    body = {n: workspace("Support") if v == IN_WORKSPACE else v for n, v in first.items()}
    created = ok(f"POST {path}", body, key=KEY)
    item = f"{path.removesuffix('/workspace/service')}/{created[name]}"

    read = ok(f"GET {item}", key=KEY)
    assert of(read, first) == of(first, first)
    assert ok(f"GET {item}", key=KEY) == read
    # Some are imported by the other one of id and slug.
    for other in {"id", "slug"} & read.keys():
        assert ok(f"GET {item.rpartition('/')[0]}/{read[other]}", key=KEY) == read

    ok(f"PUT {item}", later, key=KEY)
    changed = ok(f"GET {item}", key=KEY)
    assert of(changed, later) == of(later, later)
    kept = {name: value for name, value in first.items() if name not in later}
    assert of(changed, kept) == of(read, kept)
    assert ok(f"GET {item}", key=KEY) == changed

    confirmation = {"name": "A"} if resource == "workspace" else None
    ok(f"DELETE {item}", confirmation, key=KEY)
    assert send(f"GET {item}", key=KEY)[0] in (403, 404)


def test_security_settings_are_merged_and_others_stay(ok, refused):
    path = f"/admin/workspaces/{ok('POST /admin/workspaces', {'name': 'A'}, key=KEY)['id']}"

    def apply(**flags):
        current = ok(f"GET {path}", key=KEY)["security_settings"]
        ok(f"PUT {path}", {"security_settings": {**current, **flags}}, key=KEY)
        after = ok(f"GET {path}", key=KEY)["security_settings"]
        assert after == {**current, **flags}
        return after

    first = apply(membersViewAllData=False, membersViewLogs=False)
    assert len(first) == 35
    assert apply(membersViewAllData=False, membersViewLogs=False) == first
    assert apply(membersViewAllData=True) == {**first, "membersViewAllData": True}
    sparse = {"security_settings": {"membersViewLogs": True}}
    assert refused(f"PUT {path}", sparse, key=KEY) == (400, "AB01")


def test_a_member_is_read_from_the_list_changed_and_removed(ok, user, workspace):
    path, ben = f"/admin/workspaces/{workspace('Support')}/users", user("Ben")

    def role():
        members = ok(f"GET {path}", key=KEY)["data"]
        return next((row["role"] for row in members if row["id"] == ben), None)

    ok(f"POST {path}", {"users": [{"id": ben, "role": "member"}]}, key=KEY)
    assert role() == "member"
    ok(f"PUT {path}/{ben}", {"role": "manager"}, key=KEY)
    assert role() == "manager"
    ok(f"DELETE {path}/{ben}", key=KEY)
    assert role() is None


@pytest.mark.parametrize("by", ["id", "slug"])
def test_a_workspace_is_given_an_integration_with_limits_and_loses_it(ok, emulator, workspace, by):
    row = emulator.store.table("workspaces")[workspace("Support")]
    path = "/integrations/openai/workspaces"

    def access():
        shares = ok(f"GET {path}", key=KEY)["workspaces"]
        return next((each for each in shares if each["id"] == row["slug"]), None)

    share = {"id": row[by], "enabled": True, "usage_limits": [LIMITS], "rate_limits": [RATE]}
    ok(f"PUT {path}", {"workspaces": [share]}, key=KEY)
    assert of(access(), share) == {**share, "id": row["slug"]}
    ok(f"PUT {path}", {"workspaces": [{"id": row[by], "enabled": False}]}, key=KEY)
    assert not (access() or {}).get("enabled")


def test_models_are_enabled_by_slug_and_custom_ones_deleted(ok):
    path = "/integrations/openai/models"

    def model(slug):
        return next((m for m in ok(f"GET {path}", key=KEY)["models"] if m["slug"] == slug), None)

    custom = {"slug": "ours", "enabled": True, "is_custom": True, "base_model_slug": "gpt-4o"}
    ok(f"PUT {path}", {"allow_all_models": False, "models": [custom]}, key=KEY)
    assert of(model("ours"), custom) == custom
    ok(f"PUT {path}", {"models": [{"slug": "gpt-4o", "enabled": False}]}, key=KEY)
    assert model("gpt-4o")["enabled"] is False
    assert model("ours")["enabled"] is True
    ok(f"DELETE {path}?slugs=ours", key=KEY)
    assert model("ours") is None


@pytest.mark.parametrize(
    ("resource", "fixed"),
    [
        ("usage_limits_policy", {"type": "tokens", "conditions": [], "group_by": []}),
        ("rate_limits_policy", {"type": "tokens", "conditions": [], "group_by": []}),
        ("integration", {"ai_provider_id": "anthropic", "slug": "other"}),
        ("api_key", {"type": "organisation", "user_id": "u"}),
    ],
)
def test_what_the_provider_replaces_a_resource_for_cannot_be_changed(
    ok, send, workspace, resource, fixed
):
    path, name, first, _later = RESOURCES[resource]
    body = {n: workspace("Support") if v == IN_WORKSPACE else v for n, v in first.items()}
    created = ok(f"POST {path}", body, key=KEY)
    item = f"{path.removesuffix('/workspace/service')}/{created[name]}"
    before = ok(f"GET {item}", key=KEY)

    for field, value in fixed.items():
        send(f"PUT {item}", {"name": "A", field: value}, key=KEY)

    after = ok(f"GET {item}", key=KEY)
    assert {n: after[n] for n in (*fixed, "name")} == {n: before[n] for n in (*fixed, "name")}


@pytest.mark.parametrize("resource", ["integration", "secret_reference", "api_key"])
def test_credentials_are_never_read_back(ok, workspace, resource):
    path, name, first, _later = RESOURCES[resource]
    body = {n: workspace("Support") if v == IN_WORKSPACE else v for n, v in first.items()}
    created = ok(f"POST {path}", {**body, "key": "sk-very-secret-1"}, key=KEY)
    secret = created.get("key", "sk-very-secret-1")
    item = f"{path.removesuffix('/workspace/service')}/{created[name]}"

    assert secret not in str(ok(f"GET {item}", key=KEY))
