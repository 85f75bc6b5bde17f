"""Every method of Portkey's SDK for Python that has a counterpart in the Admin API, called once."""

from typing import Any

MESSAGES = '[{"role": "user", "content": "Hi {{name}}"}]'
CHECKS = [{"id": "default.wordCount", "parameters": {"minWords": 1, "maxWords": 9}}]
PERIOD = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}
GRAPHS = (
    "requests", "cost", "latency", "tokens", "users", "users_requests", "errors", "errors_rate",
    "errors_stacks", "errors_status_codes", "requests_rescued", "cache_hit_rate", "cache_latency",
    "feedbacks", "feedbacks_scores", "feedbacks_weighted", "feedbacks_ai_models",
)  # fmt: skip


def id_of(answer: Any) -> str:
    """The id of an answer, which the SDK returns as an object or as a mapping."""
    return str(answer["id"] if isinstance(answer, dict) else answer.id)


def call_every_method(call: Any, support: str, named: dict[str, str]) -> None:
    """Call every method with `call(name, **arguments)`, on objects of the workspace Support.

    `named` holds the workspace for methods that create or list, if the key must name it.
    """
    people(call)
    workspaces(call, support)
    credentials(call, support, named)
    routing(call, named)
    prompts(call, named)
    mcp(call, support, named)
    observation(call, named)


def people(call: Any) -> None:
    call("admin.users.list")
    invite = call("admin.users.invites.create", email="a@acme.example", role="member",
                  workspaces=[])  # fmt: skip
    call("admin.users.invites.retrieve", invite_id=invite.id)
    call("admin.users.invites.list", email="a@acme.example")
    call("admin.users.invites.resend", invite_id=invite.id)
    call("admin.users.invites.delete", invite_id=invite.id)
    person = call("admin.users.list", email="chitra@acme.example").data[0].id
    call("admin.users.retrieve", user_id=person)
    call("admin.users.update", user_id=person, role="member")


def workspaces(call: Any, support: str) -> None:
    call("admin.workspaces.list")
    call("admin.workspaces.retrieve", workspace_id=support)
    call("admin.workspaces.update", workspace_id=support, description="Answers")
    created = call(
        "admin.workspaces.create", name="New", description="d", defaults={"metadata": {}}
    )
    call("admin.workspaces.delete", workspace_id=created.id, name="New")
    users = "admin.workspaces.users"
    person = call("admin.users.list", email="chitra@acme.example").data[0].id
    call(f"{users}.create", workspace_id=support, users=[{"id": person, "role": "member"}])
    call(f"{users}.list", workspace_id=support)
    call(f"{users}.retrieve", workspace_id=support, user_id=person)
    call(f"{users}.update", workspace_id=support, user_id=person, role="manager")
    call(f"{users}.delete", workspace_id=support, user_id=person)


def credentials(call: Any, support: str, named: dict[str, str]) -> None:
    key = call("api_keys.create", type="workspace", sub_type="service", name="K",
               workspace_id=support, scopes=["logs.view"])  # fmt: skip
    call("api_keys.retrieve", id=key.id)
    call("api_keys.list", **named)
    call("api_keys.update", id=key.id, name="L")
    call("api_keys.delete", id=key.id)
    call("integrations.create", name="I", slug="sdk", ai_provider_id="openai", key="k", **named)
    call("integrations.list")
    call("integrations.retrieve", slug="sdk")
    call("integrations.update", slug="sdk", description="d")
    custom = {"slug": "ours", "enabled": True, "is_custom": True}
    call("integrations.models.update", slug="sdk", models=[custom])
    call("integrations.models.list", slug="sdk")
    call("integrations.models.delete", slug="sdk", slugs="ours")
    share = {"id": support, "enabled": True}
    call("integrations.workspaces.update", slug="sdk", workspaces=[share])
    call("integrations.workspaces.list", slug="sdk")
    provider = call("providers.create", name="P", integration_id="sdk", **named)
    call("providers.list", **named)
    call("providers.retrieve", slug=provider.slug, **named)
    call("providers.update", slug=provider.slug, note="n", **named)
    call("providers.delete", slug=provider.slug, **named)
    call("integrations.delete", slug="sdk")
    virtual = call("virtual_keys.create", name="V", provider="openai", key="k", **named)
    call("virtual_keys.list", **named)
    call("virtual_keys.retrieve", slug=virtual.slug)
    call("virtual_keys.update", slug=virtual.slug, note="n")
    call("virtual_keys.delete", slug=virtual.slug)


def routing(call: Any, named: dict[str, str]) -> None:
    config = call("configs.create", name="C", config={"retry": {"attempts": 1}}, **named)
    call("configs.list", **named)
    call("configs.retrieve", slug=config.slug)
    call("configs.update", slug=config.slug, name="D")
    call("configs.delete", slug=config.slug)
    guardrail = call("guardrails.create", name="G", checks=CHECKS, actions={"deny": True}, **named)
    call("guardrails.list", **named)
    call("guardrails.retrieve", guardrail_id=guardrail.id)
    call("guardrails.update", guardrail_id=guardrail.id, name="H")
    call("guardrails.delete", guardrail_id=guardrail.id)


def prompts(call: Any, named: dict[str, str]) -> None:
    folder = id_of(call("collections.create", "F", **named))
    call("collections.list", **named)
    call("collections.retrieve", folder)
    call("collections.update", folder, name="G")
    label = id_of(call("labels.create", name="ours", **named))
    call("labels.list", **named)
    call("labels.retrieve", label)
    call("labels.update", label, description="d")
    partial = id_of(call("prompts.partials.create", name="Part", string="Bye", **named))
    call("prompts.partials.retrieve", partial)
    call("prompts.partials.list", collection_id=folder)
    call("prompts.partials.update", partial, string="Goodbye")
    call("prompts.partials.versions.list", partial)
    call("prompts.partials.publish", partial, version=2)
    call("prompts.partials.delete", partial)
    provider = call("virtual_keys.create", name="W", provider="openai", key="k", **named).slug
    content = {"string": MESSAGES, "parameters": {}, "model": "gpt-5", "virtual_key": provider}
    prompt = id_of(call("prompts.create", name="P", collection_id=folder, **content))
    call("prompts.list", **named)
    call("prompts.retrieve", prompt)
    call("prompts.update", prompt, **content)
    call("prompts.publish", prompt, version=2)
    versions = call("prompts.versions.list", prompt)
    version = versions["data"][0]["id"] if isinstance(versions, dict) else versions.data[0]["id"]
    call("prompts.versions.retrieve", prompt, version)
    call("prompts.versions.update", prompt, version, label_id=label)
    call("prompts.render", prompt_id=prompt, variables={"name": "Ada"})
    call("prompts.completions.create", prompt_id=prompt, variables={"name": "Ada"})
    call("prompts.delete", prompt)
    call("labels.delete", label)
    call("collections.delete", folder)


def mcp(call: Any, support: str, named: dict[str, str]) -> None:
    created = call("mcp_integrations.create", name="Slack", url="https://slack.example",
                auth_type="none", transport="http", **named).id  # fmt: skip
    integration = {"mcp_integration_id": created}
    call("mcp_integrations.list")
    call("mcp_integrations.retrieve", **integration)
    call("mcp_integrations.update", **integration, description="d")
    call("mcp_integrations.test", **integration)
    call("mcp_integrations.metadata.retrieve", **integration)
    change = [{"name": "post_message", "type": "tool", "enabled": False}]
    call("mcp_integrations.capabilities.list", **integration)
    call("mcp_integrations.capabilities.update", **integration, capabilities=change)
    share = [{"id": support, "enabled": True}]
    call("mcp_integrations.workspaces.update", **integration, workspaces=share)
    call("mcp_integrations.workspaces.list", **integration)
    server = {"mcp_server_id": call("mcp_servers.create", name="S", **integration, **named).id}
    call("mcp_servers.list", **named)
    call("mcp_servers.retrieve", **server)
    call("mcp_servers.update", **server, description="d")
    call("mcp_servers.test", **server)
    call("mcp_servers.metadata.retrieve", **server)
    call("mcp_servers.capabilities.list", **server)
    change = [{"name": "read_channel", "type": "tool", "enabled": False}]
    call("mcp_servers.capabilities.update", **server, capabilities=change)
    call("mcp_servers.user_access.list", **server)
    call("mcp_servers.user_access.check", **server)
    call("mcp_servers.user_access.update", **server, user_access=[])
    call("mcp_servers.delete", **server)
    call("mcp_integrations.delete", **integration)


def observation(call: Any, named: dict[str, str]) -> None:
    for graph in GRAPHS:
        call(f"analytics.graphs.{graph}", **PERIOD)
    for group in ("users", "ai_models", "workspaces"):
        call(f"analytics.groups.{group}", **PERIOD)
    call("analytics.groups.metadata", metadata_key="team", **PERIOD)
    call("analytics.groups.group_by", group_by="model", columns="cost,requests", **PERIOD)
    call("analytics.summary.cache", **PERIOD)
    call("models.list")
    log = {"url": "https://a.example", "provider": "openai", "body": {"model": "gpt-5"}}
    call("logs.create", request=log, response={"status": 200, "body": {}},
         metadata={"traceId": "sdk"})  # fmt: skip
    scored = call("feedback.create", trace_id="sdk", value=5, weight=1)
    call("feedback.bulk_create", feedbacks=[{"trace_id": "sdk", "value": 5}])
    call("feedback.update", feedback_id=scored.feedback_ids[0], value=-5)
    exports = "logs.exports"
    export_body = {"filters": PERIOD, "requested_data": ["id", "cost"], **named}
    export = {"export_id": call(f"{exports}.create", **export_body).id}
    call(f"{exports}.list", **named)
    call(f"{exports}.retrieve", **export)
    call(f"{exports}.update", **export, **export_body)
    call(f"{exports}.start", **export)
    call(f"{exports}.cancel", **export)
    finished = {"export_id": call(f"{exports}.create", **export_body).id}
    call(f"{exports}.start", **finished)
    call("finish", **finished)
    call(f"{exports}.download", **finished)
    person = call("admin.users.list", email="chitra@acme.example").data[0].id
    call("admin.users.delete", user_id=person)
