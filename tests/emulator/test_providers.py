"""Providers in the emulator."""


def test_a_provider_needs_an_integration_that_its_workspace_may_use(refused, ok, workspace):
    science, support = workspace("Science"), workspace("Support")
    body = {"name": "P", "integration_id": "openai"}

    assert refused("POST /providers", {**body, "workspace_id": support}) == (403, "AB03")
    assert ok("POST /providers", {**body, "workspace_id": science})["slug"]
    body = {"integration_id": "openai", "workspace_id": science}
    assert refused("POST /providers", body) == (400, "AB01")


def test_a_budget_reset_reactivates_a_provider(emulator, ok, control, workspace):
    where = {"workspace_id": workspace("Science")}
    limits = {"usage_limits": {"credit_limit": 5}, "slug": "p"}
    created = ok("POST /providers", {"name": "P", "integration_id": "openai", **limits, **where})
    control("POST usage", {"kind": "virtual_keys", "id": created["id"], "amount": 5})
    path = f"/providers/p?workspace_id={where['workspace_id']}"
    ok(f"PUT {path}", {"note": "Spent"})
    spent = ok(f"GET {path}")["status"]

    ok(f"PUT {path}", {"reset_usage": True})

    assert (spent, ok(f"GET {path}")["status"]) == ("exhausted", "active")


def test_null_does_not_clear_a_providers_name(refused, ok, workspace):
    where = {"workspace_id": workspace("Science")}
    ok("POST /providers", {"name": "P", "integration_id": "openai", "slug": "p", **where})
    path = f"/providers/p?workspace_id={where['workspace_id']}"

    assert refused(f"PUT {path}", {"name": None}) == (400, "AB01")
    assert ok(f"GET {path}")["name"] == "P"


def test_a_rate_limit_may_be_one_object_and_a_slug_begins_with_the_name(ok, workspace):
    where = {"workspace_id": workspace("Science")}
    one = {"type": "requests", "unit": "rpm", "value": 5}
    body = {"name": "Fast one", "integration_id": "openai", "rate_limits": one, **where}

    slug = ok("POST /providers", body)["slug"]

    assert slug.startswith("fast-one-")
    path = f"/providers/{slug}?workspace_id={where['workspace_id']}"
    created = ok(f"GET {path}")
    assert (created["rate_limits"], created["note"]) == ([one], "")


def test_a_note_is_kept_null_clears_rate_limits_and_an_end_is_reached_at_its_second(ok, workspace):
    where = {"workspace_id": workspace("Science")}
    one = {"type": "requests", "unit": "rpm", "value": 5}
    body = {"name": "P", "slug": "p", "note": "Ours", "rate_limits": [one], **where}
    ok("POST /providers", {**body, "integration_id": "openai"})
    path = f"/providers/p?workspace_id={where['workspace_id']}"
    before = ok(f"GET {path}")

    ok(f"PUT {path}", {"rate_limits": None, "expires_at": "2026-11-02T09:00:01Z"})
    after = ok(f"GET {path}")
    ok(f"PUT {path}", {"expires_at": "2026-11-02T09:00:00Z"})

    assert (before["note"], before["rate_limits"], before["status"]) == ("Ours", [one], "active")
    assert (after["note"], after["rate_limits"], after["status"]) == ("Ours", None, "active")
    assert ok(f"GET {path}")["status"] == "expired"
