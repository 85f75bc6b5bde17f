"""The organisation's own guardrails in the emulator."""


def test_only_the_organisations_own_guardrails_may_be_its_defaults(emulator, refused):
    (row,) = emulator.store.table("guardrails").where(name="Short answers")

    body = {"input_guardrails": [row["slug"]]}

    assert refused("PUT /v2/admin/organisation/defaults", body) == (400, "AB01")
    assert refused("PUT /v2/admin/organisation/defaults", {}) == (400, "AB01")


def test_another_organisation_is_refused(refused):
    path = "/workspace-exclusions/input-guardrails"

    assert refused(f"GET {path}") == (400, "AB01")
    assert refused(f"GET {path}?organisation_id=other") == (403, "AB03")


def test_a_deleted_guardrail_is_no_longer_a_default(emulator, ok):
    (row,) = emulator.store.table("guardrails").where(name="No secrets")
    ok("PUT /v2/admin/organisation/defaults", {"input_guardrails": [row["slug"]]})

    assert ok(f"DELETE /guardrails/{row['id']}") == {}

    assert ok("GET /v2/admin/organisation/defaults")["input_guardrails"] == []
