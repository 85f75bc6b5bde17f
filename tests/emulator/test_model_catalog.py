"""The model catalogue in the emulator."""


def test_the_public_catalogue_needs_no_key(send):
    assert send("GET /model-configs/pricing/openai/gpt-5", key=None)[0] == 200
    assert send("GET /pricing/openai.json", key=None)[0] == 200
    assert send("GET /pricing/openai.xml", key=None)[0] == 401
    assert send("GET /pricing/none.json", key=None) == (404, {"error": "Model not found"})


def test_models_are_listed_for_workspace_keys_only(ok, refused):
    assert ok("GET /models", key="workspace-service")["total"] == 3
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

    assert before == ["@p/gpt-5", "@p/gpt-5-mini"]
    assert after == ["@p/gpt-5-mini", "@p/ours"]
