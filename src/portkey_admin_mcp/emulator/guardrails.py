"""Guardrails, their versions, and the MCP servers for which they run."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import forbidden, invalid, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.versions import Versions

VERSIONS = Versions("guardrail_versions", "guardrails")
TABLES = (
    Table(
        "guardrails",
        (OWNED_BY_WORKSPACE, Reference("_mcp_servers", "mcp_servers", OnDelete.CLEAR)),
    ),
    VERSIONS.declaration,
)
DEFAULT_ACTIONS: dict[str, Any] = {
    "deny": False,
    "async": False,
    "on_success": {"feedback": {"value": 5, "weight": 1, "metadata": ""}},
    "on_fail": {"feedback": {"value": -5, "weight": 1, "metadata": ""}},
}


def guardrail_scopes(action: str) -> tuple[str, str]:
    """The scopes for an action on guardrails: of a workspace, and of the organisation."""
    return (f"guardrails.{action}", f"organisation_guardrails.{action}")


class Check(Body):
    """One check. Ids and parameters are not validated: every release adds some."""

    id: str = Field(min_length=1)
    name: str | None = None
    is_enabled: bool = True
    parameters: dict[str, Any] = {}


class GuardrailBody(Body):
    """The body of a guardrail, new or changed."""

    name: str | None = None
    checks: list[Check] | None = Field(None, min_length=1)
    actions: dict[str, Any] | None = None
    organisation_id: str | None = None
    target: Literal["llm", "mcp_tools"] | None = None


class Mapping(Body):
    """Whether a guardrail runs on the input or the output of an MCP server."""

    run_on: list[Literal["input", "output"]] = Field(["input", "output"], min_length=1)
    mcp_integration_capability_ids: list[str] | None = None


class Mappings(Body):
    """The MCP servers of a guardrail, by id or slug."""

    mcp_servers: dict[str, Mapping]


@route("GET /guardrails", scope=guardrail_scopes("list"))
def list_guardrails(call: Call) -> Row:
    """The guardrails of a workspace, or of the organisation if the query names it."""
    for_organisation = _is_for_organisation(call, call.query.get("organisation_id"))
    workspace_id = None if for_organisation else call.workspace()["id"]
    _require(call, "list", workspace_id)
    ids = call.query["ids"].split(",") if "ids" in call.query else None
    return call.listing(
        call.table("guardrails").where(workspace_id=workspace_id),
        keep=None if ids is None else lambda row: row["id"] in ids or row["slug"] in ids,
        max_size=1000,
        default_size=100,
    )


@route("POST /guardrails", scope=guardrail_scopes("create"))
def create_guardrail(call: Call) -> Row:
    """Create a guardrail; its first version is published."""
    body = call.read(GuardrailBody)
    for_organisation = _is_for_organisation(call, body.organisation_id)
    workspace_id = None if for_organisation else call.workspace()["id"]
    _require(call, "create", workspace_id)
    for name in ("name", "checks", "actions"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    now = call.store.stamp()
    row = call.table("guardrails").add(
        {
            "id": call.store.uuid(),
            "name": body.name,
            "slug": call.store.slug("pg", body.name or "", 6),
            "organisation_id": call.organisation,
            "workspace_id": workspace_id,
            "status": "active",
            "created_at": now,
            "last_updated_at": now,
            "owner_id": call.author,
            "updated_by": call.author,
            # Only the TypeScript server sends it; that answers contain it is an assumption.
            "target": body.target or "llm",
        }
    )
    return _written(row, VERSIONS.add(call, row, _content(body, {}), publish=True))


@route("GET /guardrails/{guardrail_id}", scope=guardrail_scopes("read"))
def get_guardrail(call: Call) -> Row:
    """One guardrail, in its published version."""
    row = _find(call, "read")
    return {**public(row), **VERSIONS.published(call, row)["content"]}


@route("PUT /guardrails/{guardrail_id}", scope=guardrail_scopes("update"))
def update_guardrail(call: Call) -> Row:
    """Change a guardrail; every update makes a version and publishes it."""
    row, body = _find(call, "update"), call.read(GuardrailBody)
    changes = body.model_dump(include={"name"}, exclude_none=True)
    changes |= {"last_updated_at": call.store.stamp(), "updated_by": call.author}
    row = call.table("guardrails").change(row, changes)
    content = _content(body, VERSIONS.published(call, row)["content"])
    return _written(row, VERSIONS.add(call, row, content, publish=True))


@route("DELETE /guardrails/{guardrail_id}", scope=guardrail_scopes("delete"))
def delete_guardrail(call: Call) -> Row:
    """Delete a guardrail with all versions. The answer has a body, which both SDKs parse."""
    row = _find(call, "delete")
    call.store.delete("guardrails", row)
    return {}


@route("GET /guardrails/{guardrail_id}/mcp-servers", scope=guardrail_scopes("list"))
def list_guardrail_mcp_servers(call: Call) -> Row:
    """The MCP servers of a guardrail, in the form in which they are set (an assumption)."""
    return {"mcp_servers": _find(call, "list").get("_mcp_servers", {})}


@route("PUT /guardrails/{guardrail_id}/mcp-servers", scope=guardrail_scopes("update"))
def replace_guardrail_mcp_servers(call: Call) -> Row:
    """Replace all MCP servers of a guardrail."""
    row, body = _find(call, "update"), call.read(Mappings).mcp_servers
    servers = {_server(call, row, name): _stored(each) for name, each in body.items()}
    call.table("guardrails").change(row, {"_mcp_servers": servers})
    return {}


@route(
    "PUT /guardrails/{guardrail_id}/mcp-servers/{mcp_server_id}", scope=guardrail_scopes("update")
)
def upsert_guardrail_mcp_server(call: Call) -> Row:
    """Add or replace one MCP server of a guardrail."""
    row, body = _find(call, "update"), call.read(Mapping)
    server = _server(call, row, call.ids["mcp_server_id"])
    servers = {**row.get("_mcp_servers", {}), server: _stored(body)}
    call.table("guardrails").change(row, {"_mcp_servers": servers})
    return {}


def _server(call: Call, guardrail: Row, name: str) -> str:
    """The id of an MCP server by id or slug; refused with 400 if it is in another workspace."""
    server = call.find("mcp_servers", name)
    if guardrail["workspace_id"] not in (None, server["workspace_id"]):
        raise invalid("mcp_servers", f"{name} is in another workspace")
    return str(server["id"])


def _stored(mapping: Mapping) -> dict[str, Any]:
    return mapping.model_dump(exclude_none=True)


def _is_for_organisation(call: Call, organisation_id: str | None) -> bool:
    """Whether the request is about the guardrails of the organisation, not of a workspace."""
    if not organisation_id or call.named_workspace() is not None:
        return False
    if not call.is_admin or (organisation_id != call.organisation and not call.is_owner):
        raise forbidden()
    return True


def _require(call: Call, action: str, workspace_id: str | None) -> None:
    """Refuse a key without the scope; only keys of the organisation may use its guardrails."""
    if workspace_id is None and not call.is_admin:
        raise forbidden()
    workspaces, organisations = guardrail_scopes(action)
    call.require(organisations if workspace_id is None else workspaces)


def _find(call: Call, action: str) -> Row:
    row = call.find("guardrails", call.ids["guardrail_id"])
    _require(call, action, row["workspace_id"])
    return row


def _content(body: GuardrailBody, before: Row) -> dict[str, Any]:
    checks = before.get("checks", [])
    if body.checks is not None:
        # Portkey omits is_enabled if it is true (seen by the Terraform provider).
        checks = [
            {k: v for k, v in check.model_dump(exclude_none=True).items() if v is not True}
            for check in body.checks
        ]
    actions = {**DEFAULT_ACTIONS, **before.get("actions", {}), **(body.actions or {})}
    for name in ("on_success", "on_fail"):
        feedback = actions[name].get("feedback", {}) if isinstance(actions[name], dict) else {}
        actions[name] = {"feedback": {**DEFAULT_ACTIONS[name]["feedback"], **feedback}}
    return {"checks": checks, "actions": actions}


def _written(row: Row, version: Row) -> dict[str, Any]:
    return {"id": row["id"], "slug": row["slug"], "version_id": version["id"]}


def seed(seeder: Seeder) -> None:
    """One guardrail in the workspace Support, and one of the organisation."""
    support = seeder.workspace_named("Support")["id"]
    for name, check, owner in (
        ("Short answers", "default.wordCount", {"workspace_id": support}),
        ("No secrets", "default.regexMatch", {"organisation_id": seeder.organisation}),
    ):
        parameters = {"maxWords": 300} if "word" in check else {"rule": "sk-[A-Za-z0-9]{20,}"}
        checks = [{"id": check, "parameters": parameters}]
        body = {"name": name, "checks": checks, "actions": {"deny": True}, **owner}
        seeder.request("POST /guardrails", body)
