"""A real call of each tool that writes, on the seeded emulator: beside `RISKY` and `LESS_RISKY`."""

from collections.abc import Callable
from typing import Any

from safety.risky_calls import LESS_RISKY, RISKY, SECRET, Arguments, Finder

CHECK = {"id": "default.wordCount", "parameters": {"maxWords": 300}}
EXPORT = {
    "time_min": "2026-11-01T00:00:00Z",
    "time_max": "2026-11-02T00:00:00Z",
    "requested_fields": ["id"],
}


def _support(find: Finder) -> str:
    return find.id("workspaces", "Support")


def _export(find: Finder) -> Arguments:
    body = {
        "filters": {"time_of_generation_min": EXPORT["time_min"]},
        "requested_data": ["id"],
        "workspace_id": _support(find),
    }
    body["filters"]["time_of_generation_max"] = EXPORT["time_max"]
    return {"export_id": find.send("POST", "/v1/logs/exports", body)["id"]}


def _prompt(find: Finder) -> str:
    return find.slug("prompts", "Reply to customer")


def _version(find: Finder) -> dict[str, Any]:
    prompt = find.row("prompts", name="Reply to customer")
    return find.row("prompt_versions", parent_id=prompt["id"], number=2)


def _new_prompt(find: Finder) -> Arguments:
    return {
        "name": "Apology",
        "collection_id": find.slug("collections", "Macros"),
        "string": "Sorry, {{name}}.",
        "parameters": {"max_tokens": 400},
        "model": "gpt-5",
        "virtual_key": find.slug("virtual_keys", "OpenAI main"),
    }


def _budget(find: Finder) -> Arguments:
    limit = find.id("usage_limits", "Per person")
    rows = find.send("GET", f"/v1/policies/usage-limits/{limit}/entities", {})["data"]
    return {"limit_id": limit, "entity_id": rows[0]["id"]}


def _policy(find: Finder) -> Arguments:
    return {
        "conditions": [{"key": "metadata.team", "value": "support"}],
        "group_by": [{"key": "metadata._user"}],
        "workspace_id": _support(find),
    }


OTHERS: dict[str, Callable[[Finder], Arguments]] = {
    "resend_user_invite": lambda find: {"invite_id": find.row("invites")["id"]},
    "create_workspace": lambda find: {"name": "Sales", "users": [find.user("Emi")]},
    "update_workspace": lambda find: {
        "workspace_id": _support(find),
        "description": "Answers people",
        "usage_limits": [{"type": "cost", "credit_limit": 400}],
    },
    "update_workspace_security_settings": lambda find: {
        "workspace_id": _support(find),
        "allow": ["membersWriteConfigs"],
    },
    "add_workspace_member": lambda find: {
        "workspace_id": _support(find),
        "user_id": find.user("Chitra"),
        "role": "member",
    },
    "update_workspace_member": lambda find: {
        "workspace_id": _support(find),
        "user_id": find.user("Emi"),
        "role": "member",
    },
    "create_scim_workspace_mapping": lambda find: {
        "workspace_id": _support(find),
        "role": "member",
        "scim_group_id": find.id("scim_groups", "Engineering"),
    },
    "create_secret_reference": lambda find: {
        "name": "Anthropic key",
        "manager_type": "hashicorp_vault",
        "secret_path": "kv/data/anthropic",
        "auth_config": {
            "vault_auth_type": "token",
            "vault_addr": "https://vault.acme.example",
            "vault_token": SECRET,
        },
    },
    "create_integration": lambda find: {
        "name": "Bedrock",
        "ai_provider_id": "bedrock",
        "aws_region": "eu-central-1",
        "aws_access_key_id": "AKIA0000",
        "aws_secret_access_key": SECRET,
    },
    "create_provider": lambda find: {
        "name": "OpenAI",
        "integration_id": "openai",
        "workspace_id": find.id("workspaces", "Science"),
    },
    "create_virtual_key": lambda find: {
        "name": "Mistral",
        "provider": "mistral-ai",
        "key": SECRET,
        "workspace_id": _support(find),
    },
    "create_guardrail": lambda find: {
        "name": "Shorter answers",
        "checks": [CHECK],
        "workspace_id": _support(find),
    },
    "update_guardrail": lambda find: {
        "guardrail_id": find.slug("guardrails", "Short answers"),
        "checks": [{"id": "default.wordCount", "parameters": {"maxWords": 200}}],
    },
    "replace_guardrail_mcp_servers": lambda find: {
        "guardrail_id": find.slug("guardrails", "Short answers"),
        "mcp_servers": {},
    },
    "upsert_guardrail_mcp_server": lambda find: {
        "guardrail_id": find.slug("guardrails", "Short answers"),
        "mcp_server_id": find.id("mcp_servers", "Support GitHub"),
        "run_on": ["input"],
    },
    "create_config": lambda find: {
        "name": "Retries",
        "retry_attempts": 3,
        "workspace_id": _support(find),
    },
    "create_collection": lambda find: {"name": "Drafts", "workspace_id": _support(find)},
    "update_collection": lambda find: {
        "collection_id": find.slug("collections", "Macros"),
        "name": "Answers",
    },
    "create_prompt_label": lambda find: {"name": "tested", "workspace_id": _support(find)},
    "create_prompt_partial": lambda find: {
        "name": "Opening",
        "string": "Dear {{name}},",
        "workspace_id": _support(find),
    },
    "create_usage_limit": lambda find: {**_policy(find), "type": "cost", "credit_limit": 50},
    "update_usage_limit": lambda find: {
        "id": find.id("usage_limits", "Per person"),
        "credit_limit": 50,
        "alert_threshold": 40,
    },
    "reset_usage_limit_entity": _budget,
    "create_rate_limit": lambda find: {
        **_policy(find),
        "type": "requests",
        "unit": "rpm",
        "value": 60,
    },
    "update_rate_limit": lambda find: {"id": find.id("rate_limits", "Per key"), "value": 60},
    "create_mcp_integration": lambda find: {
        "name": "Linear",
        "url": "https://mcp.linear.example",
        "auth_type": "headers",
        "transport": "http",
        "custom_headers": {"authorization": SECRET},
        "organisation_id": find.organisation,
    },
    "create_mcp_server": lambda find: {
        "name": "Code",
        "mcp_integration_id": "github",
        "workspace_id": _support(find),
    },
    "update_mcp_server": lambda find: {
        "id": find.id("mcp_servers", "Support GitHub"),
        "description": "Code",
    },
    "insert_log": lambda find: {
        "request_url": "https://api.openai.com/v1/chat/completions",
        "request_headers": {"authorization": SECRET},
        "request_body": {"model": "gpt-5"},
        "response_status": 200,
    },
    "create_log_export": lambda find: {**EXPORT, "workspace_id": _support(find)},
    "start_log_export": _export,
    "cancel_log_export": _export,
    "update_log_export": lambda find: {**_export(find), "cost_min": 1},
    "create_feedback": lambda find: {"trace_id": "t-1", "value": 5},
    "update_feedback": lambda find: {"id": "f-1", "value": 3},
    "register_deployment": lambda find: {
        "name": "America",
        "gateway_base_url": "https://gateway2.acme.example",
    },
    "create_prompt": _new_prompt,
    "update_prompt": lambda find: {"prompt_id": _prompt(find), "string": "Hello {{name}}"},
    "publish_prompt": lambda find: {"prompt_id": _prompt(find), "version": 2},
    "update_prompt_version": lambda find: {
        "prompt_id": _prompt(find),
        "version_id": _version(find)["id"],
        "label_id": find.id("labels", "reviewed"),
    },
    "run_prompt_completion": lambda find: {
        "prompt_id": _prompt(find),
        "variables": {"question": "Where is it?", "company": "Acme"},
        "metadata": {"client_id": "acme", "app": "support", "env": "prod"},
    },
    "update_mcp_integration_capabilities": lambda find: {
        "id": find.id("mcp_integrations", "GitHub"),
        "capabilities": [{"name": "create_issue", "type": "tool", "enabled": False}],
    },
    "update_mcp_server_capabilities": lambda find: {
        "id": find.id("mcp_servers", "Support GitHub"),
        "capabilities": [{"name": "create_issue", "type": "tool", "enabled": False}],
    },
    "publish_partial": lambda find: {
        "prompt_partial_id": find.slug("partials", "Closing"),
        "version": 1,
    },
    "migrate_prompt": lambda find: {**_new_prompt(find), "app": "support", "env": "prod"},
    "promote_prompt": lambda find: {
        "source_prompt_id": _prompt(find),
        "target_collection_id": find.slug("collections", "Macros"),
        "target_env": "prod",
    },
}
"""Arguments of a call, by tool: of no high risk."""

CALLS: dict[str, Callable[[Finder], Arguments]] = {**OTHERS, **LESS_RISKY, **RISKY}
"""Arguments of a call of each tool that writes; of high risk if one may be."""
