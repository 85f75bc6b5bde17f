"""Labels in the emulator."""

import pytest


@pytest.mark.parametrize("name", ["latest", "default", "12", "two words", "", None])
def test_a_label_cannot_have_a_name_with_another_meaning(refused, workspace, name):
    body = {"name": name, "workspace_id": workspace("Support")}

    assert refused("POST /labels", body) == (400, "AB01")


def test_a_label_name_is_unique_where_the_label_is_valid(ok, refused, workspace):
    support, science = workspace("Support"), workspace("Science")
    ok("POST /labels", {"name": "canary", "workspace_id": support})

    assert refused("POST /labels", {"name": "canary", "workspace_id": support}) == (409, "AB07")
    assert refused("POST /labels", {"name": "production", "workspace_id": science}) == (409, "AB07")
    assert ok("POST /labels", {"name": "canary", "workspace_id": science})["id"]


def test_a_workspace_key_sees_the_labels_of_its_workspace_and_of_the_organisation(ok, workspace):
    ok("POST /labels", {"name": "theirs", "workspace_id": workspace("Science")})

    names = [row["name"] for row in ok("GET /labels", key="workspace-service")["data"]]

    assert names == ["reviewed", "development", "staging", "production"]


def test_a_workspace_key_does_not_make_or_change_the_organisations_labels(ok, refused, emulator):
    organisation = emulator.store.table("labels").rows()[0]["organisation_id"]
    common = {"name": "approved", "organisation_id": organisation}
    created = ok("POST /labels", common, key="admin")
    assert refused("POST /labels", {**common, "organisation_id": "x"}, key="admin") == (403, "AB03")
    path, key = f"/labels/{created['id']}", "workspace-service"

    assert refused("POST /labels", {**common, "name": "mine"}, key=key) == (403, "AB03")
    assert refused(f"PUT {path}", {"description": "x"}, key=key) == (403, "AB03")
    assert refused(f"DELETE {path}", key=key) == (403, "AB03")
    assert ok(f"GET {path}", key=key)["description"] == ""
