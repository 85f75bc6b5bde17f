"""The domains of the Admin API: each is a toolset, and a file in `models`, `tools` and `emulator`.

Names and descriptions only, so that the client and the emulator may both import it.
"""

DOMAINS: dict[str, str] = {
    "users": "people of the organisation, and invitations",
    "workspaces": "workspaces, budgets, members",
    "scim": "groups of an identity provider, mapped to workspaces",
    "organisation": "guardrails for the whole organisation, and workspaces left out of them",
    "secret_references": "secrets kept in a vault of yours",
    "integrations": "providers' credentials, with their models and workspaces",
    "providers": "a workspace's AI providers",
    "virtual_keys": "provider keys under a slug; the older form of providers",
    "model_catalog": "models, what they can do and what they cost",
    "guardrails": "checks on what goes in and comes out",
    "configs": "routing, fallback, retries, cache, versions",
    "api_keys": "keys to Portkey, scopes, budgets, rotation",
    "collections": "folders of prompts",
    "labels": "names for versions of prompts",
    "partials": "pieces that prompts share",
    "prompts": "prompt templates, versions, rendering, completions",
    "usage_limits": "budgets by any condition, and what is spent of them",
    "rate_limits": "requests or tokens in a time, by any condition",
    "mcp_integrations": "MCP servers of others, as the organisation knows them",
    "mcp_servers": "MCP servers in a workspace, and who may use what of them",
    "analytics": "cost, usage, latency, errors, cache and feedback over time and by group",
    "logs": "requests and answers, one by one",
    "log_exports": "requests and answers in bulk, as a file",
    "feedback": "scores given to answers",
    "audit_logs": "who changed what",
    "deployments": "gateways you host yourself",
}
"""In the order in which tools are listed, and in which the emulator creates its data."""

CHANGES = "changes"
TOOLSETS: dict[str, str] = {
    **DOMAINS,
    CHANGES: "what a change would do, what was changed, undoing it; who is calling",
}
"""All toolsets of one subject: Portkey's domains, and this server's own tools."""

GROUPS: dict[str, tuple[str, ...]] = {
    "default": (
        "workspaces",
        "api_keys",
        "configs",
        "providers",
        "prompts",
        "analytics",
        CHANGES,
    ),
    "access": ("users", "workspaces", "scim", "api_keys"),
    "prompts-engineering": ("prompts", "partials", "labels", "collections", "configs"),
    "routing": (
        "configs",
        "providers",
        "integrations",
        "virtual_keys",
        "model_catalog",
        "deployments",
    ),
    "governance": (
        "guardrails",
        "organisation",
        "usage_limits",
        "rate_limits",
        "secret_references",
        "audit_logs",
        CHANGES,
    ),
    "observability": ("analytics", "logs", "log_exports", "feedback"),
    "mcp": ("mcp_integrations", "mcp_servers"),
    "all": tuple(TOOLSETS),
}
"""Toolsets of several domains, by purpose."""


LEGACY_ALIASES: dict[str, tuple[str, ...]] = {
    "keys": ("api_keys", "virtual_keys"),
    "limits": ("usage_limits", "rate_limits"),
    "logging": ("logs", "log_exports"),
    "tracing": ("feedback", "logs"),
    "audit": ("audit_logs",),
}
"""Names of domains in the TypeScript server: accepted but undocumented aliases."""


def domains_of(toolset: str) -> tuple[str, ...]:
    """The domains of a toolset, which is a group, an alias or a domain; empty if it is unknown."""
    domain = toolset.replace("-", "_")
    group = GROUPS.get(toolset) or LEGACY_ALIASES.get(toolset)
    return group or ((domain,) if domain in TOOLSETS else ())


WORKFLOWS: tuple[str, ...] = (
    "update_workspace_security_settings",
    "delete_workspace",
    "create_prompt",
    "update_prompt",
    "publish_prompt",
    "get_prompt_version",
    "update_prompt_version",
    "render_prompt",
    "run_prompt_completion",
    "find_access",
    "find_references",
    "find_stale",
    "update_mcp_integration_capabilities",
    "update_mcp_integration_workspaces",
    "update_mcp_server_capabilities",
    "update_prompt_partial",
    "publish_partial",
    "migrate_prompt",
    "promote_prompt",
    "update_log_export",
    "download_log_export",
    "list_audit_logs",
    "get_analytics_group",
    "wait_for_log_export",
    "explain_cost",
    "list_budgets",
)
"""The modules of `workflows` that hold a tool of several requests."""

OWN_TOOLS: tuple[str, ...] = (
    "preview_change",
    "list_changes",
    "get_change",
    "revert_change",
    "whoami",
)
"""The modules of `safety.tools`, each with a tool that Portkey has no endpoint for."""
