"""Secret references in the emulator."""

import pytest

BODY = {
    "name": "A",
    "manager_type": "aws_sm",
    "auth_config": {"aws_auth_type": "serviceRole"},
    "secret_path": "a",
}
PATH = "/secret-references"


@pytest.mark.parametrize("missing", BODY)
def test_a_reference_needs_all_required_fields(refused, missing):
    assert refused(f"POST {PATH}", {**BODY, missing: None}) == (400, "AB01")


def test_a_slug_is_unique_and_an_empty_list_of_workspaces_refused(refused):
    assert refused(f"POST {PATH}", {**BODY, "slug": "openai-key"}) == (400, "AB01")
    assert refused(f"POST {PATH}", {**BODY, "allowed_workspaces": []}) == (400, "AB01")
    assert refused(f"POST {PATH}", {**BODY, "allowed_workspaces": ["ws-none"]}) == (403, "AB03")


def test_a_slug_begins_with_the_name(ok):
    assert ok(f"POST {PATH}", {**BODY, "name": "Our vault"})["slug"].startswith("sr-our-vault-")


def test_a_page_has_20_rows_by_default(ok):
    for number in range(25):
        ok(f"POST {PATH}", {**BODY, "name": f"A{number}"})

    assert len(ok(f"GET {PATH}")["data"]) == 20
    assert len(ok(f"GET {PATH}?page_size=26")["data"]) == 26


def test_an_empty_update_is_refused(refused):
    assert refused(f"PUT {PATH}/openai-key", {}) == (400, "AB01")


@pytest.mark.parametrize(
    ("manager", "config"),
    [
        ("aws_sm", {"aws_region": "eu-west-1"}),
        ("aws_sm", {"aws_auth_type": "accessKey", "aws_region": "eu-west-1"}),
        ("aws_sm", {"vault_auth_type": "token", "vault_addr": "https://v", "vault_token": "t"}),
        ("azure_kv", {"azure_auth_mode": "default"}),
        ("hashicorp_vault", {"vault_auth_type": "approle", "vault_addr": "https://v"}),
    ],
)
def test_an_auth_config_must_fit_its_manager_and_be_complete(refused, manager, config):
    body = {**BODY, "manager_type": manager, "auth_config": config}

    assert refused(f"POST {PATH}", body) == (400, "AB01")


def test_a_changed_auth_config_must_be_complete_too(refused, ok):
    config = {"vault_auth_type": "token"}

    assert refused(f"PUT {PATH}/openai-key", {"auth_config": config}) == (400, "AB01")
    ok(f"PUT {PATH}/openai-key", {"auth_config": {**config, "vault_token": "t"}})


@pytest.mark.parametrize("field", ["name", "secret_path"])
def test_null_does_not_clear_what_a_reference_needs(refused, ok, field):
    assert refused(f"PUT {PATH}/openai-key", {field: None}) == (400, "AB01")
    assert ok(f"GET {PATH}?search=openai")["total"] == 1


@pytest.mark.parametrize("tags", ["5", "[1]", "team"])
def test_tags_to_match_are_an_object(refused, tags):
    assert refused(f"GET {PATH}?tags={tags}") == (400, "AB01")


@pytest.mark.parametrize(
    ("endpoint", "body", "field"),
    [
        ("POST /integrations", {"name": "A", "ai_provider_id": "openai"}, "key"),
        (
            "POST /mcp-integrations",
            {"name": "A", "url": "https://a", "auth_type": "none", "transport": "http"},
            "configurations.token",
        ),
    ],
)
def test_a_reference_in_use_by_an_integration_is_not_deleted(ok, send, endpoint, body, field):
    mapping = {"target_field": field, "secret_reference_id": "openai-key"}
    ok(endpoint, {**body, "secret_mappings": [mapping]})

    status, answer = send(f"DELETE {PATH}/openai-key")

    assert (status, answer["data"]["errorCode"]) == (400, "AB01")
    assert "integration is mapped to it" in answer["data"]["message"]
