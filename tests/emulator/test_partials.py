"""Partials in the emulator."""

import pytest


@pytest.mark.parametrize("missing", ["name", "string"])
def test_a_partial_needs_a_name_and_a_text(refused, workspace, missing):
    body = {"name": "A", "string": "x", "workspace_id": workspace("Support")}

    assert refused("POST /prompts/partials", body | {missing: None}) == (400, "AB01")


def test_a_partial_of_another_workspace_is_refused(ok, refused, workspace):
    body = {"name": "A", "string": "x", "workspace_id": workspace("Science")}
    theirs = ok("POST /prompts/partials", body)

    path = f"/prompts/partials/{theirs['slug']}"
    for endpoint in (f"GET {path}", f"PUT {path}", f"DELETE {path}", f"GET {path}/versions"):
        assert refused(endpoint, {}, key="workspace-service") == (403, "AB03")


def test_a_slug_stays_when_the_name_changes(ok, workspace):
    body = {"name": "Example text", "string": "x", "workspace_id": workspace("Support")}
    created = ok("POST /prompts/partials", body)

    ok(f"PUT /prompts/partials/{created['id']}", {"name": "Other"})

    read = ok(f"GET /prompts/partials/{created['slug']}")
    assert (read["name"], read["slug"][:10]) == ("Other", "pl-exampl-")


def test_a_partial_is_deleted_with_its_versions(ok, workspace, emulator):
    body = {"name": "A", "string": "x", "workspace_id": workspace("Support")}
    created = ok("POST /prompts/partials", body)
    assert emulator.store.table("partial_versions").where(parent_id=created["id"])

    ok(f"DELETE /prompts/partials/{created['id']}")

    assert not emulator.store.table("partial_versions").where(parent_id=created["id"])
