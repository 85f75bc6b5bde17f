"""What the workflows of many reads claim: never that there is nothing where they did not look.

Each list that an answer was made from is refused in turn, wholly or once. Then a figure is still
the right one, or there is none, and the answer names what it did not see.
"""

import re

import pytest

from portkey_admin_mcp.portkey.catalog import tools_in
from portkey_admin_mcp.server.calls.executor import Executor
from portkey_admin_mcp.tools import domain_modules
from workflow_answers import TOOLS

CALLS = {
    "find_access": {"person": "emi@acme.example", "limit": 500},
    "find_references": {"text": "gpt-5", "limit": 500},
    "find_stale": {"days": 14, "limit": 500},
    "explain_cost": {},
    "list_budgets": {"page_size": 100},
}
FIGURES = {"total", "totals", "searched", "exhausted"}
STALE = ("api_keys", "configs", "prompts", "providers", "scopes")


def names_of(endpoint):
    """The tools of an endpoint."""
    return {tool.name for tool in tools_in(domain_modules()) if endpoint in tool.endpoints}


def path_of(target):
    return re.sub(r"^(?:https?://[^/]+)?(?:/v[12])+|\?.*", "", target)


def endpoint_of(method, target, endpoints):
    """The declared endpoint of a request."""
    for endpoint in sorted(endpoints, key=lambda each: each.count("{")):
        pattern = re.sub(r"\\{\w+\\}|\{\w+\}", "[^/]+", endpoint.replace("/v2", ""))
        if re.fullmatch(pattern, f"{method} {path_of(target)}"):
            return endpoint
    return ""


def refusing(api, tool, refused="", *, once=False):
    """The same API, which refuses one endpoint; and the endpoints that were asked for."""
    sent = []

    def transport(inner):
        async def send(method, target, headers, body):
            endpoint = endpoint_of(method, target, TOOLS[tool].endpoints)
            sent.append(endpoint)
            if endpoint == refused and (not once or sent.count(endpoint) == 1):
                return 403, {}, b'{"message": "no"}'
            return await inner(method, target, headers, body)

        return send

    return api.with_transport(transport), sent


async def answer_of(api, tool):
    """The answer, or None if the whole call failed."""
    outcome = await Executor(TOOLS[tool], lambda: api).run(CALLS[tool])
    return None if outcome.is_error else outcome.structured


def figures(answer):
    """The counts of an answer by their names."""
    counts = {}
    for name in FIGURES & answer.keys():
        inner = answer[name] if isinstance(answer[name], dict) else {"": answer[name]}
        counts |= {(name, key): value for key, value in inner.items()}
    return counts


def check_figures(answer, truth):
    """A count in figures is that of the full answer, and counts by verdict say what they lack."""
    expected = figures(truth)
    for name, value in figures(answer).items():
        if isinstance(value, dict):
            assert value == expected[name] or value.get("not_read") or "unknown" in value, name
        elif isinstance(value, int):
            assert value == expected[name], name


def check_budgets(answer, truth):
    rows = {(r["kind"], r["id"], r.get("group")): r for r in truth["data"]}
    for row in answer["data"]:
        true = rows.get((row["kind"], row["id"], row.get("group")))
        if true is not None and "used" in row:
            assert row["used"] == true["used"], row


def check_costs(answer, truth):
    is_told = any("were not read" in note for note in answer.get("notes", ()))
    for name in ("before", "after"):
        assert is_told or answer[name]["cost"] == truth[name]["cost"]
    if truth["spikes"] and not answer["spikes"]:
        pytest.fail("days that were not read are no days without a spike")


def check_stale(answer, truth):
    for kind in STALE:
        ids = {row["id"] for row in truth.get(kind, ())}
        assert {row["id"] for row in answer.get(kind, ())} <= ids, kind


def check_references(answer, truth):
    known = {row["id"]: row.get("last_used") for row in truth.get("references", ())}
    for row in answer.get("references", ()):
        assert row.get("last_used") in (known.get(row["id"]), "unknown"), row


CHECKS = {
    "explain_cost": check_costs,
    "find_references": check_references,
    "find_stale": check_stale,
    "list_budgets": check_budgets,
}


@pytest.mark.parametrize(("tool", "once"), [
    ("find_access", True), ("find_references", True), ("find_stale", False),
    ("explain_cost", False), ("explain_cost", True), ("list_budgets", True),
])  # fmt: skip
async def test_a_list_that_was_refused_is_named_and_no_figure_is_wrong(api, tool, once):
    full, sent = refusing(api, tool)
    truth = await answer_of(full, tool)
    assert truth["not_seen"] == []

    for endpoint in dict.fromkeys(sent):
        partial, _sent = refusing(api, tool, endpoint, once=once)
        answer = await answer_of(partial, tool)
        if answer is None:
            continue
        words = {*re.findall(r"\w+", " ".join(answer["not_seen"]))}
        assert words & names_of(endpoint), endpoint
        check_figures(answer, truth)
        if tool in CHECKS:
            CHECKS[tool](answer, truth)
