"""Requests to models beyond a budget (412) or a rate limit (429)."""

import pytest

from portkey_admin_mcp.emulator.traffic.requests import database

RUN = {"variables": {"company": "Acme", "question": "Hi"}, "metadata": {"team": "support"}}


@pytest.fixture
def run(send, emulator):
    """Run the prompt of Support with a key and metadata; gives the status."""
    (prompt,) = emulator.store.table("prompts").where(name="Reply to customer")

    def completion(key="workspace-service", **metadata):
        body = {**RUN, "metadata": {**RUN["metadata"], **metadata}}
        return send(f"POST /prompts/{prompt['slug']}/completions", body, key=key)[0]

    return completion


@pytest.fixture
def provider(emulator):
    return next(
        row for row in emulator.store.table("virtual_keys").rows() if row["name"] == "OpenAI main"
    )


def test_a_key_is_refused_models_once_its_budget_is_used_up_and_nothing_else(
    ok, run, control, key_id
):
    path = f"/api-keys/{key_id('workspace-service')}"
    ok(f"PUT {path}", {"usage_limits": {"type": "tokens", "credit_limit": 10}})

    assert (run(), run()) == (200, 412)
    assert ok(f"GET {path}")["status"] == "exhausted"
    assert ok("GET /configs", key="workspace-service")["total"] == 2
    control("POST clock", {"advance_s": 1})
    ok(f"PUT {path}", {"reset_usage": True})
    assert (run(), run()) == (200, 412)


def test_a_budget_is_spent_only_from_when_it_was_set(ok, run, key_id):
    """The seeded requests of this key cost some dollars."""
    ok(f"PUT /api-keys/{key_id('workspace-service')}",
       {"usage_limits": {"type": "cost", "credit_limit": 1}})  # fmt: skip

    assert run() == 200


def test_a_periodic_budget_begins_again_by_itself(ok, run, control, key_id):
    path = f"/api-keys/{key_id('workspace-service')}"
    limits = {"type": "tokens", "credit_limit": 10, "periodic_reset": "weekly"}
    ok(f"PUT {path}", {"usage_limits": limits})
    assert (run(), run()) == (200, 412)

    control("POST clock", {"advance_s": 15 * 86_400})

    assert ok(f"GET {path}")["status"] == "active"
    assert (run(), run()) == (200, 412)


def test_providers_and_workspaces_have_budgets_too(ok, run, provider, workspace):
    limits = {"type": "tokens", "credit_limit": 10}
    ok(f"PUT /virtual-keys/{provider['slug']}", {"usage_limits": limits})
    assert (run(), run()) == (200, 412)
    assert ok(f"GET /virtual-keys/{provider['slug']}")["status"] == "exhausted"

    ok(f"PUT /virtual-keys/{provider['slug']}", {"usage_limits": None})
    assert run() == 200
    path = f"/admin/workspaces/{workspace('Support')}"
    ok(f"PUT {path}", {"usage_limits": None})
    ok(f"PUT {path}", {"usage_limits": [limits]})
    assert run() == 412


def test_the_person_whose_budget_the_month_used_up_is_refused_and_the_other_is_not(run):
    assert run(_user="diego@acme.example") == 412
    assert run(_user="emi@acme.example") == 200
    assert run(_user="diego@acme.example", team="sales") == 200


def test_a_usage_limit_counts_requests_that_were_made_after_it_too(ok, run, workspace):
    policy = {
        "conditions": [{"key": "model", "value": ["gpt-5"]}],
        "group_by": [{"key": "api_key"}],
        "type": "requests",
        "credit_limit": 2,
        "workspace_id": workspace("Support"),
    }
    created = ok("POST /policies/usage-limits", policy)["id"]

    assert [run(), run(), run()] == [200, 200, 412]
    (entity,) = ok(f"GET /policies/usage-limits/{created}/entities")["data"]
    assert (entity["current_usage"], entity["status"]) == (2, "exhausted")
    ok(f"PUT /policies/usage-limits/{created}/entities/{entity['id']}/reset")
    assert [run(), run(), run()] == [200, 200, 412]
    assert run(key="owner") == 200


@pytest.mark.parametrize("owner", ["key", "provider", "workspace", "policy"])
def test_a_rate_limit_refuses_what_is_beyond_it_and_ends_by_itself(
    ok, run, control, key_id, provider, workspace, owner
):
    rates = {"rate_limits": [{"type": "requests", "unit": "rpm", "value": 2}]}
    policy = {
        "conditions": [{"key": "api_key", "value": "*"}],
        "group_by": [{"key": "metadata.team"}],
        "type": "requests",
        "unit": "rpm",
        "value": 2,
        "workspace_id": workspace("Support"),
    }
    control("POST clock", {"advance_s": 3_600})  # Away from the seeded requests.
    requests = {
        "key": (f"PUT /api-keys/{key_id('workspace-service')}", rates),
        "provider": (f"PUT /virtual-keys/{provider['slug']}", rates),
        "workspace": (f"PUT /admin/workspaces/{workspace('Support')}", rates),
        "policy": ("POST /policies/rate-limits", policy),
    }
    ok(*requests[owner])

    assert [run(), run(), run()] == [200, 200, 429]
    control("POST clock", {"advance_s": 61})
    assert run() == 200


def test_a_refused_request_is_logged_and_costs_nothing(emulator, run):
    requests = database(emulator.store)

    def refused():
        sql = "select count(*), sum(cost), sum(total_units) from requests where status = 412"
        return requests.execute(sql).fetchone()

    before, *_nothing = refused()
    assert run(_user="diego@acme.example") == 412
    assert refused() == (before + 1, 0, 0)
