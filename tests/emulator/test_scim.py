"""SCIM in the emulator."""

PATH = "/scim/workspaces"


def test_the_same_mapping_again_answers_the_existing_one(ok, workspace):
    body = {"workspace_id": workspace("Science"), "role": "ADMIN", "scim_group_name": "New"}

    first, second = ok(f"POST {PATH}", body), ok(f"POST {PATH}", body)

    assert first == second
    assert first["role"] == "admin"
    other = ok(f"POST {PATH}", {**body, "workspace_id": workspace("Support")})
    assert other["workspace_id"] == workspace("Support")
    assert other["id"] != first["id"]


def test_a_group_has_one_role_everywhere(ok, send, workspace):
    group = {"scim_group_name": "New"}
    ok(f"POST {PATH}", {**group, "workspace_id": workspace("Science"), "role": "admin"})

    body = {**group, "workspace_id": workspace("Support"), "role": "member"}
    status, answer = send(f"POST {PATH}", body)

    assert status == 400
    assert answer["data"]["message"] == (
        "SCIM group is already mapped to other workspace(s) with role 'admin'. "
        "A group can only be mapped with a single role across workspaces."
    )


def test_only_admin_keys_see_groups(refused):
    assert refused(f"GET {PATH}", key="workspace-service") == (403, "AB03")


def test_a_group_name_that_is_mapped_automatically_is_refused(refused, ok, workspace):
    body = {"workspace_id": workspace("Science"), "role": "admin"}
    group = {"scim_group_name": "ws-science-role-admin"}

    assert refused(f"POST {PATH}", {**body, **group}) == (400, "AB01")
    assert "ws-science-role-admin" not in str(ok("GET /v2/scim/groups"))


def test_roles_are_accepted_in_any_case(ok):
    assert ok(f"GET {PATH}?role=MEMBER")["total_count"] == 1
    assert ok(f"GET {PATH}?role=admin")["total_count"] == 0


def test_a_mapping_names_an_existing_workspace_and_one_existing_group(refused, ok, workspace):
    workspace_id = {"workspace_id": workspace("Science"), "role": "admin"}
    (group, *_others) = ok("GET /v2/scim/groups")["data"]
    both = {"scim_group_id": group["id"], "scim_group_name": group["name"]}

    assert refused(
        f"POST {PATH}", {**workspace_id, "workspace_id": "", "scim_group_name": "A"}
    ) == (
        400,
        "AB01",
    )
    assert refused(f"POST {PATH}", workspace_id) == (400, "AB01")
    assert refused(f"POST {PATH}", {**workspace_id, **both}) == (400, "AB01")
    assert refused(f"POST {PATH}", {**workspace_id, "scim_group_id": "none"}) == (403, "AB03")
