"""Collections in the emulator."""

import pytest


def test_a_parent_must_be_in_the_same_workspace(ok, refused, workspace):
    support, science = workspace("Support"), workspace("Science")
    theirs = ok("POST /collections", {"name": "A", "workspace_id": science})

    body = {"name": "B", "workspace_id": support, "parent_collection_id": theirs["id"]}

    assert refused("POST /collections", body) == (400, "AB01")


def test_a_workspace_key_sees_its_own_collections_only(ok, refused, workspace):
    theirs = ok("POST /collections", {"name": "A", "workspace_id": workspace("Science")})
    key = "workspace-service"

    assert {row["name"] for row in ok("GET /collections", key=key)["data"]} == {
        "Support",
        "Macros",
    }
    assert refused(f"GET /collections/{theirs['id']}", key=key) == (403, "AB03")
    assert refused(f"DELETE /collections/{theirs['id']}", key=key) == (403, "AB03")


def test_a_workspace_with_its_default_collection_only_is_deleted(ok):
    created = ok("POST /admin/workspaces", {"name": "New"})

    assert ok(f"DELETE /admin/workspaces/{created['id']}", {"name": "New"}) == {}


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 7}])
def test_a_collection_needs_a_name(refused, body):
    assert refused("POST /collections", body) == (400, "AB01")
