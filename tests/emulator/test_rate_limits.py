"""Rate limits in the emulator."""

import pytest

POLICY = {
    "conditions": [{"key": "api_key", "value": "*"}],
    "group_by": [{"key": "api_key"}],
    "type": "requests",
    "unit": "rpm",
    "value": 10,
}


@pytest.mark.parametrize(
    "wrong", [{"unit": "tpd"}, {"value": 0}, {"type": None}, {"conditions": [{"key": "x"}]}]
)
def test_an_invalid_policy_is_refused(refused, workspace, wrong):
    body = {**POLICY, "workspace_id": workspace("Support"), **wrong}

    assert refused("POST /policies/rate-limits", body) == (400, "AB01")


def test_fields_that_cannot_change_stay(ok, workspace):
    body = {**POLICY, "workspace_id": workspace("Support")}
    path = f"/policies/rate-limits/{ok('POST /policies/rate-limits', body)['id']}"

    ok(f"PUT {path}", {"type": "tokens", "target": "mcp_tools", "group_by": [{"key": "model"}]})

    read = ok(f"GET {path}")
    assert (read["type"], read["target"], read["group_by"]) == (
        "requests",
        "llm",
        [{"key": "api_key"}],
    )


def test_an_archived_policy_cannot_be_changed(ok, refused, workspace):
    created = ok("POST /policies/rate-limits", {**POLICY, "workspace_id": workspace("Support")})
    path = f"/policies/rate-limits/{created['id']}"
    ok(f"DELETE {path}")

    assert refused(f"PUT {path}", {"name": "B"}) == (403, "AB03")
    assert refused(f"DELETE {path}") == (403, "AB03")
    assert ok(f"GET {path}?status=archived")["name"] is None
