"""Guardrails in the emulator."""

import pytest

CHECK = {"id": "default.regexMatch", "parameters": {"rule": "x"}}


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"checks": []}, {"checks": [{}]}, {"actions": None}, {"actions": 7}]
)
def test_a_guardrail_that_is_not_whole_is_refused(refused, workspace, wrong):
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}

    assert refused("POST /guardrails", {**body, "workspace_id": workspace("Support"), **wrong}) == (
        400,
        "AB01",
    )


def test_a_workspace_key_may_not_make_one_for_all(emulator, refused):
    organisation = emulator.store.table("guardrails").rows()[0]["organisation_id"]
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}

    asked = {**body, "organisation_id": organisation}

    assert refused("POST /guardrails", asked, key="workspace-service") == (403, "AB03")


def test_every_change_is_a_version_in_force(emulator, said, workspace):
    body = {"name": "A", "checks": [CHECK], "actions": {"deny": True}}
    made = said("POST /guardrails", {**body, "workspace_id": workspace("Support")})

    said(f"PUT /guardrails/{made['id']}", {"name": "B"})
    said(f"PUT /guardrails/{made['id']}", {"actions": {"deny": False}})

    versions = emulator.store.table("guardrail_versions").where(parent_id=made["id"])
    assert [(row["number"], row["published"]) for row in versions] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    assert said(f"GET /guardrails/{made['id']}")["checks"] == [CHECK]
