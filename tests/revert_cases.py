"""A change by each tool that writes, on real objects of the seeded emulator.

`CASES` has a function for each tool that makes what it needs and returns the arguments of the call;
those that are named twice are of tools that have two ways.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from journaled import Journaled
from portkey_admin_mcp.emulator.core.app import Emulator

Arguments = dict[str, Any]
CONDITIONS = {"conditions": [{"key": "api_key", "value": "*"}], "group_by": [{"key": "api_key"}]}
DAY = {"time_min": "2026-10-28T00:00:00Z", "time_max": "2026-10-29T00:00:00Z"}
CONFIG = {"retry": {"attempts": 2}}


class World:
    """The seeded organisation, and what a case makes in it with the tools themselves."""

    def __init__(self, server: Journaled, emulator: Emulator) -> None:
        self.ask = server.ask
        self._emulator = emulator

    def row(self, table: str, **fields: Any) -> dict[str, Any]:
        """The first row of a table with these fields."""
        return next(
            row
            for row in self._emulator.store.table(table).rows()
            if all(row.get(name) == value for name, value in fields.items())
        )

    @property
    def support(self) -> str:
        return self.row("workspaces", name="Support")["id"]

    @property
    def organisation(self) -> str:
        return self.row("guardrails")["organisation_id"]

    def user(self, first_name: str) -> str:
        return self.row("users", first_name=first_name)["id"]

    async def workspace(self) -> str:
        return (await self.ask("create_workspace", name="New"))["id"]

    async def config(self) -> str:
        return (
            await self.ask("create_config", name="Mine", config=CONFIG, workspace_id=self.support)
        )["slug"]

    async def guardrail(self) -> str:
        return (await self.ask("create_guardrail", **GUARDRAIL, workspace_id=self.support))["id"]

    async def collection(self) -> str:
        created = await self.ask("create_collection", name="Mine", workspace_id=self.support)
        return created["id"]

    async def shared_collection(self) -> str:
        """A collection in the workspace of the virtual key that prompts use."""
        workspace = self.row("workspaces", name="Shared Team Workspace")["id"]
        return (await self.ask("create_collection", name="Mine", workspace_id=workspace))["id"]

    async def prompt(self) -> str:
        return (await self.ask("create_prompt", **await self.prompt_draft()))["id"]

    async def prompt_draft(self) -> Arguments:
        """What creates a prompt, with a virtual key of its workspace."""
        key = self.row("virtual_keys", name="OpenAI shared")["slug"]
        collection = await self.shared_collection()
        return {**PROMPT, "virtual_key": key, "collection_id": collection}

    async def partial(self) -> str:
        return (await self.ask("create_prompt_partial", name="Mine", string="one"))["id"]

    async def label(self) -> str:
        return (await self.ask("create_prompt_label", name="mine", workspace_id=self.support))["id"]

    async def integration(self) -> str:
        created = await self.ask(
            "create_integration", name="Mine", ai_provider_id="openai", key="sk-mine-0123456789"
        )
        return created["slug"]

    async def provider(self) -> str:
        shares = [{"id": self.support, "enabled": True}]
        await self.ask("update_integration_workspaces", slug="openai", workspaces=shares)
        created = await self.ask(
            "create_provider", name="Mine", integration_id="openai", workspace_id=self.support
        )
        return created["slug"]

    async def virtual_key(self) -> str:
        created = await self.ask(
            "create_virtual_key", name="Mine", provider="openai", key="sk-mine-0123456789"
        )
        return created["slug"]

    async def api_key(self) -> str:
        return (await self.ask("create_api_key", **API_KEY))["id"]

    async def secret_reference(self) -> str:
        return (await self.ask("create_secret_reference", **SECRET_REFERENCE))["id"]

    async def usage_limit(self) -> str:
        created = await self.ask(
            "create_usage_limit",
            **CONDITIONS,
            type="cost",
            credit_limit=100,
            workspace_id=self.support,
        )
        return created["id"]

    async def rate_limit(self) -> str:
        created = await self.ask(
            "create_rate_limit",
            **CONDITIONS,
            type="requests",
            unit="rpm",
            value=10,
            workspace_id=self.support,
        )
        return created["id"]

    async def mcp_integration(self) -> str:
        return (await self.ask("create_mcp_integration", **MCP_INTEGRATION))["id"]

    async def mcp_server(self) -> str:
        created = await self.ask(
            "create_mcp_server",
            name="Mine",
            mcp_integration_id="github",
            workspace_id=self.support,
        )
        return created["id"]

    async def export(self) -> str:
        created = await self.ask(
            "create_log_export",
            **DAY,
            cost_min=1,
            requested_fields=["id"],
            workspace_id=self.support,
        )
        return created["id"]

    async def deployment(self) -> str:
        return (await self.ask("register_deployment", name="Mine"))["id"]

    async def invite(self) -> str:
        return (await self.ask("invite_user", email="new@acme.example", role="member"))["id"]


GUARDRAIL = {
    "name": "Mine",
    "checks": [{"id": "default.wordCount", "parameters": {"maxWords": 5}}],
    "actions": {"deny": True, "on_fail": {"value": -3}},
}
PROMPT = {
    "name": "Mine",
    "string": "Say {{word}}",
    "model": "gpt-5",
    "parameters": {},
}
API_KEY = {
    "name": "Mine",
    "type": "organisation",
    "sub_type": "service",
    "scopes": ["logs.list"],
}
SECRET_REFERENCE = {
    "name": "Mine",
    "manager_type": "hashicorp_vault",
    "secret_path": "kv/mine",
    "auth_config": {
        "vault_auth_type": "token",
        "vault_addr": "https://vault.mine.example",
        "vault_token": "hvs.mine-0123456789",
    },
}
MCP_INTEGRATION = {
    "name": "Mine",
    "url": "https://mcp.mine.example",
    "auth_type": "headers",
    "transport": "http",
    "custom_headers": {"authorization": "Bearer mine-0123456789"},
}


def fixed(**arguments: Any) -> Callable[[World], Awaitable[Arguments]]:
    """A case that needs nothing."""

    async def case(_world: World) -> Arguments:
        return arguments

    return case


def of(kind: str, id_name: str, /, **arguments: Any) -> Callable[[World], Awaitable[Arguments]]:
    """A case on a new object of a kind, whose id is the argument `id_name`."""

    async def case(world: World) -> Arguments:
        return {id_name: await getattr(world, kind)(), **arguments}

    return case


def seeded(make: Callable[[World], Arguments]) -> Callable[[World], Awaitable[Arguments]]:
    """A case on what there is."""

    async def case(world: World) -> Arguments:
        return make(world)

    return case


async def _add_member(world: World) -> Arguments:
    return {
        "workspace_id": await world.workspace(),
        "user_id": world.user("Emi"),
        "role": "member",
    }


async def _member(world: World) -> Arguments:
    arguments = await _add_member(world)
    await world.ask("add_workspace_member", **arguments)
    return {name: arguments[name] for name in ("workspace_id", "user_id")}


async def _change_member(world: World) -> Arguments:
    return {**await _member(world), "role": "manager"}


async def _publish_prompt(world: World) -> Arguments:
    prompt = await world.prompt()
    await world.ask("update_prompt", prompt_id=prompt, string="Shout {{word}}")
    return {"prompt_id": prompt, "version": 2}


async def _publish_partial(world: World) -> Arguments:
    partial = await world.partial()
    await world.ask("update_prompt_partial", prompt_partial_id=partial, string="two")
    return {"prompt_partial_id": partial, "version": 2}


async def _label_version(world: World) -> Arguments:
    workspace = world.row("workspaces", name="Shared Team Workspace")["id"]
    label = await world.ask("create_prompt_label", name="mine", workspace_id=workspace)
    return {"prompt_id": await world.prompt(), "version_id": "1", "label_id": label["id"]}


async def _custom_model(world: World) -> Arguments:
    model = {"slug": "mine", "enabled": True, "is_custom": True, "base_model_slug": "gpt-5"}
    await world.ask("update_integration_models", slug="openai", models=[model])
    return {"slug": "openai", "model_slug": "mine"}


async def _entity(world: World) -> Arguments:
    limits = (await world.ask("list_usage_limits", workspace_id=world.support))["data"]
    for limit in limits:
        rows = (await world.ask("list_usage_limit_entities", limit_id=limit["id"]))["data"]
        if rows:
            return {"limit_id": limit["id"], "entity_id": rows[0]["id"]}
    raise AssertionError("no usage limit of the seed has entities")


async def _migrate_over(world: World) -> Arguments:
    draft = await world.prompt_draft()
    await world.ask("create_prompt", **draft)
    return {**draft, "string": "Whisper {{word}}", "app": "a", "env": "dev"}


async def _running_export(world: World) -> Arguments:
    export = await world.export()
    await world.ask("start_log_export", export_id=export)
    return {"export_id": export}


async def _promote(world: World) -> Arguments:
    return {
        "source_prompt_id": await world.prompt(),
        "target_collection_id": await world.shared_collection(),
        "target_env": "production",
    }


async def _completion(world: World) -> Arguments:
    billed = {"client_id": "c", "app": "a", "env": "dev"}
    return {"prompt_id": await world.prompt(), "variables": {"word": "x"}, "metadata": billed}


async def _feedback(world: World) -> Arguments:
    created = await world.ask("create_feedback", trace_id="t", value=1)
    return {"id": created["feedback_ids"][0], "value": 2}


CASES: dict[str, Callable[[World], Awaitable[Arguments]]] = {
    "update_user": seeded(lambda w: {"user_id": w.user("Emi"), "role": "admin"}),
    "delete_user": seeded(lambda w: {"user_id": w.user("Emi")}),
    "invite_user": fixed(email="new@acme.example", role="member"),
    "delete_user_invite": of("invite", "invite_id"),
    "resend_user_invite": of("invite", "invite_id"),
    "create_workspace": fixed(name="New"),
    "update_workspace": of(
        "workspace",
        "workspace_id",
        name="Newer",
        metadata={"team": "x"},
        usage_limits=[{"type": "cost", "credit_limit": 5}],
    ),
    "update_workspace_security_settings": of(
        "workspace",
        "workspace_id",
        allow=["membersWriteConfigs"],
        deny=["managersViewLogs", "membersViewLogs"],
    ),
    "add_workspace_member": _add_member,
    "update_workspace_member": _change_member,
    "remove_workspace_member": _member,
    "create_scim_workspace_mapping": seeded(
        lambda w: {
            "workspace_id": w.row("workspaces", name="Science")["id"],
            "scim_group_id": w.row("scim_groups")["id"],
            "role": "member",
        }
    ),
    "delete_scim_workspace_mapping": seeded(lambda w: {"mapping_id": w.row("scim_mappings")["id"]}),
    "update_organisation_defaults": seeded(
        lambda w: {"input_guardrails": [w.row("guardrails", name="No secrets")["slug"]]}
    ),
    "update_input_guardrail_workspace_exclusions": seeded(
        lambda w: {
            "organisation_id": w.organisation,
            "workspaces": [{"workspace_id": w.support, "excluded": True}],
        }
    ),
    "update_output_guardrail_workspace_exclusions": seeded(
        lambda w: {
            "organisation_id": w.organisation,
            "workspaces": [{"workspace_id": w.support, "excluded": True}],
        }
    ),
    "create_secret_reference": fixed(**SECRET_REFERENCE),
    "update_secret_reference": of(
        "secret_reference", "id", name="Other", tags={"a": "b"}, secret_path="kv/other"
    ),
    "delete_secret_reference": of("secret_reference", "id"),
    "create_integration": fixed(name="Mine", ai_provider_id="openai", key="sk-mine-0123456789"),
    "update_integration": of("integration", "slug", name="Other", description="x"),
    "delete_integration": of("integration", "slug"),
    "update_integration_models": fixed(
        slug="openai",
        models=[{"slug": "gpt-5", "enabled": False}, {"slug": "o3", "enabled": False}],
    ),
    "delete_integration_model": _custom_model,
    "update_integration_workspaces": seeded(
        lambda w: {
            "slug": "openai",
            "workspaces": [
                {"id": w.row("workspaces", name="Science")["slug"], "enabled": False},
                {"id": w.row("workspaces", name="Support")["slug"], "enabled": True},
            ],
        }
    ),
    "create_provider": seeded(
        lambda w: {
            "name": "Mine",
            "integration_id": "openai",
            "workspace_id": w.row("workspaces", name="Science")["id"],
        }
    ),
    "update_provider": of("provider", "slug", name="Other", note="x"),
    "delete_provider": of("provider", "slug"),
    "create_virtual_key": fixed(name="Mine", provider="openai", key="sk-mine-0123456789"),
    "update_virtual_key": of("virtual_key", "slug", name="Other", note="x", credit_limit=5),
    "delete_virtual_key": of("virtual_key", "slug"),
    "create_guardrail": seeded(lambda w: {**GUARDRAIL, "workspace_id": w.support}),
    "update_guardrail": of(
        "guardrail",
        "guardrail_id",
        name="Other",
        checks=[{"id": "default.contains", "parameters": {"words": ["x"], "operator": "any"}}],
        actions={"deny": False},
    ),
    "delete_guardrail": of("guardrail", "guardrail_id"),
    "replace_guardrail_mcp_servers": seeded(
        lambda w: {
            "guardrail_id": w.row("guardrails")["id"],
            "mcp_servers": {w.row("mcp_servers")["id"]: {"run_on": ["input"]}},
        }
    ),
    "upsert_guardrail_mcp_server": seeded(
        lambda w: {
            "guardrail_id": w.row("guardrails")["id"],
            "mcp_server_id": w.row("mcp_servers")["id"],
            "run_on": ["input"],
        }
    ),
    "create_config": seeded(
        lambda w: {"name": "Mine", "config": CONFIG, "workspace_id": w.support}
    ),
    "update_config": of("config", "slug", name="Other", config={"cache": {"mode": "simple"}}),
    "delete_config": of("config", "slug"),
    "create_api_key": fixed(**API_KEY),
    "update_api_key": of(
        "api_key",
        "id",
        name="Other",
        description="x",
        scopes=["logs.view"],
        credit_limit=5,
        default_metadata={"a": "b"},
    ),
    "delete_api_key": of("api_key", "id"),
    "rotate_api_key": of("api_key", "id"),
    "create_collection": seeded(lambda w: {"name": "Mine", "workspace_id": w.support}),
    "update_collection": of("collection", "collection_id", name="Other"),
    "delete_collection": of("collection", "collection_id"),
    "create_prompt_label": seeded(lambda w: {"name": "mine", "workspace_id": w.support}),
    "update_prompt_label": of(
        "label", "label_id", name="other", description="x", color_code="#22C55E"
    ),
    "delete_prompt_label": of("label", "label_id"),
    "create_prompt_partial": fixed(name="Mine", string="one"),
    "delete_prompt_partial": of("partial", "prompt_partial_id"),
    "delete_prompt": of("prompt", "prompt_id"),
    "create_usage_limit": seeded(
        lambda w: {**CONDITIONS, "type": "cost", "credit_limit": 5, "workspace_id": w.support}
    ),
    "update_usage_limit": of("usage_limit", "id", name="Other", credit_limit=200),
    "delete_usage_limit": of("usage_limit", "id"),
    "reset_usage_limit_entity": _entity,
    "create_rate_limit": seeded(
        lambda w: {
            **CONDITIONS,
            "type": "requests",
            "unit": "rpm",
            "value": 5,
            "workspace_id": w.support,
        }
    ),
    "update_rate_limit": of("rate_limit", "id", name="Other", value=20, unit="rph"),
    "delete_rate_limit": of("rate_limit", "id"),
    "create_mcp_integration": fixed(**MCP_INTEGRATION),
    "update_mcp_integration": of("mcp_integration", "id", name="Other", description="x"),
    "delete_mcp_integration": of("mcp_integration", "id"),
    "create_mcp_server": seeded(
        lambda w: {"name": "Mine", "mcp_integration_id": "github", "workspace_id": w.support}
    ),
    "update_mcp_server": of("mcp_server", "id", name="Other", description="x"),
    "delete_mcp_server": of("mcp_server", "id"),
    "update_mcp_server_user_access": seeded(
        lambda w: {
            "id": "support-github",
            "users": [{"user_id": w.user("Diego"), "enabled": False}],
            "default_user_access": "deny",
        }
    ),
    "disconnect_mcp_server_connection": seeded(
        lambda w: {"id": "support-github", "user_id": w.user("Emi")}
    ),
    "insert_log": fixed(request_url="https://api.example/v1", response_status=200),
    "create_log_export": seeded(
        lambda w: {**DAY, "requested_fields": ["id"], "workspace_id": w.support}
    ),
    "start_log_export": of("export", "export_id"),
    "cancel_log_export": _running_export,
    "create_feedback": fixed(trace_id="t", value=1),
    "update_feedback": _feedback,
    "register_deployment": fixed(name="Mine"),
    "update_deployment": of("deployment", "id", name="Other", type="non_production"),
    "archive_deployment": of("deployment", "id"),
    "delete_workspace": of("workspace", "workspace_id"),
    "create_prompt": World.prompt_draft,
    "update_prompt": of("prompt", "prompt_id", name="Other", string="Shout {{word}}"),
    "publish_prompt": _publish_prompt,
    "update_prompt_version": _label_version,
    "run_prompt_completion": _completion,
    "update_mcp_integration_capabilities": fixed(
        id="github", capabilities=[{"name": "triage", "type": "prompt", "enabled": False}]
    ),
    "update_mcp_integration_workspaces": seeded(
        lambda w: {
            "id": "github",
            "workspaces": [
                {"id": w.support, "enabled": False},
                {"id": w.row("workspaces", name="Science")["id"], "enabled": True},
            ],
        }
    ),
    "update_mcp_server_capabilities": fixed(
        id="support-github", capabilities=[{"name": "triage", "type": "prompt", "enabled": False}]
    ),
    "update_prompt_partial": of("partial", "prompt_partial_id", name="Other", string="two"),
    "publish_partial": _publish_partial,
    "migrate_prompt": _migrate_over,
    "promote_prompt": _promote,
    "update_log_export": of(
        "export", "export_id", cost_min=2, time_of_generation_max="2026-10-28T12:00:00Z"
    ),
}
