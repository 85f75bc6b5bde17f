"""Integrations: credentials for AI providers, their models, and the workspaces with access."""

from typing import Any

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid, not_found, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .model_catalog import PRICES, ModelsBody, models_of
from .shared.provider_configurations import check_configurations
from .shared.secret_mappings import (
    SecretMapping,
    mapped_by,
    masked,
    masked_secret,
    stored_mappings,
)
from .shared.workspace_access import Share, SharesBody
from .virtual_keys import new_key

DEFAULT_PROVIDER_NOTE = "Created automatically on integration access grant"
TABLES = (
    Table(
        "integrations",
        (
            OWNED_BY_WORKSPACE,
            Reference("_shares", "workspaces", OnDelete.CLEAR),
            mapped_by("An integration"),
        ),
    ),
)


class IntegrationBody(Body):
    """The body of an integration, new or changed."""

    name: str | None = None
    ai_provider_id: str | None = None
    slug: str | None = Field(None, max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")
    key: str | None = None
    description: str | None = None
    configurations: dict[str, Any] | None = None
    create_default_provider: bool = True
    default_provider_slug: str | None = None
    secret_mappings: list[SecretMapping] | None = None
    pricing_adjustments: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None


def integration_scopes(action: str) -> tuple[str, str]:
    """The scopes for an action on integrations: of the organisation, and of a workspace.

    An integration of a workspace can be changed with either scope, one of the organisation only
    with the first (an assumption).
    """
    return (f"organisation_integrations.{action}", f"workspace_integrations.{action}")


@route("GET /integrations", scope=integration_scopes("list"))
def list_integrations(call: Call) -> Row:
    """All integrations, or those that the workspace in the query may use."""
    kind = call.query.get("type", "all")
    named = call.named_workspace() if call.is_admin else call.workspace()
    return call.listing(
        call.table("integrations").rows(),
        keep=lambda row: (
            kind in ("all", "workspace" if row["workspace_id"] else "organisation")
            and (named is None or may_use(row, named))
        ),
        render=_list_entry,
    )


@route("POST /integrations", scope=integration_scopes("create"))
def create_integration(call: Call) -> Row:
    """Create an integration: of the key's or the named workspace, otherwise of the organisation."""
    body = call.read(IntegrationBody)
    if not body.name or not body.ai_provider_id:
        raise invalid("ai_provider_id" if body.name else "name", "Field required")
    check_configurations(body.ai_provider_id or "", body.configurations)
    named = call.named_workspace() if call.is_admin else call.workspace()
    if named is None:
        call.require(integration_scopes("create")[0])
    mappings = stored_mappings(call, body.secret_mappings, "configurations", named)
    mapped = {each["target_field"] for each in mappings}
    if not body.key and "key" not in mapped and not body.configurations:
        raise invalid("key", "Field required")
    slug = body.slug or call.store.slug("", body.name or "", 20).removeprefix("-")
    if call.table("integrations").find(slug):
        raise Refusal(409, "Integration with this slug already exists")
    now = call.store.stamp()
    row = call.table("integrations").add(
        {
            "id": call.store.uuid(),
            "organisation_id": call.organisation,
            "ai_provider_id": body.ai_provider_id,
            "name": body.name,
            "status": "active",
            "created_at": now,
            "last_updated_at": now,
            "slug": slug,
            "description": body.description or "",
            "workspace_id": None if named is None else named["id"],
            "configurations": body.configurations or {},
            "allow_all_models": True,
            "secret_mappings": mappings,
            "pricing_adjustments": body.pricing_adjustments,
            "tags": body.tags or {},
            "_key": body.key or "",
            "_models": {},
            "_shares": {},
            "_global": {"enabled": False},
        }
    )
    if named is not None:
        _share(call, row, named, {"enabled": True}, body)
    return {"id": row["id"], "slug": slug}


@route("GET /integrations/{slug}", scope=integration_scopes("read"))
def get_integration(call: Call) -> Row:
    """One integration, with its key and other secrets masked."""
    row = _find(call)
    return {
        **public(row),
        "type": _type(row),
        "object": "integration",
        "masked_key": masked_secret(row["_key"]),
        "configurations": masked(row["configurations"]),
        "global_workspace_access_settings": row["_global"],
        "workspace_count": sum(share["enabled"] for share in row["_shares"].values()),
    }


@route("PUT /integrations/{slug}", scope=integration_scopes("update"))
def update_integration(call: Call) -> Row:
    """Change the given fields; null removes adjusted prices."""
    row, body = _find_for(call, "update"), call.read(IntegrationBody)
    fields = {"name", "description", "tags"}
    changes = body.model_dump(include=fields, exclude_none=True)
    if body.secret_mappings is not None:
        workspace = call.table("workspaces").get(row["workspace_id"])
        changes["secret_mappings"] = stored_mappings(
            call, body.secret_mappings, "configurations", workspace
        )
    changes |= body.model_dump(include={"pricing_adjustments"}, exclude_unset=True)
    if body.configurations is not None:
        changes["configurations"] = {**row["configurations"], **body.configurations}
        check_configurations(row["ai_provider_id"], changes["configurations"])
    if body.key:
        changes["_key"] = body.key
    changes["last_updated_at"] = call.store.stamp()
    call.table("integrations").change(row, changes)
    return {}


@route("DELETE /integrations/{slug}", scope=integration_scopes("delete"))
def delete_integration(call: Call) -> Row:
    """Delete an integration, with its providers (an assumption)."""
    call.store.delete("integrations", _find_for(call, "delete"))
    return {}


@route("GET /integrations/{slug}/models", scope=integration_scopes("read"))
def list_integration_models(call: Call) -> Row:
    """The built-in and the custom models; this list has no paging."""
    row = _find(call)
    models = models_of(row)
    return {
        "total": len(models),
        "models": models,
        "allow_all_models": row["allow_all_models"],
    }


@route("PUT /integrations/{slug}/models", scope=integration_scopes("update"))
def update_integration_models(call: Call) -> Row:
    """Change the named models, and add custom ones."""
    row, body = _find_for(call, "update"), call.read(ModelsBody)
    built_in = PRICES.get(row["ai_provider_id"], {})
    for model in body.models:
        exists = model.slug in built_in or model.slug in row["_models"]
        if not (exists or model.is_custom or model.is_finetune):
            raise invalid("models", f"{model.slug} is neither built in nor custom")
    models = {m.slug: m.model_dump(exclude_none=True) for m in body.models}
    old = row["_models"]
    merged = {**old, **{name: {**old.get(name, {}), **new} for name, new in models.items()}}
    changes: dict[str, Any] = {"_models": merged}
    if body.allow_all_models is not None:
        changes["allow_all_models"] = body.allow_all_models
    call.table("integrations").change(row, changes)
    return {}


@route("DELETE /integrations/{slug}/models", scope=integration_scopes("update"))
def delete_integration_model(call: Call) -> Row:
    """Delete custom models, named in the query or (as one client does) in the body."""
    row = _find_for(call, "update")
    slugs_in_body = call.body.get("models", []) if isinstance(call.body, dict) else []
    slugs = [*filter(None, call.query.get("slugs", "").split(",")), *slugs_in_body]
    if not slugs:
        raise invalid("slugs", "Field required")
    built_in = PRICES.get(row["ai_provider_id"], {})
    for slug in slugs:
        if slug in built_in:
            raise invalid("slugs", f"{slug} is built in")
        if slug not in row["_models"]:
            raise not_found("custom model", slug)
    models = {name: model for name, model in row["_models"].items() if name not in slugs}
    call.table("integrations").change(row, {"_models": models})
    return {}


@route("GET /integrations/{slug}/workspaces", scope=integration_scopes("read"))
def list_integration_workspaces(call: Call) -> Row:
    """The workspaces with an access of their own, by slug; this list has no paging."""
    row, workspaces = _find(call), call.table("workspaces")
    shares = [{"id": workspaces[each]["slug"], **share} for each, share in row["_shares"].items()]
    return {
        "total": len(shares),
        "workspaces": shares,
        "global_workspace_access": row["_global"],
    }


@route("PUT /integrations/{slug}/workspaces", scope=integration_scopes("update"))
def update_integration_workspaces(call: Call) -> Row:
    """Change the access of the named workspaces.

    The others keep theirs, unless they are overridden. An integration of a workspace cannot be
    shared with others.
    """
    row, body = _find_for(call, "update"), call.read(SharesBody)
    changes: dict[str, Any] = {}
    if body.override_existing_workspace_access:
        changes["_shares"] = {}
    if body.global_workspace_access is not None:
        if row["workspace_id"] is not None and body.global_workspace_access.enabled:
            raise invalid("global_workspace_access", "the integration is of one workspace")
        changes["_global"] = body.global_workspace_access.model_dump(exclude_none=True)
    row = call.table("integrations").change(row, changes)
    for share in body.workspaces:
        workspace = call.table("workspaces").find(share.id)
        if workspace is None or row["workspace_id"] not in (None, workspace["id"]):
            raise forbidden()
        share_values = share.model_dump(
            include={"enabled", "usage_limits", "rate_limits"}, exclude_unset=True
        )
        row = _share(call, row, workspace, share_values, share, body)
    return {}


def may_use(integration: Row, workspace: Row) -> bool:
    """Whether a workspace may create providers of an integration."""
    if integration["workspace_id"] is not None:
        return bool(integration["workspace_id"] == workspace["id"])
    share = integration["_shares"].get(workspace["id"])
    return bool(integration["_global"]["enabled"] if share is None else share["enabled"])


def add_provider(
    call: Call, integration: Row, workspace: Row, name: str, slug: str, note: str
) -> Row:
    """Add a provider, which is stored as a virtual key, its older name."""
    if call.table("virtual_keys").find(slug):
        raise invalid("slug", "already exists")
    key = new_key(call, workspace, name, integration["ai_provider_id"], slug=slug, note=note)
    return call.table("virtual_keys").add({**key, "integration_id": integration["id"]})


def _share(
    call: Call,
    row: Row,
    workspace: Row,
    share_values: Row,
    *bodies: IntegrationBody | Share | SharesBody,
) -> Row:
    """Set the access of a workspace, and create its default provider unless a body says not to."""
    old = row["_shares"].get(workspace["id"], {})
    shares = {**row["_shares"], workspace["id"]: {**old, **share_values}}
    row = call.table("integrations").change(row, {"_shares": shares})
    creates_provider = next(
        s.create_default_provider for s in bodies if s.create_default_provider is not None
    )
    providers = call.table("virtual_keys").where(
        integration_id=row["id"], workspace_id=workspace["id"]
    )
    if share_values["enabled"] and creates_provider and not len(providers):
        requested_slug = next(
            (s.default_provider_slug for s in bodies if s.default_provider_slug), ""
        )
        slug = requested_slug or row["slug"]
        if not requested_slug and call.table("virtual_keys").find(slug):
            slug = call.store.slug("", slug, 40).removeprefix("-")
        add_provider(call, row, workspace, row["name"], slug, DEFAULT_PROVIDER_NOTE)
    return row


def _find(call: Call) -> Row:
    """The integration, if this key's workspace may use it."""
    row = call.find("integrations", call.ids["slug"])
    if not call.is_admin and not may_use(row, call.workspace()):
        raise forbidden()
    return row


def _find_for(call: Call, action: str) -> Row:
    """The integration, if this key has the scope to do this."""
    row = _find(call)
    if row["workspace_id"] is None:
        call.require(integration_scopes(action)[0])
    return row


def _list_entry(row: Row) -> dict[str, Any]:
    names = (
        "id", "organisation_id", "workspace_id", "ai_provider_id", "name", "status", "created_at",
        "last_updated_at", "slug", "description", "tags",
    )  # fmt: skip
    return {**{name: row[name] for name in names}, "type": _type(row), "object": "integration"}


def _type(row: Row) -> str:
    return "workspace" if row["workspace_id"] else "organisation"


def seed(seeder: Seeder) -> None:
    """One integration of the organisation, which the workspace Science may use."""
    integration = seeder.request(
        "POST /integrations",
        {"name": "OpenAI", "slug": "openai", "ai_provider_id": "openai", "key": "sk-not-a-key"},
    )
    science = seeder.workspace_named("Science")["id"]
    share = {"id": science, "enabled": True, "create_default_provider": False}
    body = {"workspaces": [share]}
    seeder.request("PUT /integrations/{slug}/workspaces", body, slug=integration["slug"])
