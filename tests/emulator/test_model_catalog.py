"""The model catalogue in the emulator."""

from urllib.parse import urlencode


def test_the_public_catalogue_needs_no_key(send):
    assert send("GET /model-configs/pricing/openai/gpt-5", key=None)[0] == 200
    assert send("GET /pricing/openai.json", key=None)[0] == 200
    assert send("GET /pricing/openai.xml", key=None)[0] == 401
    assert send("GET /pricing/none.json", key=None) == (404, {"error": "Model not found"})


def test_models_are_listed_for_workspace_keys_only(ok, refused):
    assert ok("GET /models", key="workspace-service")["total"] == 14
    assert refused("GET /models", key="admin") == (403, "AB03")


def test_a_disabled_model_is_not_callable_through_its_integration(ok, new_key, workspace):
    science = workspace("Science")
    key = new_key("models.list", workspace=science)
    body = {"name": "P", "integration_id": "openai", "slug": "p", "workspace_id": science}
    ok("POST /providers", body)
    changed = [
        {"slug": "gpt-5", "enabled": False},
        {"slug": "ours", "enabled": True, "is_custom": True},
    ]

    before = [row["id"] for row in ok("GET /models", key=key)["data"]]
    ok("PUT /integrations/openai/models", {"models": changed})
    after = [row["id"] for row in ok("GET /models", key=key)["data"]]

    assert set(before) - set(after) == {"@p/gpt-5"}
    assert set(after) - set(before) == {"@p/ours"}


def test_common_models_have_a_price_and_requests_to_them_a_cost(ok, workspace):
    assert ok("GET /model-configs/pricing/openai/gpt-4o", key=None)["currency"] == "USD"
    models = {model["slug"] for model in ok("GET /integrations/openai/models")["models"]}
    assert {"gpt-4o", "gpt-4o-mini"} <= models

    for model in ("gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o-mini", "claude-sonnet-4-20250514"):
        usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
        log = {
            "request": {"url": "https://a.example", "body": {"model": model}},
            "response": {"body": {"usage": usage}},
            "metadata": {"traceId": model},
        }
        ok("POST /logs", log, key="workspace-service")
        query = {
            "time_of_generation_min": "2026-11-02",
            "time_of_generation_max": "2026-11-03",
            "trace_id": model,
        }
        path = f"GET /analytics/graphs/cost?{urlencode(query)}"
        assert ok(path, key="workspace-service")["summary"]["total"] > 0, model
