"""Virtual keys in the emulator."""

import re
from datetime import timedelta

import pytest

OPENAI = {"name": "Main", "provider": "openai", "key": "sk-hidden"}


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def make(ok, support):
    """Make a virtual key in Support, and return its path."""

    def created(**more):
        body = {**OPENAI, "workspace_id": support, **more}
        return f"/virtual-keys/{ok('POST /virtual-keys', body)['data']['slug']}"

    return created


def test_the_answer_to_a_new_virtual_key_has_its_slug_in_both_forms(ok, support):
    created = ok("POST /virtual-keys", {**OPENAI, "workspace_id": support})

    slug = created["data"]["slug"]
    assert created == {"success": True, "data": {"slug": slug}, "slug": slug}
    assert re.fullmatch(r"main-[0-9a-f]{6}", slug)


def test_the_providers_key_is_never_shown(ok, make):
    path = make(key="sk-hidden-1")
    ok(f"PUT {path}", {"key": "sk-hidden-2"})

    answers = [ok(f"GET {path}"), ok("GET /virtual-keys", key="workspace-service")]

    assert "sk-hidden" not in str(answers)
    assert answers[0]["key"] == answers[0]["masked_api_key"] == "sk*****n-2"


def test_the_list_is_of_one_workspace_newest_first_and_paged(ok, make, support):
    slug = make().rpartition("/")[2]

    page = ok(f"GET /virtual-keys?workspace_id={support}&page_size=2&current_page=0")

    assert [key["name"] for key in page["data"]] == ["Main", "Anthropic main"]
    assert (page["object"], page["total"], page["data"][0]["slug"]) == ("list", 3, slug)


def test_given_fields_change_null_clears_and_the_slug_stays(ok, make, support, workspace):
    limits = {"usage_limits": {"credit_limit": 5}, "rate_limits": [{"unit": "rpm", "value": 9}]}
    path = make(note="Old", **limits)
    before = ok(f"GET {path}")
    change = {"name": "Renamed", "note": None, "slug": "mine", "workspace_id": support}

    assert ok(f"PUT {path}", change) == {}

    after = ok(f"GET {path}")
    assert after == {**before, "name": "Renamed", "note": None}
    assert before["note"] == "Old"


def test_azure_fields_are_merged_into_the_model_config(ok, make):
    path = make(resourceName="acme", apiVersion="2025-01-01")
    deployments = [{"apiVersion": "2026-01-01", "deploymentName": "gpt", "alias": "g"}]

    ok(f"PUT {path}", {"deploymentConfig": deployments})

    assert ok(f"GET {path}")["model_config"] == {
        "resourceName": "acme",
        "apiVersion": "2025-01-01",
        "deploymentConfig": deployments,
    }


def test_a_rate_limit_may_be_one_object_or_a_list_and_reads_as_a_list(ok, make):
    one = {"type": "requests", "unit": "rpm", "value": 5}

    assert ok(f"GET {make(rate_limits=one)}")["rate_limits"] == [one]
    assert ok(f"GET {make(rate_limits=[one])}")["rate_limits"] == [one]


def test_a_secret_mapping_can_replace_the_key(ok, make):
    mapping = {"target_field": "key", "secret_reference_id": "openai-key"}

    path = make(key=None, secret_mappings=[mapping])

    assert ok(f"GET {path}")["secret_mappings"] == [mapping]
    ok(f"PUT {path}", {"note": "Spare"})
    assert ok(f"GET {path}")["secret_mappings"] == [mapping]


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"provider": None},
        {"key": None},
        {"key": None, "secret_mappings": [{"target_field": "x", "secret_reference_id": "v"}]},
        {"secret_mappings": [{"target_field": "key", "secret_reference_id": "openai-key"}] * 2},
        {"secret_mappings": [{"target_field": "key", "secret_reference_id": "v"}]},
        {"deploymentConfig": [{"api_version": "1", "deployment_name": "x"}]},
        {"usage_limits": {"credit_limit": 5, "alert_threshold": 6}},
        {"usage_limits": {"type": "requests"}},
        {"rate_limits": [{"unit": "rps"}]},
        {"expires_at": "soon"},
    ],
)
def test_an_invalid_virtual_key_is_refused_and_not_stored(ok, refused, support, change):
    body = {**OPENAI, "workspace_id": support, **change}

    assert refused("POST /virtual-keys", body) == (400, "AB01")
    assert ok(f"GET /virtual-keys?workspace_id={support}")["total"] == 2


@pytest.mark.parametrize(
    "change", [{"name": None}, {"name": "x", "expires_at": "soon"}, {"deploymentConfig": [{}]}]
)
def test_a_refused_change_changes_nothing(ok, refused, make, change):
    path = make()
    before = ok(f"GET {path}")

    assert refused(f"PUT {path}", change) == (400, "AB01")
    assert ok(f"GET {path}") == before


def test_a_virtual_key_expires_at_its_time(ok, make, emulator):
    path = make(expires_at="2026-11-02T11:00:00+01:00")
    assert ok(f"GET {path}")["status"] == "active"

    emulator.store.ahead = timedelta(hours=1)

    assert ok(f"GET {path}")["status"] == "expired"
    assert ok(f"GET {path}")["expires_at"] == "2026-11-02T10:00:00.000Z"


def test_a_deleted_virtual_key_is_forbidden_and_its_configs_stay(ok, refused, make, support):
    path = make()
    content = {"virtual_key": path.rpartition("/")[2]}
    config = {"name": "x", "config": content, "workspace_id": support}
    slug = ok("POST /configs", config)["slug"]

    assert ok(f"DELETE {path}") == {}

    assert refused(f"GET {path}") == (403, "AB03")
    assert refused("GET /virtual-keys/none") == (404, "AB08")
    assert ok(f"GET /configs/{slug}")["slug"] == slug


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_an_admin_key_names_the_right_workspace_or_none(send, make, support, workspace, verb):
    path = make()

    def status(named):
        parameters = f"?workspace_id={named}" if named else ""
        return send(f"{verb} {path}{parameters}", {"note": "x"}, key="admin")[0]

    assert status(workspace("Science")) == 403
    assert verb == "DELETE" or status(support) == 200
    assert status(None) == 200


def test_a_workspace_key_sees_no_other_workspace(ok, refused, workspace):
    key, shared = "workspace-service", workspace("Shared Team Workspace")
    (theirs,) = ok(f"GET /virtual-keys?workspace_id={shared}")["data"]
    path = f"/virtual-keys/{theirs['slug']}"

    assert ok("GET /virtual-keys", key=key)["total"] == 2
    for endpoint in (
        f"GET /virtual-keys?workspace_id={shared}",
        f"GET {path}",
        f"PUT {path}",
        f"DELETE {path}",
    ):
        assert refused(endpoint, {}, key=key) == (403, "AB03")
    body = {**OPENAI, "workspace_id": shared}
    assert refused("POST /virtual-keys", body, key=key) == (403, "AB03")


def test_a_secret_is_mapped_only_where_its_reference_may_be_used(ok, make, refused, workspace):
    ok("PUT /secret-references/openai-key", {"allowed_workspaces": [workspace("Science")]})
    path = make()
    field = {"target_field": "awsSecretAccessKey", "secret_reference_id": "openai-key"}
    changes = {"secret_mappings": [field]}

    assert refused(f"PUT {path}", changes) == (400, "AB01")
    ok("PUT /secret-references/openai-key", {"allowed_workspaces": [workspace("Support")]})
    ok(f"PUT {path}", changes)

    (remaining,) = ok(f"GET {path}")["secret_mappings"]
    assert remaining == {**field, "target_field": "model_config.awsSecretAccessKey"}


def test_a_virtual_key_offers_the_models_of_its_provider(ok, new_key, workspace):
    science = workspace("Science")
    key = new_key("models.list", workspace=science)
    body = {"name": "Own", "provider": "openai", "key": "sk-hidden", "workspace_id": science}
    slug = ok("POST /virtual-keys", body)["slug"]

    models = [row["id"] for row in ok("GET /models", key=key)["data"]]

    assert {f"@{slug}/gpt-5", f"@{slug}/gpt-5-mini"} <= {*models}
    assert not [model for model in models if "claude" in model]
