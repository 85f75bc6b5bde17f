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
def test_an_integration_that_makes_no_sense_is_refused(refused, wrong):
    assert refused("POST /integrations", {**BODY, **wrong}) == (400, "AB01")


def test_a_slug_is_taken_once_and_a_strange_model_refused(refused):
    assert refused("POST /integrations", {**BODY, "slug": "openai"}) == (409, "AB07")
    models = {"models": [{"slug": "mine", "enabled": True}]}
    assert refused("PUT /integrations/openai/models", models) == (400, "AB01")
    assert refused("DELETE /integrations/openai/models") == (400, "AB01")
    assert refused("DELETE /integrations/openai/models?slugs=mine") == (404, "AB08")


def test_a_workspace_keys_integration_is_its_workspaces_own(said, refused, workspace):
    made = said("POST /integrations", {**BODY, "slug": "own"}, key="workspace-service")

    rows = said("GET /integrations?type=workspace", key="workspace-service")["data"]
    assert [row["id"] for row in rows] == [made["id"]]
    body = {"name": "P", "integration_id": "own", "workspace_id": workspace("Science")}
    assert refused("POST /providers", body) == (403, "AB03")


def test_null_clears_adjusted_prices_and_secrets_stay_masked(said):
    prices = {"multiplier": {"default": 2}}
    settings = {"aws_region": "eu", "aws_secret_access_key": "s"}
    body = {**BODY, "slug": "a", "pricing_adjustments": prices, "configurations": settings}
    said("POST /integrations", body)
    before = said("GET /integrations/a")

    said("PUT /integrations/a", {"pricing_adjustments": None})

    assert before["pricing_adjustments"] == prices
    assert before["configurations"] == {"aws_region": "eu", "aws_secret_access_key": "*****"}
    assert said("GET /integrations/a")["pricing_adjustments"] is None
