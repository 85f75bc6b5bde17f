"""Refusals and updates at the edge of what each domain allows, one request each."""

import pytest

CHECK = {"id": "default.regexMatch", "parameters": {"rule": "x"}}
GUARDRAIL = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}


@pytest.fixture
def organisation(emulator):
    return emulator.store.table("guardrails").rows()[0]["organisation_id"]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("POST /configs", {"config": {}}),
        ("POST /configs", {"name": "A"}),
        ("PUT /collections/{collection}", {}),
        ("PUT /collections/{collection}", {"name": ""}),
        ("POST /api-keys/organisation/user", {"name": "A", "scopes": ["configs.read"]}),
        (
            "POST /api-keys/workspace/service",
            {"name": "A", "scopes": ["configs.read"], "defaults": {"config_id": "pc-none"}},
        ),
    ],
)
def test_a_body_without_what_it_needs_is_refused(refused, emulator, workspace, endpoint, body):
    (row,) = emulator.store.table("collections").where(name="Macros")
    sent = {**body, "workspace_id": workspace("Support")} if endpoint.startswith("POST") else body

    assert refused(endpoint.format(collection=row["id"]), sent) == (400, "AB01")


def test_a_collection_with_prompts_is_not_deleted(send, emulator):
    (row,) = emulator.store.table("collections").where(name="Macros")
    assert emulator.store.table("prompts").where(collection_id=row["id"])

    status, answer = send(f"DELETE /collections/{row['id']}")

    assert status == 409
    assert "Unable to delete" in answer["data"]["message"]
    assert emulator.store.table("collections").find(row["id"])


@pytest.mark.parametrize("key", ["workspace-service", "workspace-user"])
def test_only_an_admin_lists_what_belongs_to_the_organisation(refused, organisation, key):
    endpoint = f"GET /guardrails?organisation_id={organisation}"

    assert refused(endpoint, key=key)[0] == 403


def test_another_organisation_has_nothing_for_an_admin(refused):
    assert refused("GET /guardrails?organisation_id=another", key="admin")[0] == 403
    body = {**GUARDRAIL, "organisation_id": "another"}
    assert refused("POST /guardrails", body, key="admin")[0] == 403


def test_a_prompt_has_no_version_that_was_never_made(send, emulator):
    slug = emulator.store.table("prompts").rows()[0]["slug"]

    status, answer = send(f"GET /prompts/{slug}?version=999")

    assert (status, answer["data"]["message"]) == (404, "Version not found")


def test_a_workspace_that_does_not_exist_cannot_be_left_out_of_guardrails(refused, organisation):
    for side in ("input", "output"):
        endpoint = f"PUT /workspace-exclusions/{side}-guardrails"
        body = {
            "organisation_id": organisation,
            "workspaces": [{"workspace_id": "ws-none", "excluded": True}],
        }
        assert refused(endpoint, body) == (403, "AB03")


@pytest.fixture
def integration(ok):
    body = {"name": "Own", "ai_provider_id": "openai", "key": "sk-first"}
    return ok("POST /integrations", body)["slug"]


def row_of(emulator, slug):
    (row,) = emulator.store.table("integrations").where(slug=slug)
    return row


def test_a_new_key_replaces_the_old_one_and_no_key_keeps_it(ok, emulator, integration):
    ok(f"PUT /integrations/{integration}", {"description": "d"})
    assert row_of(emulator, integration)["_key"] == "sk-first"

    ok(f"PUT /integrations/{integration}", {"key": "sk-second"})
    assert row_of(emulator, integration)["_key"] == "sk-second"


def test_whether_all_models_are_allowed_changes_only_if_it_is_given(ok, emulator, integration):
    before = row_of(emulator, integration).get("allow_all_models")
    ok(f"PUT /integrations/{integration}/models", {"models": []})
    assert row_of(emulator, integration).get("allow_all_models") == before

    ok(f"PUT /integrations/{integration}/models", {"models": [], "allow_all_models": False})
    assert row_of(emulator, integration)["allow_all_models"] is False


def test_access_is_overridden_only_if_that_is_said(ok, emulator, workspace, integration):
    def share(name, **more):
        body = {"workspaces": [{"id": workspace(name), "enabled": True}], **more}
        ok(f"PUT /integrations/{integration}/workspaces", body)
        return len(row_of(emulator, integration)["_shares"])

    assert share("Support") == 1
    assert share("Science") == 2
    assert share("Science", override_existing_workspace_access=True) == 1
