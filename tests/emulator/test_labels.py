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
    universal = [row["name"] for row in ok("GET /labels", key="admin")["data"]]
    assert universal == ["development", "staging", "production"]


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


def test_a_label_is_of_the_named_workspace_and_without_one_of_the_default(ok, emulator, workspace):
    def workspace_of(**owner):
        id = ok("POST /labels", {"name": f"label-{len(owner)}", **owner})["id"]
        return ok(f"GET /labels/{id}")["workspace_id"]

    organisation = emulator.store.table("labels").rows()[0]["organisation_id"]
    both = {"organisation_id": organisation, "workspace_id": workspace("Support")}

    assert workspace_of() == workspace("Shared Team Workspace")
    assert workspace_of(organisation_id=organisation) is None
    assert workspace_of(**both) == workspace("Support")


def test_a_label_keeps_its_name_if_the_same_or_none_is_given(ok, refused, workspace):
    owner = {"workspace_id": workspace("Support")}
    path = f"/labels/{ok('POST /labels', {'name': 'canary', **owner})['id']}"

    assert ok(f"PUT {path}", {"name": "canary", "description": "Few"}) == {}
    assert ok(f"PUT {path}", {"color_code": "#FF0000"}) == {}
    assert refused(f"PUT {path}", {"name": "production"}) == (409, "AB07")

    label = ok(f"GET {path}")
    assert (label["name"], label["description"], label["color_code"]) == (
        "canary",
        "Few",
        "#FF0000",
    )
