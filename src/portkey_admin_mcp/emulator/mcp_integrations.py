"""MCP integrations, their capabilities, and the workspaces that may use them."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid, list_answer, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.mcp_capabilities import (
    CapabilityBody,
    capability_key,
    capability_page,
    connection_test,
    disabled,
    has_more,
)
from .shared.mcp_catalogue import capabilities_by_kind
from .shared.secret_mappings import McpSecretMapping, mapped_by, stored_mcp_mappings
from .shared.workspace_access import AccessBody

TABLES = (
    Table(
        "mcp_integrations",
        (
            OWNED_BY_WORKSPACE,
            Reference("_workspaces", "workspaces", OnDelete.CLEAR),
            mapped_by("An MCP integration"),
        ),
    ),
)
SECRETS = ("secret", "token", "password", "key")
"""What the name of a masked setting contains."""


def integration_scopes(action: str) -> tuple[str, str]:
    """The scopes for an action on MCP integrations: of the organisation, and of a workspace."""
    return (f"organisation_mcp_integrations.{action}", f"workspace_mcp_integrations.{action}")


class IntegrationBody(Body):
    """The body of an MCP integration, new or changed."""

    name: str | None = None
    description: str | None = None
    url: str | None = Field(None, pattern=r"^https?://")
    auth_type: Literal["oauth_auto", "headers", "none"] | None = None
    transport: Literal["http", "sse"] | None = None
    slug: str | None = Field(None, pattern=r"^[a-zA-Z0-9_-]{1,255}$")
    configurations: dict[str, Any] | None = None
    secret_mappings: list[McpSecretMapping] | None = None
    organisation_id: str | None = None


@route("GET /mcp-integrations", scope=integration_scopes("list"))
def list_mcp_integrations(call: Call) -> Row:
    """The MCP integrations of the organisation, and those of the workspace in the query.

    For a workspace's key, those that its workspace may use (an assumption).
    """
    kind, search = call.query.get("type", "all"), call.query.get("search", "").lower()
    named = call.named_workspace() if call.is_admin else call.workspace()
    page = call.listing(
        call.table("mcp_integrations").rows(),
        keep=lambda row: (
            kind in ("all", row["type"])
            and search in row["name"].lower()
            and _is_shown(call, row, named)
        ),
        render=_answer,
        max_size=1000,
        default_size=100,
    )
    return {**page, "has_more": has_more(call, page)}


@route("POST /mcp-integrations", scope=integration_scopes("create"))
def create_mcp_integration(call: Call) -> Row:
    """Create an MCP integration of the key's or the named workspace, otherwise of the organisation.

    A key of the organisation need not name the organisation (the Terraform provider's tests).
    """
    body = call.read(IntegrationBody)
    for name in ("name", "url", "auth_type", "transport"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    workspace_id = _owner(call, body)
    _require(call, "create", workspace_id)
    slug = body.slug or call.store.slug("mcp", body.name or "", 10)
    if call.table("mcp_integrations").find(slug):
        raise Refusal(409, "MCP integration with this slug already exists")
    now = call.store.stamp()
    row = {
        "id": call.store.uuid(),
        "name": body.name,
        "description": body.description or "",
        "owner_id": call.author,
        "status": "active",
        "created_at": now,
        "last_updated_at": now,
        "configurations": body.configurations or {},
        "workspace_id": workspace_id,
        "slug": slug,
        "url": body.url,
        "auth_type": body.auth_type,
        "transport": body.transport,
        "type": "organisation" if workspace_id is None else "workspace",
        "secret_mappings": stored_mcp_mappings(call, body.secret_mappings, workspace_id),
        "global_workspace_access": {"enabled": False},
        "_disabled": [],
        "_workspaces": {},
    }
    call.table("mcp_integrations").add(row)
    return {"id": row["id"], "slug": slug}


@route("GET /mcp-integrations/{id}", scope=integration_scopes("read"))
def get_mcp_integration(call: Call) -> Row:
    """One MCP integration, with secrets masked."""
    return _answer(_find(call, "read"))


@route("PUT /mcp-integrations/{id}", scope=integration_scopes("update"))
def update_mcp_integration(call: Call) -> Row:
    """Change the given fields; the slug cannot change."""
    row, body = _find(call, "update"), call.read(IntegrationBody)
    not_changed = {"slug", "organisation_id", "secret_mappings"}
    changes = body.model_dump(exclude=not_changed, exclude_none=True)
    changes |= {"last_updated_at": call.store.stamp()}
    if body.secret_mappings is not None:
        changes["secret_mappings"] = stored_mcp_mappings(
            call, body.secret_mappings, row["workspace_id"]
        )
    call.table("mcp_integrations").change(row, changes)
    return {}


@route("DELETE /mcp-integrations/{id}", scope=integration_scopes("delete"))
def delete_mcp_integration(call: Call) -> Row:
    """Delete an MCP integration, with its MCP servers."""
    row = _find(call, "delete")
    call.store.delete("mcp_integrations", row)
    return {}


@route("GET /mcp-integrations/{id}/metadata", scope=integration_scopes("read"))
def get_mcp_integration_metadata(call: Call) -> Row:
    """Always pending: no gateway connects to the MCP server here."""
    _find(call, "read")
    return {
        "server_name": None,
        "server_version": None,
        "protocol_version": None,
        "capability_flags": None,
        "sync_status": "pending",
        "last_synced_at": None,
        "sync_error": None,
    }


@route("GET /mcp-integrations/{id}/capabilities", scope=integration_scopes("read"))
def list_mcp_integration_capabilities(call: Call) -> Row:
    """The capabilities, and which of them are enabled."""
    row = _find(call, "read")
    return capability_page(call, [
        {**each, "enabled": capability_key(each) not in row["_disabled"]}
        for each in capabilities_of(row)
    ])  # fmt: skip


@route("PUT /mcp-integrations/{id}/capabilities", scope=integration_scopes("update"))
def update_mcp_integration_capabilities(call: Call) -> Row:
    """Enable or disable capabilities, for all MCP servers of this integration."""
    row, body = _find(call, "update"), call.read(CapabilityBody)
    disabled_names = disabled(body.capabilities, row["_disabled"], capabilities_of(row))
    call.table("mcp_integrations").change(row, {"_disabled": disabled_names})
    return {"success": True}


@route("GET /mcp-integrations/{id}/workspaces", scope=integration_scopes("read"))
def list_mcp_integration_workspaces(call: Call) -> Row:
    """The workspaces with an access of their own; in `data` if the query asks for a version."""
    row = _find(call, "read")
    workspaces = list_answer(
        {
            "id": workspace_id,
            "enabled": enabled,
            "status": "active",
            "created_at": row["created_at"],
            "last_updated_at": row["last_updated_at"],
        }
        for workspace_id, enabled in row["_workspaces"].items()
    )
    access = {"global_workspace_access": row["global_workspace_access"]}
    if "version" in call.query:
        return {"data": workspaces["data"], "total": workspaces["total"], **access}
    return {"workspaces": workspaces["data"], **access, "object": "integration"}


@route("PUT /mcp-integrations/{id}/workspaces", scope=integration_scopes("update"))
def update_mcp_integration_workspaces(call: Call) -> Row:
    """Change the access of the named workspaces; others keep theirs unless overridden.

    Grants of an integration that belongs to a workspace are accepted and have no effect (an
    assumption): a client then has to notice by itself.
    """
    row, body = _find(call, "update"), call.read(AccessBody)
    access_by_workspace = (
        {} if body.override_existing_workspace_access else dict(row["_workspaces"])
    )
    for access in body.workspaces:
        workspace = call.table("workspaces").find(access.id)
        if workspace is None:
            raise forbidden()
        access_by_workspace[workspace["id"]] = access.enabled
    changes: dict[str, Any] = {"_workspaces": access_by_workspace}
    if body.global_workspace_access is not None:
        changes["global_workspace_access"] = body.global_workspace_access.model_dump()
    call.table("mcp_integrations").change(row, changes)
    return {}


@route("POST /mcp-integrations/{id}/test", scope=integration_scopes("update"))
def test_mcp_integration(call: Call) -> Row:
    """Test the connection; answers 200 even if the MCP server is unreachable."""
    return connection_test(_find(call, "update")["url"])


def capabilities_of(integration: Row) -> list[dict[str, Any]]:
    """The capabilities of an MCP integration, in the form of the OpenAPI file."""
    return [
        {
            "name": name,
            "type": kind,
            "title": name.replace("_", " ").capitalize(),
            "description": description,
            "created_at": integration["created_at"],
            "last_updated_at": integration["last_updated_at"],
        }
        for name, kind, description in capabilities_by_kind(integration)
    ]


def may_use(integration: Row, workspace: Row) -> bool:
    """Whether a workspace may create MCP servers of an MCP integration."""
    if integration["workspace_id"] is not None:
        return bool(integration["workspace_id"] == workspace["id"])
    default_access = integration["global_workspace_access"]["enabled"]
    return bool(integration["_workspaces"].get(workspace["id"], default_access))


def _is_shown(call: Call, row: Row, workspace: Row | None) -> bool:
    if not call.is_admin:
        return may_use(row, call.workspace())
    return workspace is None or row["workspace_id"] in (None, workspace["id"])


def _owner(call: Call, body: IntegrationBody) -> str | None:
    named = call.named_workspace() if call.is_admin else call.workspace()
    if not call.is_admin and body.organisation_id:
        raise forbidden()
    if body.organisation_id not in (None, call.organisation) and not call.is_owner:
        raise forbidden()
    return None if named is None else str(named["id"])


def _require(call: Call, action: str, workspace_id: str | None) -> None:
    """Allow only keys of the organisation with the scope to use its MCP integrations."""
    organisations, _workspaces = integration_scopes(action)
    if workspace_id is None:
        if not call.is_admin:
            raise forbidden()
        call.require(organisations)


def _find(call: Call, action: str) -> Row:
    """The MCP integration, if this key may do this.

    A workspace's key may read those that its workspace may use (an assumption).
    """
    row = call.find("mcp_integrations", call.ids["id"])
    if action == "read" and not call.is_admin:
        if not may_use(row, call.workspace()):
            raise forbidden()
    else:
        _require(call, action, row["workspace_id"])
    return row


def _answer(row: Row) -> dict[str, Any]:
    """An MCP integration in answers, with headers and other secrets masked (an assumption)."""
    settings = {
        name: "*****" if any(part in name for part in SECRETS) else value
        for name, value in row["configurations"].items()
    }
    if headers := settings.get("custom_headers"):
        settings["custom_headers"] = dict.fromkeys(headers, "*****")
    return {**public(row), "configurations": settings}


def seed(seeder: Seeder) -> None:
    """One MCP integration of the organisation, which the workspace Support may use."""
    integration = seeder.request(
        "POST /mcp-integrations",
        {
            "name": "GitHub",
            "slug": "github",
            "url": "https://mcp.github.example",
            "auth_type": "oauth_auto",
            "transport": "http",
            "organisation_id": seeder.organisation,
        },
    )
    support = seeder.workspace_named("Support")["id"]
    seeder.request(
        "PUT /mcp-integrations/{id}/workspaces",
        {"workspaces": [{"id": support, "enabled": True}]},
        id=integration["id"],
    )
