"""Every field of live answers is in the emulator's answers, with the same type.

`facts/live_fields.json` holds the paths and types of ten answers of Portkey that others recorded;
values are left out.
"""

import json
from pathlib import Path

import pytest

FACTS = Path(__file__).parents[1] / "facts" / "live_fields.json"
ANSWERS = json.loads(FACTS.read_text())["answers"]
TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
ANY_OF_THE_LIST = "[]"


@pytest.fixture
def paths(ok, workspace):
    """The request for each recorded answer, on objects whose fields are all set."""
    support = workspace("Support")
    share = {"workspaces": [{"id": support, "enabled": True}]}
    ok("PUT /integrations/openai/workspaces", share)
    (provider,) = ok(f"GET /providers?workspace_id={support}")["data"]
    ok(f"PUT /providers/{provider['slug']}", {"note": "Ours"})
    (config, *_rest) = ok("GET /configs", key="workspace-service")["data"]
    key = ok(
        "POST /api-keys/workspace/service",
        {
            "name": "Full",
            "workspace_id": support,
            "scopes": ["logs.view"],
            "description": "All fields",
            "usage_limits": {"type": "cost", "credit_limit": 5},
            "rate_limits": [{"type": "requests", "unit": "rpm", "value": 5}],
            "defaults": {"config_id": config["slug"], "metadata": {"team": "support"}},
            "expires_at": "2027-01-01T00:00:00Z",
        },
    )["id"]
    (prompt, *_rest) = ok("GET /prompts", key="workspace-service")["data"]
    return {
        "GET /api-keys/{id}": f"/api-keys/{key}",
        "GET /api-keys": "/api-keys",
        "GET /configs/{slug}": f"/configs/{config['slug']}",
        "GET /configs": f"/configs?workspace_id={support}",
        "GET /prompts/{promptId}": f"/prompts/{prompt['id']}",
        "GET /prompts": f"/prompts?workspace_id={support}",
        "GET /virtual-keys/{slug}": f"/virtual-keys/{provider['slug']}",
        "GET /virtual-keys": f"/virtual-keys?workspace_id={support}",
        "GET /admin/workspaces/{workspaceId}": f"/admin/workspaces/{support}",
        "GET /admin/workspaces": "/admin/workspaces",
    }


def values_at(answer, path):
    """Every value at a path such as `.data[].name`; KeyError if any item lacks the field."""
    values = [answer]
    for step in path.replace(ANY_OF_THE_LIST, f".{ANY_OF_THE_LIST}").strip(".").split("."):
        if step == ANY_OF_THE_LIST:
            values = [item for value in values for item in value]
        elif step:
            values = [value[step] for value in values if value is not None]
        if not values:
            raise KeyError(path)
    return values


@pytest.mark.parametrize("operation", ANSWERS)
def test_an_answer_has_every_field_of_the_live_one(ok, paths, operation):
    answer = ok(f"GET {paths[operation]}")
    problems = []
    for path, kind in ANSWERS[operation].items():
        try:
            types = {TYPES.get(type(value), "null") for value in values_at(answer, path)}
        except KeyError:
            problems.append(f"{path} is missing")
            continue
        # What was null in the recording is not always null.
        if kind != "null" and kind not in types:
            problems.append(f"{path} is {types}, live {kind}")

    assert problems == []


def test_the_recorded_answers_are_all_there():
    assert sum(map(len, ANSWERS.values())) == 327
