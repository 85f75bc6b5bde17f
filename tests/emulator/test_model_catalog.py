"""The model catalogue in the emulator."""


def test_the_public_catalogue_needs_no_key(send):
    assert send("GET /model-configs/pricing/openai/gpt-5", key=None)[0] == 200
    assert send("GET /pricing/openai.json", key=None)[0] == 200
    assert send("GET /pricing/openai.xml", key=None)[0] == 401


def test_models_are_listed_for_workspace_keys_only(said, refused):
    assert said("GET /models", key="workspace-service")["total"] == 3
    assert refused("GET /models", key="admin") == (403, "AB03")
