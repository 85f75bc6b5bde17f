"""Workflows that read many lists stay small: in tokens, in requests, in what they may call."""

import re
from string import ascii_letters, digits

import pytest

from organisations import END, Organisation
from portkey_admin_mcp.portkey.progress import Progress, current_progress
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.workflows.shared.unread import NOT_PERMITTED
from servers import build_calls
from workflow_answers import TOOLS, answer_of

CALLS = {
    "find_access": {"person": "emi@acme.example"},
    "find_references": {"text": "gpt-5"},
    "find_stale": {"days": 14},
    "explain_cost": {},
    "list_budgets": {},
}


@pytest.fixture(scope="module")
def large():
    """An organisation with many objects with long names, nearly all of them alike."""
    organisation = Organisation(7)
    for space in organisation.workspaces(12):
        place = {"workspace_id": space["id"]}
        grants = [{"id": space["slug"], "role": "member"}]
        if not organisation.emulator.store.table("users").where(email="p@x.example"):
            person = organisation.user("p@x.example", "admin", grants)
        else:
            body = {"users": [{"id": person, "role": "member"}]}
            organisation.send("POST", f"/admin/workspaces/{space['id']}/users", body)
        for number in range(4):
            letters = organisation.draw.choices(f"{ascii_letters}{digits}_=/+", k=60)
            name = "".join(letters) if number else "配置 配置 🦊 " * 6
            body = {"override_params": {"model": "gpt-5", "note": "gpt-5"}}
            organisation.send("POST", "/configs", {"name": name, "config": body, **place})
            scopes = ["completions.write", "configs.create", "prompts.create", "guardrails.delete"]
            organisation.key(space["id"], scopes, user=person, name=name)
    organisation.now = END
    return organisation


@pytest.mark.parametrize(("tool", "arguments"), [
    ("find_access", {"person": "p@x.example"}), ("find_references", {"text": "gpt-5"}),
    ("find_stale", {}),
])  # fmt: skip
async def test_an_answer_about_many_objects_is_short_and_counts_the_rest(large, tool, arguments):
    answer = await answer_of(large.api(), tool, **arguments)

    assert " more " in answer["more"]
    assert "limit" in answer["more"]
    longer = await answer_of(large.api(), tool, limit=500, **arguments)
    assert "more" not in longer
    lists = [name for name in longer if isinstance(longer[name], list) and name in answer]
    assert sum(len(longer[n]) for n in lists) > sum(len(answer[n]) for n in lists)
    assert all(longer[name][: len(answer[name])] == answer[name] for name in lists)


@pytest.mark.parametrize("tool", CALLS)
async def test_only_declared_requests_are_sent_and_they_read(api, emulator, tool):
    await answer_of(api, tool, **CALLS[tool])

    endpoints = (each.replace("/v2", "") for each in TOOLS[tool].endpoints)
    declared = [re.compile(re.sub(r"\{\w+\}", "[^/]+", each)) for each in endpoints]
    sent = {re.sub(r"^(\w+) /v[12]([^? ]*).*", r"\1 \2", entry) for entry in emulator.log}
    assert [s for s in sent if not any(each.fullmatch(s) for each in declared)] == []
    assert all(each.startswith("GET ") for each in TOOLS[tool].endpoints)


async def test_what_is_read_is_reported_as_progress(api):
    reports = []

    async def report(done, total, message):
        reports.append((done, message))

    current_progress.set(Progress(report, min_interval_s=0))
    await answer_of(api, "find_stale", kinds=["configs"])
    numbers = [done for done, _message in reports]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert reports[0][1] == "list_workspaces was read"


async def test_within_a_bound_on_workspaces_the_rest_is_said_not_to_be_seen(api, workspace):
    own = workspace("Shared Team Workspace")
    calls = build_calls(lambda: api, policy=PolicyGuard(None, (own,)))

    stale = (await calls("find_stale", {"days": 14})).structured
    assert [row["name"] for row in stale["api_keys"]] == ["Nightly batch"]
    assert [row["name"] for row in stale["scopes"]] == ["Dashboard"]
    references = (await calls("find_references", {"text": "OpenAI shared"})).structured
    assert [row["name"] for row in references["names"]] == ["OpenAI shared"]
    assert "ws-shared" in references["looked_in"]
    (sentence,) = [each for each in references["not_seen"] if each.startswith(NOT_PERMITTED)]
    assert "get_organisation_defaults" in sentence
    access = (await calls("find_access", {"person": "ben@acme.example"})).structured
    assert "Dashboard" in [row["name"] for row in access["api_keys"]]
    assert any("list_all_users" in each for each in access["not_seen"])
