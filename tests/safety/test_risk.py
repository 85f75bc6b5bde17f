"""How much harm a call can do: as the decision says for each tool, and by its arguments."""

import re
from functools import cache
from pathlib import Path

import pytest

from drawn_calls import TOOLS
from each import for_each
from portkey_admin_mcp.safety.risk import BY_EFFECT, matches, may_be_raised, rating_of
from portkey_admin_mcp.server.calls.arguments import arguments_model, read_arguments
from portkey_admin_mcp.server.calls.schema import accepted_schema
from safety.risky_calls import LESS_RISKY, RISKY, Finder

WRITES = {name: tool for name, tool in TOOLS.items() if tool.effect != "read"}
DECISION = Path(__file__).parents[2] / "docs" / "decisions" / "changes.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", re.MULTILINE)


@cache
def rated() -> dict[str, tuple[str, str, str]]:
    """The table of the decision: name → risk, when it is high, why."""
    rows = ROW.findall(DECISION.read_text(encoding="utf-8"))
    assert len({name for name, *_ in rows}) == len(rows)
    return {name: (risk, when, why) for name, risk, when, why in rows}


def when_high(tool) -> str:
    """When the risk of a tool is high, as the decision writes it."""
    if tool.high_risk or (tool.effect == "delete" and not tool.is_restorable):
        return "always"
    conditions = [f"`{condition}`" for condition, _ in tool.high_risk_if]
    if may_be_raised(tool):
        conditions.append("something depends on it, or that is not verified")
    return ", ".join(conditions) or "never"


def test_the_decision_rates_each_tool_that_writes_and_no_other():
    assert {*rated()} == {*WRITES}


@for_each(WRITES)
def test_a_tool_is_rated_as_the_decision_says(name):
    """A new tool fails here until somebody has rated it, with a reason."""
    risk, when, why = rated()[name]
    tool = WRITES[name]
    usual = BY_EFFECT[tool.effect] if not tool.is_restorable else "medium"

    assert risk == ("high" if tool.high_risk else usual)
    assert when == when_high(tool)
    assert len(why) > len("none")


def test_the_tools_that_may_be_of_high_risk_are_those_with_a_call_of_it():
    may = {name for name, tool in WRITES.items() if tool.may_be_high_risk}

    # Nothing depends on these two, so that only a key that may not read them raises their risk.
    assert {*RISKY} == may - {"delete_rate_limit", "delete_user_invite"}


@for_each(RISKY)
def test_the_rating_before_anything_is_looked_up(name, emulator):
    """High by the arguments alone, but for what can be restored."""
    tool = WRITES[name]
    assert rating(name, RISKY[name](Finder(emulator))).risk == (
        "medium" if may_be_raised(tool) else "high"
    )
    if name in LESS_RISKY:
        assert rating(name, LESS_RISKY[name](Finder(emulator))).risk != "high"


def rating(name, arguments):
    model = arguments_model(TOOLS[name])
    return rating_of(TOOLS[name], read_arguments(model, accepted_schema(model), arguments))


@pytest.mark.parametrize(
    ("name", "arguments", "reasons"),
    [
        (
            "update_integration_workspaces",
            {
                "slug": "openai",
                "workspaces": [{"id": "a", "enabled": True}, {"id": "b", "enabled": False}],
                "override_existing_workspace_access": True,
            },
            ("it takes access from workspaces", "workspaces that are not named lose access"),
        ),
        (
            "update_integration_workspaces",
            {"slug": "openai", "workspaces": [], "global_workspace_access": {"enabled": False}},
            ("it takes access from workspaces",),
        ),
        (
            "update_integration",
            {"slug": "openai", "key": "x", "aws_secret_access_key": "y"},
            ("the old credentials cannot be read back",),
        ),
        (
            "update_integration",
            {"slug": "openai", "custom_host": "https://llm.example"},
            ("requests then go to another address, with the credentials",),
        ),
        ("update_api_key", {"id": "x", "expires_at": None}, ()),
        (
            "update_api_key",
            {"id": "x", "expires_at": "2026-12-01T00:00:00Z"},
            ("programs with the key stop working after that time",),
        ),
        ("update_config", {"slug": "x", "status": "active"}, ()),
        ("delete_user", {"user_id": "x"}, ("what is deleted cannot be restored",)),
        ("delete_config", {"slug": "x"}, ()),
        (
            "update_secret_reference",
            {"id": "x", "allow_all_workspaces": False},
            ("it takes access from workspaces",),
        ),
        ("update_secret_reference", {"id": "x", "allow_all_workspaces": True}, ()),
        ("update_deployment", {"id": "x", "rotate_auth": False, "name": "y"}, ()),
    ],
)
def test_reasons_come_from_the_arguments_once_each(name, arguments, reasons):
    assert rating(name, arguments).reasons == reasons


@pytest.mark.parametrize(
    ("arguments", "condition", "result"),
    [
        ({"a": 1}, "a", True),
        ({"a": None}, "a", False),
        ({}, "a", False),
        ({"a": False}, "a", True),
        ({"a": False}, "a=false", True),
        ({"a": True}, "a=false", False),
        ({"a": [{"b": True}, {"b": False}]}, "a.b=false", True),
        ({"a": [{"b": True}]}, "a.b=false", False),
        ({"a": {"b": {"c": "x"}}}, "a.b.c=x", True),
        ({"a": "text"}, "a.b", False),
        ({"a": []}, "a", False),
        ({"a": "B"}, "a=B", True),
    ],
)
def test_a_condition_is_about_a_field_or_its_value(arguments, condition, result):
    assert matches(arguments, condition) is result
