"""Usage limits in the emulator."""

from urllib.parse import urlencode

import pytest

from portkey_admin_mcp.emulator.traffic.requests import database

POLICY = {
    "conditions": [{"key": "api_key", "value": "*"}],
    "group_by": [{"key": "api_key"}],
    "type": "cost",
    "credit_limit": 10,
}
PATH = "/policies/usage-limits"


@pytest.mark.parametrize(
    "wrong",
    [
        {"conditions": None},
        {"group_by": []},
        {"type": "dollars"},
        {"type": None},
        {"credit_limit": None},
        {"alert_threshold": 10},
        {"periodic_reset": "weekly", "periodic_reset_days": 2},
        {"conditions": [{"key": "colour", "value": "red"}]},
        {"group_by": [{"key": "metadata."}]},
    ],
)
def test_an_invalid_policy_is_refused(refused, workspace, wrong):
    body = {**POLICY, "workspace_id": workspace("Support"), **wrong}

    assert refused(f"POST {PATH}", body) == (400, "AB01")


def test_a_budget_is_never_cleared_and_usage_is_shown_only_on_request(ok, refused, workspace):
    created = ok(f"POST {PATH}", {**POLICY, "workspace_id": workspace("Support")})
    path = f"{PATH}/{created['id']}"

    assert refused(f"PUT {path}", {"credit_limit": None}) == (400, "AB01")
    assert ok(f"GET {path}")["credit_limit"] == 10
    assert "value_key_usage_map" not in ok(f"GET {path}")
    assert ok(f"GET {path}?include_usage=true")["value_key_usage_map"] == {}


def test_the_next_reset_moves_only_with_the_period_and_a_given_one_wins(ok, workspace):
    body = {**POLICY, "periodic_reset": "weekly", "workspace_id": workspace("Support")}
    path = f"{PATH}/{ok(f'POST {PATH}', body)['id']}"

    def next_reset(**changes):
        ok(f"PUT {path}", changes)
        return ok(f"GET {path}")["next_usage_reset_at"]

    first = ok(f"GET {path}")["next_usage_reset_at"]
    given = "2027-01-01T00:00:00.000Z"

    assert next_reset(name="B") == first
    assert next_reset(periodic_reset="monthly") > first
    assert next_reset(periodic_reset="weekly") == first
    assert next_reset(periodic_reset="weekly", next_usage_reset_at=given) == given


def test_another_workspaces_policy_is_refused(ok, refused, workspace):
    created = ok(f"POST {PATH}", {**POLICY, "workspace_id": workspace("Science")})

    path, key = f"{PATH}/{created['id']}", "workspace-service"
    assert refused(f"GET {path}", key=key) == (403, "AB03")
    assert refused(f"PUT {path}", {}, key=key) == (403, "AB03")
    assert refused(f"GET {path}/entities", key=key) == (403, "AB03")


@pytest.fixture
def entities(ok):
    """The groups of the seeded policy, by the address of the person."""
    (policy, *_rest) = ok(f"GET {PATH}", key="workspace-service")["data"]

    def listed():
        rows = ok(f"GET {PATH}/{policy['id']}/entities")["data"]
        return {row["value_key"].removeprefix("metadata._user:"): row for row in rows}

    return listed


def test_usage_is_counted_and_exhausts_a_group(entities, control):
    emi = entities()["emi@acme.example"]
    rest = 75 - emi["current_usage"]

    control("POST usage", {"kind": "usage_limit_entities", "id": emi["id"], "amount": rest})

    assert entities()["emi@acme.example"] == {**emi, "current_usage": 75, "status": "exhausted"}


def test_a_policys_counters_are_those_of_analytics(entities, ok, workspace):
    (policy, *_rest) = ok(f"GET {PATH}", key="workspace-service")["data"]
    query = {
        "workspace_slug": workspace("Support"),
        "time_of_generation_min": policy["created_at"],
        "time_of_generation_max": "2026-11-03T00:00:00Z",
        "metadata": '{"team":"support"}',
    }
    users = ok(f"GET /analytics/groups/users?{urlencode(query)}")["data"]

    counted = {name: row["current_usage"] for name, row in entities().items()}
    assert counted == {row["user"]: pytest.approx(row["cost"] / 100, abs=1e-3) for row in users}
    assert {name: row["status"] for name, row in entities().items()} == {
        "diego@acme.example": "exhausted",
        "emi@acme.example": "active",
    }


def test_a_person_whose_budget_is_used_up_is_refused_from_then_on(emulator, workspace):
    sql = (
        "select user, min(created_at), sum(cost), sum(status = 412) from requests"
        " where workspace_id = ? and status {} 412 and user = 'diego@acme.example'"
    )
    requests = database(emulator.store)
    support = (workspace("Support"),)

    ((_user, first_refusal, cost, count),) = requests.execute(sql.format("="), support).fetchall()

    assert (cost, count > 5) == (0, True)
    later = requests.execute(
        "select distinct status from requests where user = 'diego@acme.example'"
        " and created_at > ? and workspace_id = ?", (first_refusal, *support)
    ).fetchall()  # fmt: skip
    assert later == [(412,)]


def test_an_entity_of_another_policy_is_not_found(entities, ok, refused, workspace):
    entity = entities()["emi@acme.example"]
    created = ok(f"POST {PATH}", {**POLICY, "workspace_id": workspace("Support")})

    assert refused(f"PUT {PATH}/{created['id']}/entities/{entity['id']}/reset") == (404, "AB08")


def test_an_archived_policy_cannot_be_changed(ok, refused, workspace):
    created = ok("POST /policies/usage-limits", {**POLICY, "workspace_id": workspace("Support")})
    path = f"/policies/usage-limits/{created['id']}"
    ok(f"DELETE {path}")

    assert refused(f"PUT {path}", {"name": "B"}) == (403, "AB03")
    assert refused(f"DELETE {path}") == (403, "AB03")
    assert ok(f"GET {path}?status=archived")["name"] is None
