"""Labels in the emulator."""

import pytest


@pytest.mark.parametrize("name", ["latest", "default", "12", "two words", "", None])
def test_a_label_may_not_be_called_what_means_something_else(refused, workspace, name):
    body = {"name": name, "workspace_id": workspace("Support")}

    assert refused("POST /labels", body) == (400, "AB01")


def test_a_name_is_taken_where_it_is_valid(said, refused, workspace):
    support, science = workspace("Support"), workspace("Science")
    said("POST /labels", {"name": "canary", "workspace_id": support})

    assert refused("POST /labels", {"name": "canary", "workspace_id": support}) == (409, "AB07")
    assert refused("POST /labels", {"name": "production", "workspace_id": science}) == (409, "AB07")
    assert said("POST /labels", {"name": "canary", "workspace_id": science})["id"]


def test_a_workspace_key_sees_its_own_labels_and_the_common_ones(said, workspace):
    said("POST /labels", {"name": "theirs", "workspace_id": workspace("Science")})

    names = [row["name"] for row in said("GET /labels", key="workspace-service")["data"]]

    assert names == ["reviewed", "development", "staging", "production"]
