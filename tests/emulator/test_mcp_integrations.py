"""MCP integrations in the emulator."""

import pytest

BODY = {"name": "A", "url": "https://a.example", "auth_type": "none", "transport": "http"}
PATH = "/mcp-integrations"


@pytest.mark.parametrize("wrong", [{"url": "a"}, {"auth_type": "magic"}, {"transport": None}])
def test_an_integration_that_makes_no_sense_is_refused(refused, workspace, wrong):
    body = {**BODY, "workspace_id": workspace("Support"), **wrong}

    assert refused(f"POST {PATH}", body) == (400, "AB01")


def test_a_slug_is_taken_once(refused, workspace):
    body = {**BODY, "slug": "github", "workspace_id": workspace("Support")}

    assert refused(f"POST {PATH}", body) == (409, "AB07")


def test_deleting_an_integration_deletes_its_servers(said, refused):
    said(f"DELETE {PATH}/github")

    assert refused("GET /mcp-servers/support-github") == (403, "AB03")


def test_a_workspace_key_makes_integrations_for_its_own_workspace_only(said, refused, workspace):
    key = "workspace-service"
    made = said(f"POST {PATH}", BODY, key=key)

    assert said(f"GET {PATH}/{made['id']}")["workspace_id"] == workspace("Support")
    assert refused(f"POST {PATH}", {**BODY, "workspace_id": workspace("Science")}, key=key) == (
        403,
        "AB03",
    )
