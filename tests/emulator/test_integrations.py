"""Integrations in the emulator."""

import pytest

BODY = {"name": "A", "ai_provider_id": "openai", "key": "k"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"key": None},
        {"slug": "a b"},
        {"configurations": {"api_version": "1", "resource_name": "a"}},
    ],
)
def test_an_invalid_integration_is_refused(refused, wrong):
    assert refused("POST /integrations", {**BODY, **wrong}) == (400, "AB01")


def test_a_slug_is_unique_and_an_unknown_model_refused(refused):
    assert refused("POST /integrations", {**BODY, "slug": "openai"}) == (409, "AB07")
    models = {"models": [{"slug": "mine", "enabled": True}]}
    assert refused("PUT /integrations/openai/models", models) == (400, "AB01")
    assert refused("DELETE /integrations/openai/models") == (400, "AB01")
    assert refused("DELETE /integrations/openai/models?slugs=mine") == (404, "AB08")


def test_a_workspace_key_creates_an_integration_of_its_workspace(ok, refused, workspace):
    created = ok("POST /integrations", {**BODY, "slug": "own"}, key="workspace-service")
    provider = {"name": "P", "integration_id": "own", "workspace_id": workspace("Support")}
    assert ok("POST /providers", provider)["slug"].startswith("p-")
    assert ok("GET /integrations/own")["workspace_count"] == 1

    rows = ok("GET /integrations?type=workspace", key="workspace-service")["data"]
    assert [row["id"] for row in rows] == [created["id"]]
    body = {"name": "P", "integration_id": "own", "workspace_id": workspace("Science")}
    assert refused("POST /providers", body) == (403, "AB03")


def test_a_slug_begins_with_the_name_and_tags_are_kept(ok):
    created = ok("POST /integrations", {**BODY, "name": "Our AI", "tags": {"team": "x"}})

    assert created["slug"].startswith("our-ai-")
    assert ok(f"GET /integrations/{created['slug']}")["tags"] == {"team": "x"}


def test_null_clears_adjusted_prices_and_secrets_stay_masked(ok):
    prices = {"multiplier": {"default": 2}}
    settings = {"aws_region": "eu", "aws_secret_access_key": "s"}
    body = {**BODY, "slug": "a", "pricing_adjustments": prices, "configurations": settings}
    ok("POST /integrations", body)
    before = ok("GET /integrations/a")

    ok("PUT /integrations/a", {"pricing_adjustments": None})

    assert before["pricing_adjustments"] == prices
    assert before["configurations"] == {
        "aws_region": "eu",
        "masked_aws_secret_access_key": "s*****",
    }
    assert ok("GET /integrations/a")["pricing_adjustments"] is None


SHARED = {"workspaces": [], "global_workspace_access": {"enabled": True}}


@pytest.fixture
def everybodys(ok):
    """The organisation's OpenAI, for every workspace."""
    ok("PUT /integrations/openai/workspaces", SHARED)
    return "/integrations/openai"


def test_a_workspace_key_reads_what_its_workspace_may_use_and_no_more(ok, refused, everybodys):
    key = "workspace-service"
    assert ok(f"GET {everybodys}", key=key)["slug"] == "openai"
    assert [row["slug"] for row in ok("GET /integrations", key=key)["data"]] == ["openai"]

    ok(f"PUT {everybodys}/workspaces", {"global_workspace_access": {"enabled": False}})

    assert refused(f"GET {everybodys}", key=key) == (403, "AB03")
    assert refused(f"GET {everybodys}/models", key=key) == (403, "AB03")
    assert ok("GET /integrations", key=key)["data"] == []


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("PUT {}", {"name": "Mine"}),
        ("DELETE {}", None),
        ("PUT {}/models", {"models": [{"slug": "gpt-5", "enabled": False}]}),
        ("DELETE {}/models?slugs=x", None),
        ("PUT {}/workspaces", SHARED),
    ],
)
def test_a_workspace_key_changes_nothing_of_the_organisations(refused, everybodys, endpoint, body):
    parameters = endpoint.format(everybodys)

    assert refused(parameters, body, key="workspace-service") == (403, "AB03")


def test_a_workspaces_scope_makes_and_changes_a_workspaces_integration_only(
    ok, refused, new_key, workspace
):
    key = new_key("workspace_integrations.create", "workspace_integrations.update")
    workspace_id = {"workspace_id": workspace("Support")}

    assert refused("POST /integrations", BODY, key=key) == (403, "AB03")
    ok("POST /integrations", {**BODY, "slug": "own", **workspace_id}, key=key)
    assert ok("PUT /integrations/own", {"name": "B"}, key=key) == {}
    assert refused("PUT /integrations/openai", {"name": "B"}, key=key) == (403, "AB03")


def test_the_integrations_of_a_workspace_are_those_it_may_use(ok, workspace):
    def listed(name):
        rows = ok(f"GET /integrations?workspace_id={workspace(name)}")["data"]
        return [row["slug"] for row in rows]

    assert (listed("Science"), listed("Support")) == (["openai"], [])


def test_each_field_has_one_mapping_to_an_existing_secret(ok, refused):
    def mapped(*fields, reference="openai-key"):
        rows = [{"target_field": field, "secret_reference_id": reference} for field in fields]
        return {**BODY, "slug": "mapped", "key": None, "secret_mappings": rows}

    for wrong in (mapped("key", "key"), mapped("a", "configurations.a"), mapped("a")):
        assert refused("POST /integrations", wrong) == (400, "AB01")
    assert refused("POST /integrations", mapped("key", reference="none")) == (400, "AB01")

    ok("POST /integrations", mapped("key", "aws_secret_access_key"))
    remaining = ok("GET /integrations/mapped")["secret_mappings"]
    assert [row["target_field"] for row in remaining] == [
        "key",
        "configurations.aws_secret_access_key",
    ]
    again = {"secret_mappings": mapped("key", "key")["secret_mappings"]}
    assert refused("PUT /integrations/mapped", again) == (400, "AB01")


def test_a_default_provider_with_a_slug_in_use_is_refused(ok, refused, workspace):
    shares = [{"id": workspace("Support"), "enabled": True}]
    (taken, *_rest) = ok("GET /virtual-keys", key="workspace-service")["data"]
    body = {"workspaces": shares, "default_provider_slug": taken["slug"]}

    assert refused("PUT /integrations/openai/workspaces", body) == (400, "AB01")
    shown = ok("GET /integrations/openai/workspaces")["workspaces"]
    assert [share["id"][:9] for share in shown] == ["ws-scienc"]


def test_a_workspaces_own_integration_is_not_shared_with_another(ok, refused, workspace):
    ok("POST /integrations", {**BODY, "slug": "own"}, key="workspace-service")
    science = {"workspaces": [{"id": workspace("Science"), "enabled": True}]}

    path = "PUT /integrations/own/workspaces"
    assert refused(path, science, key="workspace-service") == (403, "AB03")
    assert refused(path, science) == (403, "AB03")
    assert ok(f"GET /virtual-keys?workspace_id={workspace('Science')}")["total"] == 0
    assert refused(path, SHARED) == (400, "AB01")
    body = {"name": "P", "integration_id": "own", "workspace_id": workspace("Science")}
    assert refused("POST /providers", body) == (403, "AB03")


def test_an_update_keeps_what_it_does_not_name_and_merges_settings(ok):
    mapping = {"target_field": "key", "secret_reference_id": "openai-key"}
    settings = {"openai_organization": "o", "openai_project": "p"}
    body = {**BODY, "slug": "a", "configurations": settings, "secret_mappings": [mapping]}
    ok("POST /integrations", body)

    ok("PUT /integrations/a", {"configurations": {"openai_project": "q"}})

    after = ok("GET /integrations/a")
    assert after["configurations"] == {"openai_organization": "o", "openai_project": "q"}
    assert (after["secret_mappings"], after["name"]) == ([mapping], "A")
