"""MCP servers of workspaces: their capabilities, who may use them, and who is connected."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid, not_found, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.store import instant, moment
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .mcp_integrations import capabilities_of, may_use
from .shared.mcp_capabilities import (
    CapabilityBody,
    capability_key,
    capability_page,
    connection_test,
    disabled,
    has_more,
    mcp_list,
)

NOT_IN_DETAILS = ("owner_id", "organisation_id")
GATEWAY = "https://mcp.portkey.ai"
TABLES = (
    Table(
        "mcp_servers",
        (
            OWNED_BY_WORKSPACE,
            Reference("mcp_integration_id", "mcp_integrations", OnDelete.DELETE),
            Reference("_users", "users", OnDelete.CLEAR),
            Reference("_connections", "users", OnDelete.CLEAR),
        ),
    ),
)


class ServerBody(Body):
    """The body of an MCP server, new or changed."""

    name: str | None = None
    mcp_integration_id: str | None = None
    slug: str | None = Field(None, min_length=3, max_length=50)
    description: str | None = None


class UserAccess(Body):
    """Whether one user may use an MCP server."""

    user_id: str
    enabled: bool


class UserAccessBody(Body):
    """Which users may use an MCP server, and whether the others may."""

    user_access: list[UserAccess] = []
    default_user_access: Literal["allow", "deny"] | None = None


@route("GET /mcp-servers", scope="mcp_servers.list")
def list_mcp_servers(call: Call) -> Row:
    """The MCP servers of a workspace."""
    server_id, search = call.query.get("id"), call.query.get("search", "").lower()
    return call.listing(
        call.table("mcp_servers").where(workspace_id=call.workspace()["id"]),
        keep=lambda row: server_id in (None, row["id"]) and search in row["name"].lower(),
        render=lambda row: _list_entry(call, row),
        default_size=100,
    )


@route("POST /mcp-servers", scope="mcp_servers.create")
def create_mcp_server(call: Call) -> Row:
    """Create an MCP server of an MCP integration that the workspace may use."""
    workspace, body = call.workspace(), call.read(ServerBody)
    if not body.name or not body.mcp_integration_id:
        raise invalid("mcp_integration_id" if body.name else "name", "Field required")
    integration = call.find("mcp_integrations", body.mcp_integration_id)
    if not may_use(integration, workspace):
        raise forbidden()
    slug = body.slug or call.store.slug("mcps", body.name, 10)
    if call.table("mcp_servers").find(slug):
        raise Refusal(409, "MCP server with this slug already exists")
    row = call.table("mcp_servers").add(
        {
            "id": call.store.uuid(),
            "slug": slug,
            "name": body.name,
            "description": body.description or "",
            "status": "active",
            "created_at": call.store.stamp(),
            "owner_id": call.author,
            "organisation_id": call.organisation,
            "workspace_id": workspace["id"],
            "mcp_integration_id": integration["id"],
            "_disabled": [],
            "_default": "allow",
            "_users": {},
            "_connections": {},
        }
    )
    return {"id": row["id"], "slug": slug}


@route("GET /mcp-servers/{id}", scope="mcp_servers.read")
def get_mcp_server(call: Call) -> Row:
    """One MCP server, with its MCP integration."""
    row = _find(call)
    integration = _integration(call, row)
    details = {name: integration[name] for name in ("id", "slug", "name", "url", "auth_type")}
    server = {name: value for name, value in public(row).items() if name not in NOT_IN_DETAILS}
    return {**server, "mcp_integration_details": details}


@route("PUT /mcp-servers/{id}", scope="mcp_servers.update")
def update_mcp_server(call: Call) -> Row:
    """Change name and description."""
    row, body = _find(call), call.read(ServerBody)
    changes = body.model_dump(include={"name", "description"}, exclude_none=True)
    call.table("mcp_servers").change(row, changes)
    return {}


@route("DELETE /mcp-servers/{id}", scope="mcp_servers.delete")
def delete_mcp_server(call: Call) -> Row:
    """Delete an MCP server; its MCP integration stays."""
    call.store.delete("mcp_servers", _find(call))
    return {}


@route("POST /mcp-servers/{id}/test", scope="mcp_servers.update")
def test_mcp_server(call: Call) -> Row:
    """Test the connection; answers 200 even if the MCP server is unreachable."""
    return connection_test(_integration(call, _find(call))["url"])


@route("GET /mcp-servers/{id}/capabilities", scope="mcp_servers.read")
def list_mcp_server_capabilities(call: Call) -> Row:
    """The capabilities; one that the MCP integration disables is disabled here too."""
    row = _find(call)
    integration = _integration(call, row)
    rows = []
    for each in capabilities_of(integration):
        key = capability_key(each)
        in_integration = key not in integration["_disabled"]
        capability = {name: each[name] for name in ("name", "type", "title", "description")}
        enabled = in_integration and key not in row["_disabled"]
        rows.append({**capability, "enabled": enabled, "integration_enabled": in_integration})
    return capability_page(call, rows)


@route("PUT /mcp-servers/{id}/capabilities", scope="mcp_servers.update")
def update_mcp_server_capabilities(call: Call) -> Row:
    """Enable or disable capabilities in this workspace.

    One that the MCP integration disables stays disabled.
    """
    row, body = _find(call), call.read(CapabilityBody)
    integration = _integration(call, row)
    names = disabled(body.capabilities, row["_disabled"], capabilities_of(integration))
    call.table("mcp_servers").change(row, {"_disabled": names})
    return {"success": True}


@route("GET /mcp-servers/{id}/user-access", scope="mcp_servers.read")
def list_mcp_server_user_access(call: Call) -> Row:
    """The access of each member of the workspace."""
    row, search = _find(call), call.query.get("search", "").lower()
    people = call.table("users")
    page = call.listing(
        call.table("members").where(workspace_id=row["workspace_id"]),
        keep=lambda member: search in str(people[member["user_id"]]["email"]).lower(),
        render=lambda member: _access(call, row, member["user_id"]),
        parameters=("page", "page_size"),
        max_size=500,
        default_size=100,
        first_page=1,
    )
    return {**mcp_list(call, page), "default_user_access": row["_default"]}


@route("PUT /mcp-servers/{id}/user-access", scope="mcp_servers.update")
def update_mcp_server_user_access(call: Call) -> Row:
    """Set the access of the named users, and the default for the others.

    Refused for a user who cannot use the workspace at all, who would gain nothing (an assumption).
    """
    row, body = _find(call), call.read(UserAccessBody)
    for access in body.user_access:
        user = call.find("users", access.user_id)
        member = call.table("members").get(f"{row['workspace_id']}/{user['id']}")
        if member is None and user["role"] == "member":
            raise not_found("member of the MCP server's workspace:", access.user_id)
    users = {access.user_id: access.enabled for access in body.user_access}
    default = body.default_user_access or row["_default"]
    changes = {"_users": {**row["_users"], **users}, "_default": default}
    call.table("mcp_servers").change(row, changes)
    return {"success": True}


@route("GET /mcp-servers/{id}/connections", scope="mcp_servers.read")
def list_mcp_server_connections(call: Call) -> Row:
    """The connections of all users; for a user's key, those of that user."""
    row, requested_user = _find(call), call.query.get("user_id")
    own = call.key["user_id"] if call.key["type"] == "workspace-user" else None
    rows = [
        {
            "user_id": user_id,
            "connected": connected,
            "created_at": row["created_at"],
            "last_updated_at": row["created_at"],
        }
        for user_id, connected in row["_connections"].items()
        if own in (None, user_id) and requested_user in (None, user_id)
    ]
    page = call.listing(rows, max_size=500, default_size=100)
    return {"data": page["data"], "total": page["total"], "has_more": has_more(call, page)}


@route("DELETE /mcp-servers/{id}/connections", scope="mcp_servers.update")
def disconnect_mcp_server_connection(call: Call) -> Row:
    """Remove a connection; a service key must name the user."""
    row, user_id = _find(call), call.query.get("user_id")
    if call.key["type"] == "workspace-user":
        user_id = call.key["user_id"]
    if not user_id:
        raise invalid("user_id", "Field required")
    if user_id not in row["_connections"]:
        raise not_found("connection of the user", user_id)
    others = {name: on for name, on in row["_connections"].items() if name != user_id}
    call.table("mcp_servers").change(row, {"_connections": others})
    return {"success": True}


@route("GET /mcp-servers/{id}/metadata", scope="mcp_servers.read")
def get_mcp_server_metadata(call: Call) -> Row:
    """Always pending: no gateway connects to the MCP server here."""
    _find(call)
    return {"server_name": None, "server_version": None, "sync_status": "pending"}


@route("GET /mcp-servers/{id}/user-access/check", scope="mcp_servers.read")
def check_mcp_server_access(call: Call) -> Row:
    """Whether the user of this key has access; a service key always has (an assumption)."""
    row, user_id = _find(call), call.key["user_id"]
    person = call.key["type"] == "workspace-user"
    return {"has_access": _access(call, row, user_id)["enabled"] if person else True}


@route("GET /v0.1/servers", scope="mcp_servers.list", base="root")
def list_mcp_registry(call: Call) -> Row:
    """The MCP servers as `server.json`, newest first, paged by a cursor (registry page)."""
    workspace = call.named_workspace() if call.is_admin else call.workspace()
    since, search = _since(call), call.query.get("search", "").lower()
    rows = [
        row
        for row in reversed(call.table("mcp_servers").rows())
        if row["created_at"] >= since
        and search in row["name"].lower()
        and (workspace is None or row["workspace_id"] == workspace["id"])
    ]
    start, limit = call.query_number("cursor", 0) or 0, call.query_number("limit", 50) or 0
    if not 1 <= limit <= 100:
        raise invalid("limit", "must be from 1 to 100")
    shown = rows[start : start + limit]
    more = {"nextCursor": str(start + limit)} if start + limit < len(rows) else {}
    servers = [
        {
            "server": {
                "name": f"ai.portkey/{row['slug']}",
                "description": row["description"],
                "version": "1.0.0",
                "remotes": [{"type": "streamable-http", "url": _url(row)}],
            }
        }
        for row in shown
    ]
    return {"servers": servers, "metadata": {"count": len(shown), **more}}


def _since(call: Call) -> str:
    text = call.query.get("updated_since")
    try:
        return moment(instant(text)) if text else ""
    except ValueError:
        raise invalid("updated_since", "must be a time in ISO 8601") from None


def _find(call: Call) -> Row:
    return call.find("mcp_servers", call.ids["id"])


def _integration(call: Call, row: Row) -> Row:
    return call.table("mcp_integrations")[row["mcp_integration_id"]]


def _url(row: Row) -> str:
    return f"{GATEWAY}/{row['slug']}/mcp"


def _list_entry(call: Call, row: Row) -> dict[str, Any]:
    integration = _integration(call, row)
    workspace = call.table("workspaces")[row["workspace_id"]]
    return {
        **public(row),
        "mcp_integration_slug": integration["slug"],
        "mcp_integration_url": integration["url"],
        "auth_type": integration["auth_type"],
        "workspace_name": workspace["name"],
        "workspace_slug": workspace["slug"],
        "url": _url(row),
    }


def _access(call: Call, row: Row, user_id: str) -> dict[str, Any]:
    user = call.table("users")[user_id]
    connected = row["_connections"].get(user_id, False)
    return {
        "user_id": user_id,
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "enabled": row["_users"].get(user_id, row["_default"] == "allow"),
        "has_override": user_id in row["_users"],
        "connection_status": "connected" if connected else "not_connected",
    }


def seed(seeder: Seeder) -> None:
    """One MCP server in the workspace Support, to which Emi is connected."""
    support = seeder.workspace_named("Support")["id"]
    body = {"name": "Support GitHub", "slug": "support-github", "mcp_integration_id": "github"}
    server = seeder.request("POST /mcp-servers", {**body, "workspace_id": support})
    emi = seeder.user_named("Emi")["id"]
    seeder.change("mcp_servers", server["id"], {"_connections": {emi: True}})
