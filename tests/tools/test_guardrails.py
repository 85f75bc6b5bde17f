"""Guardrails, as a model sees them."""

import pytest

CHECKS = [{"id": "default.wordCount", "parameters": {"maxWords": 9}, "is_enabled": True}]
SERVER = "3f0e7b1c-4d2a-4c59-9e5f-0a1b2c3d4e5f"


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
async def guardrail(ask, support):
    return await ask(
        "create_guardrail", name="Short", checks=CHECKS, actions={}, workspace_id=support
    )


async def test_a_guardrail_is_made_read_changed_listed_and_deleted(
    ask, refusal, guardrail, support
):
    name = {"guardrail_id": guardrail["slug"]}
    changed = await ask("update_guardrail", **name, name="Shorter", actions={"deny": True})
    read = await ask("get_guardrail", **name)
    listed = await ask("list_guardrails", workspace_id=support)

    assert guardrail["slug"].startswith("pg-short-")
    assert changed["version_id"] != guardrail["version_id"]
    assert (read["name"], read["actions"]["deny"]) == ("Shorter", True)
    assert read["checks"] == [{"id": "default.wordCount", "parameters": {"maxWords": 9}}]
    assert [row["name"] for row in listed["data"]] == ["Shorter", "Short answers"]
    assert listed["has_more"] is False

    await ask("delete_guardrail", **name)
    assert "403" in await refusal("get_guardrail", **name)


async def test_feedback_is_given_flat_and_sent_where_portkey_has_it(ask, guardrail):
    flat = {"value": -3, "weight": 0.5, "metadata": {"why": "too long"}}
    actions = {"deny": True, "async": True, "on_fail": flat, "message": "No."}

    await ask("update_guardrail", guardrail_id=guardrail["id"], actions=actions)

    read = await ask("get_guardrail", guardrail_id=guardrail["id"])
    assert read["actions"] == {
        "deny": True,
        "async": True,
        "on_success": {"feedback": {"value": 5, "weight": 1, "metadata": ""}},
        "on_fail": {"feedback": {"value": -3, "weight": 0.5, "metadata": '{"why":"too long"}'}},
    }


async def test_what_portkey_has_no_field_for_is_named(call, guardrail):
    result = await call(
        "update_guardrail", {"guardrail_id": guardrail["id"], "actions": {"message": "No."}}
    )

    assert "actions.message" in result.structured_content["notes"][0]


async def test_a_guardrail_is_for_models_unless_it_says_for_tools(ask, guardrail, support):
    created = await ask(
        "create_guardrail", name="T", checks=CHECKS, target="mcp_tools", workspace_id=support
    )

    for_models = await ask("get_guardrail", guardrail_id=guardrail["id"])
    for_tools = await ask("get_guardrail", guardrail_id=created["id"])
    assert (for_models["target"], for_tools["target"]) == ("llm", "mcp_tools")


async def test_the_organisations_guardrails_are_apart(ask, emulator, support):
    organisation = emulator.store.table("guardrails").rows()[0]["organisation_id"]

    ours = await ask("list_guardrails", organisation_id=organisation)
    chosen = await ask("list_guardrails", workspace_id=support, ids="pg-none")

    assert [row["name"] for row in ours["data"]] == ["No secrets"]
    assert chosen["total"] == 0


async def test_a_guardrail_is_put_on_mcp_servers(ask, guardrail, support):
    name = {"guardrail_id": guardrail["id"]}
    first = (await ask("get_mcp_server", id="support-github"))["id"]
    created = await ask(
        "create_mcp_server", name="Two", mcp_integration_id="github", workspace_id=support
    )
    second = created["id"]

    await ask("upsert_guardrail_mcp_server", **name, mcp_server_id=first, run_on=["input"])
    one = await ask("list_guardrail_mcp_servers", **name)
    await ask("upsert_guardrail_mcp_server", **name, mcp_server_id=second)
    two = await ask("list_guardrail_mcp_servers", **name)
    await ask("replace_guardrail_mcp_servers", **name, mcp_servers={second: {}})
    replaced = await ask("list_guardrail_mcp_servers", **name)
    await ask("delete_mcp_server", id=second)
    none = await ask("list_guardrail_mcp_servers", **name)

    both = {"run_on": ["input", "output"]}
    assert one["mcp_servers"] == {first: {"run_on": ["input"]}}
    assert two["mcp_servers"] == {first: {"run_on": ["input"]}, second: both}
    assert replaced["mcp_servers"] == {second: both}
    assert none["mcp_servers"] == {}


async def test_a_guardrail_is_put_on_no_server_that_is_not_there(refusal, guardrail):
    name = {"guardrail_id": guardrail["id"]}

    assert "404" in await refusal("upsert_guardrail_mcp_server", **name, mcp_server_id=SERVER)
    assert "404" in await refusal("replace_guardrail_mcp_servers", **name, mcp_servers={SERVER: {}})


@pytest.mark.parametrize(
    ("check", "note"),
    [
        ({"id": "default.wordcount"}, "did you mean default.wordCount?"),
        ({"id": "pii"}, "did you mean portkey.pii or patronus.pii or promptfoo.pii or azure.pii?"),
        ({"id": "llm.judge.of.ours"}, "there are default.jwt, default.modelWhitelist"),
        (
            {"id": "default.wordCount", "parameters": {"max_words": 9}},
            "default.wordCount has no parameter 'max_words'; did you mean maxWords?",
        ),
        (
            {"id": "default.endsWith", "parameters": {"suffix": ".", "language": "en"}},
            "default.endsWith has no parameter 'language'; it has suffix, not.",
        ),
        ({"id": "default.regexMatch"}, "default.regexMatch needs the parameter rule"),
        (
            {"id": "portkey.pii", "parameters": {"categories": ["email"]}},
            "portkey.pii: categories has no choice 'email'; there are EMAIL_ADDRESS, PHONE_NUMBER",
        ),
        (
            {"id": "portkey.pii", "parameters": {"categories": "SSN"}},
            "portkey.pii: categories should be an array.",
        ),
        (
            {"id": "default.wordCount", "parameters": {"maxWords": True}},
            "default.wordCount: maxWords should be a number.",
        ),
    ],
    ids=str,
)
async def test_a_check_that_portkey_does_not_document_is_made_and_noted(ask, support, check, note):
    made = await ask("create_guardrail", name="New", checks=[check], workspace_id=support)

    assert note in made["notes"][0]
    again = await ask("update_guardrail", guardrail_id=made["id"], checks=[check])
    assert again["notes"][:-1] == made["notes"][:-1]


async def test_documented_checks_and_those_without_documented_parameters_need_no_note(ask, support):
    checks = [
        {"id": "portkey.pii", "parameters": {"categories": ["SSN"], "redact": True}},
        {"id": "portkey.gibberish", "parameters": {"timeout": 5000}},
        {"id": "default.alluppercase"},
    ]

    made = await ask("create_guardrail", name="New", checks=checks, workspace_id=support)

    assert [note for note in made["notes"] if not note.startswith("Sent")] == []


async def test_many_unknown_checks_are_noted_in_part(ask, support):
    checks = [{"id": f"unknown.{number}"} for number in range(50)]

    made = await ask("create_guardrail", name="New", checks=checks, workspace_id=support)

    about_checks = made["notes"][:-1]
    assert len(about_checks) == 9
    assert about_checks[-1] == "… and 42 more about checks."


async def test_what_is_read_can_be_written_back(ask, guardrail):
    name = {"guardrail_id": guardrail["id"]}
    await ask("update_guardrail", **name, actions={"deny": True, "on_fail": {"value": -3}})
    before = await ask("get_guardrail", **name)

    await ask("update_guardrail", **name, checks=before["checks"], actions=before["actions"])

    after = await ask("get_guardrail", **name)
    assert (after["checks"], after["actions"]) == (before["checks"], before["actions"])
    assert after["actions"]["on_fail"]["feedback"]["value"] == -3
