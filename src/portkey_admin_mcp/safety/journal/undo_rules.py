"""How each change is undone, as data: by the request that was sent, not by the tool that sent it.

A source says where a value comes from: `after.id` is a field of the object after the change,
`before.…` of the object before it, `ids.…` of the request's path, `body.…` of what was sent, and
`=active` is that text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """Undone by a call of `tool` with arguments from these sources."""

    tool: str
    arguments: Mapping[str, str]
    lost: str = ""
    """What does not come back although the change is undone, in a sentence."""


@dataclass(frozen=True)
class Rows:
    """Items of a list that a request changes, and the same items in the object before it.

    `body` is the list in the body, `before` that in the object; `keys` name an item. An item
    that was there has `present` beside its own fields, one that was not is set to `absent`.
    """

    body: str
    before: str
    keys: tuple[str, ...]
    present: Mapping[str, Any] = field(default_factory=dict)
    absent: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Former:
    """Undone by a call of `tool` with the former values of the fields that were sent."""

    tool: str
    rows: Rows | None = None
    inside: str = ""
    """The field of the body and of the object in which the fields are, if they are in one."""
    not_undone: tuple[str, ...] = ()
    """Fields whose effect cannot be undone by sending a former value."""
    skipped: tuple[str, ...] = ()
    """Fields that say how a change is made, and change nothing themselves."""
    lost: str = ""


@dataclass(frozen=True)
class Again:
    """Undone by creating the deleted object again with `tool`; it gets a new id."""

    tool: str
    without: tuple[str, ...] = ()
    """Arguments that are not taken from the deleted object."""
    lost: str = "it gets a new id"


@dataclass(frozen=True)
class Switches:
    """Undone by a call of `tool` that names the switches to turn on again, and those to turn off.

    `inside` is the field of the body and of the object that holds all switches.
    """

    tool: str
    inside: str
    on: str
    off: str


@dataclass(frozen=True)
class Never:
    """Not undone, and why."""

    why: str


Rule = Call | Former | Again | Switches | Never

GONE = "what is deleted cannot be restored"
SECRET_GONE = "its secret cannot come back; create another, and hand out the new secret"  # noqa: S105
SENT = "what was sent cannot be taken back"
LABEL_MOVED = "if the label was on another version before, it is put back there by another call"
NEW_VERSION = "it makes a new version from the one that was published; none is removed"

RULES: dict[str, Rule] = {
    # users
    "PUT /admin/users/{user_id}": Former("update_user"),
    "DELETE /admin/users/{user_id}": Never(
        "the person must be invited again; their API keys and memberships are gone"
    ),
    "POST /admin/users/invites": Call("delete_user_invite", {"invite_id": "after.id"}),
    "DELETE /admin/users/invites/{invite_id}": Again(
        "invite_user",
        lost="it gets a new id and link, without the workspaces and the key, which Portkey does "
        "not show",
    ),
    "POST /admin/users/invites/{invite_id}/resend": Never(SENT),
    # workspaces
    "POST /admin/workspaces": Call("delete_workspace", {"workspace_id": "after.id"}),
    "PUT /admin/workspaces/{workspace_id}": Former("update_workspace"),
    "DELETE /admin/workspaces/{workspace_id}": Never(GONE),
    "POST /admin/workspaces/{workspace_id}/users": Call(
        "remove_workspace_member",
        {"workspace_id": "ids.workspace_id", "user_id": "body.users.0.id"},
    ),
    "PUT /admin/workspaces/{workspace_id}/users/{user_id}": Former("update_workspace_member"),
    "DELETE /admin/workspaces/{workspace_id}/users/{user_id}": Call(
        "add_workspace_member",
        {"workspace_id": "ids.workspace_id", "user_id": "ids.user_id", "role": "before.role"},
    ),
    # scim
    "POST /scim/workspaces": Call("delete_scim_workspace_mapping", {"mapping_id": "after.id"}),
    "DELETE /scim/workspaces/{mapping_id}": Call(
        "create_scim_workspace_mapping",
        {
            "workspace_id": "before.workspace_id",
            "scim_group_id": "before.scim_group_id",
            "role": "before.role",
        },
        lost="it gets a new id",
    ),
    # organisation
    "PUT /v2/admin/organisation/defaults": Former("update_organisation_defaults"),
    "PUT /workspace-exclusions/input-guardrails": Former(
        "update_input_guardrail_workspace_exclusions",
        Rows("workspaces", "data", ("workspace_id",), {"excluded": True}, {"excluded": False}),
        skipped=("override_existing",),
    ),
    "PUT /workspace-exclusions/output-guardrails": Former(
        "update_output_guardrail_workspace_exclusions",
        Rows("workspaces", "data", ("workspace_id",), {"excluded": True}, {"excluded": False}),
        skipped=("override_existing",),
    ),
    # secret references
    "POST /secret-references": Call("delete_secret_reference", {"id": "after.id"}),
    "PUT /secret-references/{id}": Former("update_secret_reference"),
    "DELETE /secret-references/{id}": Never("its credentials were masked, and cannot come back"),
    # integrations
    "POST /integrations": Call("delete_integration", {"slug": "after.slug"}),
    "PUT /integrations/{slug}": Former("update_integration"),
    "DELETE /integrations/{slug}": Never("its credentials were masked, and cannot come back"),
    "PUT /integrations/{slug}/models": Former(
        "update_integration_models",
        Rows("models", "models", ("slug",), absent={"enabled": False}),
        lost="a model that was added stays in the list, disabled",
    ),
    "DELETE /integrations/{slug}/models": Never(
        "a custom model is added again with `update_integration_models`"
    ),
    "PUT /integrations/{slug}/workspaces": Former(
        "update_integration_workspaces",
        Rows("workspaces", "workspaces", ("id",), absent={"enabled": False}),
        not_undone=("create_default_provider", "default_provider_slug"),
        skipped=("override_existing_workspace_access",),
    ),
    # providers, virtual keys
    "POST /providers": Call("delete_provider", {"slug": "after.slug"}),
    "PUT /providers/{slug}": Former("update_provider", not_undone=("reset_usage",)),
    "DELETE /providers/{slug}": Never(GONE),
    "POST /virtual-keys": Call("delete_virtual_key", {"slug": "after.slug"}),
    "PUT /virtual-keys/{slug}": Former("update_virtual_key"),
    "DELETE /virtual-keys/{slug}": Never("the provider's key was masked, and cannot come back"),
    # guardrails
    "POST /guardrails": Call("delete_guardrail", {"guardrail_id": "after.id"}),
    "PUT /guardrails/{guardrail_id}": Former("update_guardrail"),
    "DELETE /guardrails/{guardrail_id}": Again(
        "create_guardrail", lost="it gets a new id and slug, which configs must name"
    ),
    "PUT /guardrails/{guardrail_id}/mcp-servers": Former("replace_guardrail_mcp_servers"),
    "PUT /guardrails/{guardrail_id}/mcp-servers/{mcp_server_id}": Call(
        "replace_guardrail_mcp_servers",
        {"guardrail_id": "ids.guardrail_id", "mcp_servers": "before.mcp_servers"},
    ),
    # configs
    "POST /configs": Call("delete_config", {"slug": "after.slug"}),
    "PUT /configs/{slug}": Former("update_config"),
    "DELETE /configs/{slug}": Again(
        "create_config", lost="it gets a new slug, and its older versions are gone"
    ),
    # API keys
    "POST /api-keys/{type}/{sub_type}": Call("delete_api_key", {"id": "after.id"}),
    "PUT /api-keys/{id}": Former("update_api_key", not_undone=("reset_usage",)),
    "DELETE /api-keys/{id}": Never(SECRET_GONE),
    "POST /api-keys/{id}/rotate": Never("the old secret cannot come back"),
    # prompts and what belongs to them
    "POST /collections": Call("delete_collection", {"collection_id": "after.id"}),
    "PUT /collections/{collection_id}": Former("update_collection"),
    "DELETE /collections/{collection_id}": Never(GONE),
    "POST /labels": Call("delete_prompt_label", {"label_id": "after.id"}),
    "PUT /labels/{label_id}": Former("update_prompt_label"),
    "DELETE /labels/{label_id}": Again(
        "create_prompt_label", lost="it gets a new id, and no version has it any more"
    ),
    "POST /prompts/partials": Call("delete_prompt_partial", {"prompt_partial_id": "after.id"}),
    "PUT /prompts/partials/{prompt_partial_id}": Former(
        "update_prompt_partial",
        skipped=("description", "version_description"),
        lost=NEW_VERSION,
    ),
    "PUT /prompts/partials/{prompt_partial_id}/makeDefault": Call(
        "publish_partial",
        {"prompt_partial_id": "ids.prompt_partial_id", "version": "before.version"},
    ),
    "DELETE /prompts/partials/{prompt_partial_id}": Never(GONE),
    "POST /prompts": Call("delete_prompt", {"prompt_id": "after.id"}),
    "PUT /prompts/{prompt_id}": Former(
        "update_prompt", skipped=("patch", "version_description"), lost=NEW_VERSION
    ),
    "PUT /prompts/{prompt_id}/makeDefault": Call(
        "publish_prompt", {"prompt_id": "ids.prompt_id", "version": "before.prompt_version"}
    ),
    "PUT /prompts/{prompt_id}/versions/{version_id}": Call(
        "update_prompt_version",
        {
            "prompt_id": "ids.prompt_id",
            "version_id": "ids.version_id",
            "label_id": "before.label_id",
        },
        lost=LABEL_MOVED,
    ),
    "DELETE /prompts/{prompt_id}": Never(GONE),
    "POST /prompts/{prompt_id}/completions": Never("a model has answered, and that is billed"),
    # budgets and limits
    "POST /policies/usage-limits": Call("delete_usage_limit", {"id": "after.id"}),
    "PUT /policies/usage-limits/{id}": Former(
        "update_usage_limit", not_undone=("reset_usage_for_value",)
    ),
    "DELETE /policies/usage-limits/{id}": Again(
        "create_usage_limit",
        without=("next_usage_reset_at",),
        lost="it gets a new id, and counts from 0",
    ),
    "PUT /policies/usage-limits/{limit_id}/entities/{entity_id}/reset": Never(
        "what was used cannot be set"
    ),
    "POST /policies/rate-limits": Call("delete_rate_limit", {"id": "after.id"}),
    "PUT /policies/rate-limits/{id}": Former("update_rate_limit"),
    "DELETE /policies/rate-limits/{id}": Again("create_rate_limit"),
    # MCP
    "POST /mcp-integrations": Call("delete_mcp_integration", {"id": "after.id"}),
    "PUT /mcp-integrations/{id}": Former("update_mcp_integration"),
    "DELETE /mcp-integrations/{id}": Never(GONE),
    "PUT /mcp-integrations/{id}/capabilities": Former(
        "update_mcp_integration_capabilities", Rows("capabilities", "data", ("name", "type"))
    ),
    "PUT /mcp-integrations/{id}/workspaces": Former(
        "update_mcp_integration_workspaces",
        Rows("workspaces", "workspaces", ("id",), absent={"enabled": False}),
        skipped=("override_existing_workspace_access",),
    ),
    "POST /mcp-servers": Call("delete_mcp_server", {"id": "after.id"}),
    "PUT /mcp-servers/{id}": Former("update_mcp_server"),
    "DELETE /mcp-servers/{id}": Never(GONE),
    "PUT /mcp-servers/{id}/capabilities": Former(
        "update_mcp_server_capabilities", Rows("capabilities", "data", ("name", "type"))
    ),
    "PUT /mcp-servers/{id}/user-access": Former(
        "update_mcp_server_user_access", Rows("user_access", "data", ("user_id",))
    ),
    "DELETE /mcp-servers/{id}/connections": Never("the person must sign in again"),
    # logs and feedback
    "POST /logs": Never("a log cannot be deleted"),
    "POST /logs/exports": Never("an export cannot be deleted; a draft does nothing by itself"),
    "PUT /logs/exports/{export_id}": Former("update_log_export", inside="filters"),
    "POST /logs/exports/{export_id}/start": Call(
        "cancel_log_export", {"export_id": "ids.export_id"}
    ),
    "POST /logs/exports/{export_id}/cancel": Never("a stopped export does not start again"),
    "POST /feedback": Never("feedback cannot be deleted"),
    "PUT /feedback/{id}": Never("Portkey does not show feedback, so its old value is not known"),
    # deployments
    "POST /v2/deployments": Call("archive_deployment", {"id": "after.id"}),
    "PUT /v2/deployments/{id}": Former(
        "update_deployment",
        not_undone=(
            "rotate_auth",
            "workspaces_allowed",
            "jwt_subs_allowed",
            "jwt_sub_workspace_mapping",
            "remove_workspaces_allowed",
            "remove_subs_allowed",
            "allow_all_workspaces",
        ),
        skipped=("override_existing",),
    ),
    "DELETE /v2/deployments/{id}": Call("update_deployment", {"id": "ids.id", "status": "=active"}),
}
"""The rule of each request that changes something; a test finds one that is missing."""


def undo_in_short(endpoint: str) -> dict[str, str]:
    """How a change is undone, for its line in the journal: `{tool}` or `{not_possible}`."""
    rule = RULES.get(endpoint, Never("no rule says how"))
    return {"not_possible": rule.why} if isinstance(rule, Never) else {"tool": rule.tool}


RULES_BY_FIELD: dict[tuple[str, str], Rule] = {
    ("PUT /admin/workspaces/{workspace_id}", "security_settings"): Switches(
        "update_workspace_security_settings", "security_settings", on="allow", off="deny"
    ),
}
"""The rules of requests that another tool sends to the same endpoint, by a field of their body."""
