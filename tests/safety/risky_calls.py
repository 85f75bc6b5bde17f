"""A real call of high risk for each tool that may be of high risk, on the seeded emulator.

`RISKY[tool](Finder(emulator))` returns arguments with which the tool's risk is high: `auto` asks a
person. The call succeeds once the person agrees. `LESS_RISKY` has, for the tools whose risk depends
on the call, arguments with which it is not high: nobody is asked.

Ids are the same in every emulator of the seed `acme`, so those of `Finder(Emulator("acme"))` fit
another process too, but for the calls in `NEEDS_SETUP`: their functions first change the emulator
that they are given (not through `emulator.answer` as a fixture may have replaced it, so the change
is not among those that a test counts).
"""

import json
from collections.abc import Callable
from typing import Any

from portkey_admin_mcp.emulator.core.app import Emulator

Arguments = dict[str, Any]
SECRET = "sk-canary-of-a-risky-call"


class Finder:
    """Finds the seeded objects by their name, for a person."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def row(self, table: str, **fields: Any) -> dict[str, Any]:
        """The first row with these fields, as the emulator keeps it."""
        rows = self._emulator.store.table(table).rows()
        return next(row for row in rows if fields.items() <= row.items())

    def id(self, table: str, name: str) -> str:
        """The id of the object with this name."""
        return str(self.row(table, name=name)["id"])

    def slug(self, table: str, name: str) -> str:
        """The slug of the object with this name."""
        return str(self.row(table, name=name)["slug"])

    def user(self, first_name: str) -> str:
        """The id of a user."""
        return str(self.row("users", first_name=first_name)["id"])

    @property
    def organisation(self) -> str:
        """The id of the organisation."""
        return str(self.row("labels", name="production")["organisation_id"])

    def send(self, method: str, target: str, body: Arguments) -> dict[str, Any]:
        """Change the emulator before the call, with the key that may do everything."""
        headers = {"x-portkey-api-key": self._emulator.keys()["owner"]}
        content = json.dumps(body).encode()
        status, _, answer = type(self._emulator).answer(
            self._emulator, method, target, headers, content
        )
        assert status == 200, answer
        return dict(json.loads(answer))


def _member(find: Finder) -> Arguments:
    return {"workspace_id": find.id("workspaces", "Support"), "user_id": find.user("Diego")}


def _custom_model(find: Finder) -> Arguments:
    slug = find.slug("integrations", "OpenAI")
    model = {"slug": "mine", "enabled": True, "is_custom": True, "base_model_slug": "gpt-5"}
    find.send("PUT", f"/v1/integrations/{slug}/models", {"models": [model]})
    return {"slug": slug, "model_slug": "mine"}


def _used_guardrail(find: Finder) -> Arguments:
    slug = find.slug("guardrails", "Short answers")
    target = f"/v1/admin/workspaces/{find.id('workspaces', 'Support')}"
    find.send("PUT", target, {"defaults": {"input_guardrails": [slug]}})
    return {"guardrail_id": slug}


def _used_label(find: Finder) -> Arguments:
    label = find.id("labels", "reviewed")
    prompt = find.row("prompts", name="Reply to customer")
    version = find.row("prompt_versions", parent_id=prompt["id"])["id"]
    target = f"/v1/prompts/{prompt['slug']}/versions/{version}"
    find.send("PUT", target, {"label_id": label})
    return {"label_id": label}


def _unused_config(find: Finder) -> Arguments:
    workspace = find.id("workspaces", "Support")
    body = {"name": "Unused", "config": {"retry": {"attempts": 2}}, "workspace_id": workspace}
    created = find.send("POST", "/v1/configs", body)
    return {"slug": created.get("slug") or created["data"]["slug"]}


def _provider(find: Finder) -> Arguments:
    workspace = find.id("workspaces", "Science")
    body = {"name": "OpenAI for all", "integration_id": "openai", "workspace_id": workspace}
    return {"slug": find.send("POST", "/v1/providers", body)["slug"], "workspace_id": workspace}


def _empty_collection(find: Finder) -> Arguments:
    body = {"name": "Drafts", "workspace_id": find.id("workspaces", "Support")}
    return {"collection_id": find.send("POST", "/v1/collections", body)["id"]}


def _exclusions(find: Finder) -> Arguments:
    science = find.id("workspaces", "Science")
    return {
        "organisation_id": find.organisation,
        "workspaces": [{"workspace_id": science, "excluded": True}],
    }


def _shares(find: Finder, *, enabled: bool) -> Arguments:
    workspace = find.id("workspaces", "Science")
    return {
        "slug": find.slug("integrations", "OpenAI"),
        "workspaces": [{"id": workspace, "enabled": enabled}],
    }


def _mcp_shares(find: Finder, *, enabled: bool) -> Arguments:
    workspace = find.id("workspaces", "Support")
    return {
        "id": find.id("mcp_integrations", "GitHub"),
        "workspaces": [{"id": workspace, "enabled": enabled}],
    }


def _access(find: Finder, *, enabled: bool) -> Arguments:
    return {
        "id": find.id("mcp_servers", "Support GitHub"),
        "users": [{"user_id": find.user("Emi"), "enabled": enabled}],
    }


def _key(find: Finder, **changes: Any) -> Arguments:
    return {"id": find.id("api_keys", "Dashboard"), **changes}


def _new_key(find: Finder, type: str) -> Arguments:
    scopes = {"organisation": ["workspaces.read"], "workspace": ["completions.write"]}
    arguments = {"type": type, "sub_type": "service", "name": "CI", "scopes": scopes[type]}
    if type == "workspace":
        arguments["workspace_id"] = find.id("workspaces", "Support")
    return arguments


RISKY: dict[str, Callable[[Finder], Arguments]] = {
    "delete_user": lambda find: {"user_id": find.user("Emi")},
    "remove_workspace_member": _member,
    "delete_workspace": lambda find: {
        "workspace_id": find.id("workspaces", "Support"),
        "force_delete": True,
    },
    "delete_scim_workspace_mapping": lambda find: {
        "mapping_id": find.row("scim_mappings", scim_group="Support staff")["id"]
    },
    "update_organisation_defaults": lambda find: {
        "input_guardrails": [find.slug("guardrails", "No secrets")]
    },
    "update_input_guardrail_workspace_exclusions": _exclusions,
    "update_output_guardrail_workspace_exclusions": _exclusions,
    "update_secret_reference": lambda find: {
        "id": find.slug("secret_references", "OpenAI key"),
        "auth_config": {
            "vault_auth_type": "token",
            "vault_addr": "https://vault.acme.example",
            "vault_token": SECRET,
        },
    },
    "delete_secret_reference": lambda find: {"id": find.slug("secret_references", "OpenAI key")},
    "update_integration": lambda find: {
        "slug": find.slug("integrations", "OpenAI"),
        "key": SECRET,
    },
    "delete_integration": lambda find: {"slug": find.slug("integrations", "OpenAI")},
    "delete_integration_model": _custom_model,
    "update_integration_workspaces": lambda find: _shares(find, enabled=False),
    "delete_provider": _provider,
    "update_virtual_key": lambda find: {
        "slug": find.slug("virtual_keys", "OpenAI main"),
        "key": SECRET,
    },
    "delete_virtual_key": lambda find: {"slug": find.slug("virtual_keys", "OpenAI shared")},
    "delete_guardrail": _used_guardrail,
    "delete_config": lambda find: {"slug": find.slug("configs", "Cached answers")},
    "create_api_key": lambda find: _new_key(find, "organisation"),
    "update_api_key": lambda find: _key(find, scopes=["completions.write"]),
    "delete_api_key": _key,
    "rotate_api_key": _key,
    "delete_collection": _empty_collection,
    "delete_prompt_label": _used_label,
    "delete_prompt_partial": lambda find: {"prompt_partial_id": find.slug("partials", "Closing")},
    "delete_prompt": lambda find: {"prompt_id": find.slug("prompts", "Reply to customer")},
    "delete_usage_limit": lambda find: {"id": find.id("usage_limits", "Per person")},
    "update_mcp_integration": lambda find: {
        "id": find.id("mcp_integrations", "GitHub"),
        "auth_type": "headers",
        "custom_headers": {"authorization": SECRET},
    },
    "delete_mcp_integration": lambda find: {"id": find.id("mcp_integrations", "GitHub")},
    "update_mcp_integration_workspaces": lambda find: _mcp_shares(find, enabled=False),
    "delete_mcp_server": lambda find: {"id": find.id("mcp_servers", "Support GitHub")},
    "update_mcp_server_user_access": lambda find: _access(find, enabled=False),
    "disconnect_mcp_server_connection": lambda find: {
        "id": find.id("mcp_servers", "Support GitHub"),
        "user_id": find.user("Emi"),
    },
    "update_deployment": lambda find: {
        "id": find.id("deployments", "Europe"),
        "rotate_auth": True,
    },
    "archive_deployment": lambda find: {"id": find.id("deployments", "Europe")},
    "update_config": lambda find: {
        "slug": find.slug("configs", "Cached answers"),
        "status": "inactive",
    },
    "update_provider": lambda find: {**_provider(find), "expires_at": "2026-12-01T00:00:00Z"},
    "update_prompt_label": lambda find: {
        "label_id": find.id("labels", "reviewed"),
        "name": "approved",
    },
    "update_prompt_partial": lambda find: {
        "prompt_partial_id": find.slug("partials", "Closing"),
        "status": "archived",
    },
    "update_integration_models": lambda find: {
        "slug": "openai",
        "models": [
            {
                "slug": "mine",
                "enabled": True,
                "is_custom": True,
                "base_model_slug": "gpt-5",
                "configurations": {"custom_host": "https://llm.example"},
            }
        ],
    },
    "update_user": lambda find: {"user_id": find.user("Emi"), "role": "admin"},
    "invite_user": lambda _find: {"email": "new@acme.example", "role": "admin"},
}
"""Arguments of a call of high risk, by tool."""

LESS_RISKY: dict[str, Callable[[Finder], Arguments]] = {
    "update_secret_reference": lambda find: {
        "id": find.slug("secret_references", "OpenAI key"),
        "description": "Of the platform team",
    },
    "update_integration": lambda find: {
        "slug": find.slug("integrations", "OpenAI"),
        "description": "Of the platform team",
    },
    "update_integration_workspaces": lambda find: _shares(find, enabled=True),
    "update_virtual_key": lambda find: {
        "slug": find.slug("virtual_keys", "OpenAI main"),
        "note": "Of the platform team",
    },
    "delete_guardrail": lambda find: {"guardrail_id": find.slug("guardrails", "Short answers")},
    "delete_config": _unused_config,
    "create_api_key": lambda find: _new_key(find, "workspace"),
    "update_api_key": lambda find: _key(find, name="Dashboards"),
    "delete_prompt_label": lambda find: {"label_id": find.id("labels", "reviewed")},
    "delete_rate_limit": lambda find: {"id": find.id("rate_limits", "Per key")},
    "delete_user_invite": lambda find: {"invite_id": find.row("invites")["id"]},
    "update_mcp_integration": lambda find: {
        "id": find.id("mcp_integrations", "GitHub"),
        "description": "Code",
    },
    "update_mcp_integration_workspaces": lambda find: _mcp_shares(find, enabled=True),
    "update_mcp_server_user_access": lambda find: _access(find, enabled=True),
    "update_deployment": lambda find: {
        "id": find.id("deployments", "Europe"),
        "tags": {"region": "west"},
    },
    "update_config": lambda find: {
        "slug": find.slug("configs", "Cached answers"),
        "name": "Cached",
    },
    "update_provider": lambda find: {**_provider(find), "note": "Of the platform team"},
    "update_prompt_label": lambda find: {
        "label_id": find.id("labels", "reviewed"),
        "description": "Read by a second person",
    },
    "update_prompt_partial": lambda find: {
        "prompt_partial_id": find.slug("partials", "Closing"),
        "string": "Bye",
    },
    "update_integration_models": lambda find: {
        "slug": "openai",
        "models": [{"slug": "gpt-5", "enabled": False}],
    },
    "update_user": lambda find: {"user_id": find.user("Ben"), "role": "member"},
    "invite_user": lambda _find: {"email": "new@acme.example", "role": "member"},
}
"""Arguments of a call that is not of high risk, for each tool whose risk depends on its call."""

NEEDS_SETUP = frozenset(
    (
        "delete_integration_model",
        "delete_provider",
        "update_provider",
        "delete_guardrail",
        "delete_collection",
        "delete_prompt_label",
    )
)
"""Tools whose function in `RISKY` first changes the emulator (in `LESS_RISKY`:
`delete_config` and `update_provider`)."""
