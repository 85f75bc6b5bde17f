"""Forty questions of an administrator, and how many tokens their answers cost."""

import json
from functools import cache

import pytest
import quicktok
from mcp import Client
from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings
from servers import build_server


@cache
def o200k():
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


MONTH = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}
GRAPH = {**MONTH, "format": "csv"}
QUESTIONS = [
    # what is asked, the tool, its arguments, the fields of each row that answer it
    ("Who works here?", "list_all_users", {}, "email role"),
    ("Who are the admins?", "list_all_users", {"role": "admin"}, "email"),
    ("In which teams is Ben?", "list_all_users", {"fields": "email,workspace_ids"}, "email"),
    ("Which invitations are open?", "list_user_invites", {}, "email status"),
    ("Which workspaces are there?", "list_workspaces", {}, "slug name"),
    ("Who is in Support?", "list_workspace_members", {"workspace_id": "SUPPORT"}, "email role"),
    ("Which groups are mapped?", "list_scim_workspace_mappings", {}, "scim_group role"),
    ("Which keys are there?", "list_api_keys", {}, "id name type"),
    ("Which keys have no budget?", "list_api_keys", {"fields": "name,usage_limits"}, "name"),
    ("Which keys of Support?", "list_api_keys", {"workspace_id": "SUPPORT"}, "name status"),
    ("Which keys never expire?", "list_api_keys", {"fields": "name,expires_at"}, "name"),
    ("Whose keys are they?", "list_api_keys", {"fields": "name,user_id"}, "name user_id"),
    ("Keys as a table", "list_api_keys", {"format": "csv"}, "name status"),
    ("Which configs has Support?", "list_configs", {"workspace_id": "SUPPORT"}, "slug name"),
    ("Which is the default?", "list_configs", {"workspace_id": "SUPPORT"}, "name is_default"),
    ("Which provider keys?", "list_virtual_keys", {"workspace_id": "SUPPORT"}, "slug name"),
    ("Which models of OpenAI?", "list_integration_models", {"slug": "openai"}, "slug enabled"),
    ("Which integrations?", "list_integrations", {}, "slug ai_provider_id"),
    ("Which secrets in a vault?", "list_secret_references", {}, "slug manager_type"),
    ("Which guardrails?", "list_guardrails", {"workspace_id": "SUPPORT"}, "slug name"),
    ("Which prompts?", "list_prompts", {"workspace_id": "SUPPORT"}, "slug name model"),
    ("Which folders?", "list_collections", {"workspace_id": "SUPPORT"}, "id name"),
    ("Which labels?", "list_prompt_labels", {}, "id name"),
    ("Which partials?", "list_prompt_partials", {"workspace_id": "SUPPORT"}, "slug name"),
    ("Which budgets?", "list_usage_limits", {"workspace_id": "SUPPORT"}, "name credit_limit"),
    ("Which rate limits?", "list_rate_limits", {"workspace_id": "SUPPORT"}, "name unit value"),
    ("Which MCP integrations?", "list_mcp_integrations", {}, "slug url"),
    ("Which MCP servers?", "list_mcp_servers", {"workspace_id": "SUPPORT"}, "slug name"),
    ("Which gateways?", "list_deployments", {}, "slug type"),
    ("Who spends the most?", "get_analytics_group_users", {**GRAPH, "page_size": 20}, "user"),
    ("Which team spends?", "get_analytics_group_workspaces", GRAPH, "workspace cost"),
    ("Which model is used?", "get_analytics_group_models", GRAPH, "ai_model requests"),
    ("Which key is stale?", "get_analytics_group", {**GRAPH, "group_by": "api_key"}, "requests"),
    ("What did we spend?", "get_cost_analytics", GRAPH, "timestamp total"),
    ("How many requests?", "get_request_analytics", GRAPH, "timestamp total"),
    ("How many tokens?", "get_token_analytics", GRAPH, "timestamp total"),
    ("Is it getting slower?", "get_latency_analytics", GRAPH, "timestamp avg"),
    ("When were there errors?", "get_error_rate_analytics", GRAPH, "timestamp rate"),
    ("How many people use it?", "get_users_analytics", GRAPH, "timestamp total"),
    ("How is Support set up?", "get_workspace", {"workspace_id": "SUPPORT"}, ""),
]


class Recorded:
    """The emulator as a transport that records its answers."""

    def __init__(self, emulator):
        self.answers = []
        self._answer = InProcess(emulator)

    async def __call__(self, method, target, headers, body):
        answer = await self._answer(method, target, headers, body)
        self.answers.append(answer)
        return answer


@pytest.fixture(scope="module")
def organisation():
    return Emulator("acme", frozen_time)


async def test_forty_answers_cost_half_and_still_answer(organisation):
    recorded = Recorded(organisation)
    key = SecretStr(organisation.keys()["owner"])
    api = Portkey(Settings(PORTKEY_API_KEY=key), recorded)
    workspaces = organisation.store.table("workspaces").rows()
    support = next(row["slug"] for row in workspaces if row["name"] == "Support")
    raw = lean = 0

    async with Client(build_server(lambda: api)) as client:
        for question, tool, template, fields in QUESTIONS:
            arguments = {n: support if v == "SUPPORT" else v for n, v in template.items()}
            if "analytics" in tool and "group" not in tool:
                arguments["workspace_slug"] = support
            recorded.answers.clear()
            result = await client.call_tool(tool, arguments)
            text = "\n".join(part.text for part in result.content)
            upstream, *names = (body.decode() for _status, _headers, body in recorded.answers)
            assert len(names) == (arguments.get("group_by") == "api_key")
            rows = rows_of(json.loads(upstream))
            assert rows, question
            for row in rows:
                for field in fields.split():
                    assert in_words(row[field]) in text, (question, field)
            raw, lean = raw + cost(upstream), lean + cost(text)
            assert cost(text) <= cost("".join([upstream, *names])), question

    assert len(QUESTIONS) == 40
    assert lean <= raw / 2, f"{lean} of {raw} tokens"


def cost(text):
    return len(o200k().encode(text))


def rows_of(answer):
    """The rows of a list; an answer of one record is one row."""
    lists = [value for value in answer.values() if isinstance(value, list)]
    return max(lists, key=len) if "id" not in answer and lists else [answer]


def in_words(value):
    """A value as text; numbers and simple strings look the same in JSON and in CSV."""
    return value.replace(".000Z", "Z") if isinstance(value, str) else json.dumps(value)
