"""Deployments. Portkey does not document their answers: fields and form are assumptions."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import Table
from .shared.filters import tag_filter

TABLES = (Table("deployments"),)
LIST_FIELDS = ("workspaces_allowed", "jwt_subs_allowed")


class AuthSettings(Body):
    """The addresses of a gateway, and who may use it."""

    gateway_base_url: str | None = None
    mcp_gateway_base_url: str | None = None
    is_dataservice_hosted: Literal[0, 1] | None = None
    is_playground_proxy_allowed: Literal[0, 1] | None = None
    workspaces_allowed: list[str] | None = None
    jwt_subs_allowed: list[str] | None = None
    jwt_sub_workspace_mapping: dict[str, str] | None = None
    allow_all_workspaces: bool | None = None
    remove_workspaces_allowed: list[str] | None = None
    remove_subs_allowed: list[str] | None = None


class DeploymentBody(Body):
    """The body of a deployment, new or changed."""

    name: str | None = None
    organisation_id: str | None = None
    slug: str | None = Field(None, min_length=1, max_length=50)
    type: Literal["production", "non_production"] | None = None
    status: Literal["active", "archived"] | None = None
    deployment_config: dict[str, Any] | None = None
    is_default: bool | None = None
    rotate_auth: bool | None = None
    override_existing: bool | None = None
    tags: dict[str, str] | None = None
    auth_settings: AuthSettings | None = None


@route("GET /v2/deployments", scope="deployments.list", who="admin", base="root", enterprise=True)
def list_deployments(call: Call) -> Row:
    """The active deployments, or those with the `status` in the query."""
    _check_organisation(call, call.query.get("organisation_id"))
    return call.listing(call.table("deployments").rows(), keep=_filter(call), render=_answer)


@route(
    "POST /v2/deployments", scope="deployments.create", who="admin", base="root", enterprise=True
)
def register_deployment(call: Call) -> Row:
    """Create a deployment. Only this answer, and that of a rotation, contains the credentials."""
    body = call.read(DeploymentBody)
    _check_organisation(call, body.organisation_id)
    if not body.name:
        raise invalid("name", "Field required")
    slug = body.slug or call.store.slug("dp", body.name, 10)
    if call.table("deployments").find(slug):
        raise Refusal(409, "Deployment with this slug already exists")
    now, secret = call.store.stamp(), call.store.secret()
    row = {
        "id": call.store.uuid(),
        "slug": slug,
        "name": body.name,
        "type": body.type or "production",
        "status": "active",
        "deployment_config": body.deployment_config,
        "is_default": bool(body.is_default),
        "tags": body.tags,
        "auth_settings": _settings({}, body),
        "organisation_id": call.organisation,
        "created_at": now,
        "last_updated_at": now,
        "object": "deployment",
        "_secret": secret,
    }
    call.table("deployments").add(row)
    _clear_other_defaults(call, row)
    return {**_answer(row), "credentials": {"client_auth": secret}}


@route(
    "GET /v2/deployments/{id}", scope="deployments.read", who="admin", base="root", enterprise=True
)
def get_deployment(call: Call) -> Row:
    """One deployment."""
    _check_organisation(call, call.query.get("organisation_id"))
    return _answer(call.find("deployments", call.ids["id"]))


@route(
    "PUT /v2/deployments/{id}",
    scope="deployments.update",
    who="admin",
    base="root",
    enterprise=True,
)
def update_deployment(call: Call) -> Row:
    """Change the given fields. Lists are added to, unless `override_existing` replaces them."""
    row, body = call.find("deployments", call.ids["id"]), call.read(DeploymentBody)
    fields = {"name", "type", "status", "deployment_config", "is_default", "tags"}
    changes = body.model_dump(include=fields, exclude_unset=True)
    for name in fields - {"deployment_config", "tags"}:
        if changes.get(name, name) is None:
            raise invalid(name, "must not be null")
    changes |= {"last_updated_at": call.store.stamp()}
    old = {} if body.override_existing else row["auth_settings"]
    if body.auth_settings is not None:
        changes["auth_settings"] = {**row["auth_settings"], **_settings(old, body)}
    row = call.table("deployments").change(row, changes)
    _clear_other_defaults(call, row)
    if not body.rotate_auth:
        return _answer(row)
    secret = call.store.secret()
    call.table("deployments").change(row, {"_secret": secret})
    return {**_answer(row), "credentials": {"client_auth": secret}}


@route(
    "DELETE /v2/deployments/{id}",
    scope="deployments.delete",
    who="admin",
    base="root",
    enterprise=True,
)
def archive_deployment(call: Call) -> Row:
    """Archive a deployment; it can still be read."""
    row = call.find("deployments", call.ids["id"])
    call.table("deployments").change(row, {"status": "archived"})
    return {}


def _check_organisation(call: Call, organisation_id: str | None) -> None:
    if organisation_id not in (None, call.organisation):
        raise forbidden()


def _clear_other_defaults(call: Call, row: Row) -> None:
    """Make a default deployment the only default one (an assumption)."""
    for other in call.table("deployments").where(is_default=True) if row["is_default"] else ():
        if other["id"] != row["id"]:
            call.table("deployments").change(other, {"is_default": False})


def _filter(call: Call) -> Any:
    status, kind = call.query.get("status", "active"), call.query.get("type")
    search, slugs = call.query.get("search", "").lower(), call.query.get("workspace_slug")
    tags = tag_filter(call)

    def fits(row: Row) -> bool:
        allowed = row["auth_settings"].get("workspaces_allowed") or []
        return (
            row["status"] == status
            and kind in (None, row["type"])
            and search in row["name"].lower()
            and (slugs is None or bool(set(slugs.split(",")) & set(allowed)))
            and tags.items() <= (row["tags"] or {}).items()
        )

    return fits


def _settings(old: Row, body: DeploymentBody) -> dict[str, Any]:
    if body.auth_settings is None:
        return dict(old)
    settings = body.auth_settings.model_dump(exclude_none=True)
    removed = {
        "workspaces_allowed": settings.pop("remove_workspaces_allowed", []),
        "jwt_subs_allowed": settings.pop("remove_subs_allowed", []),
    }
    for name in LIST_FIELDS:
        entries = [*(old.get(name) or []), *settings.get(name, [])]
        remaining = [each for each in dict.fromkeys(entries) if each not in removed[name]]
        if name in settings or name in old:
            settings[name] = remaining
    return {**old, **settings}


def _answer(row: Row) -> dict[str, Any]:
    """A deployment in answers: credentials are masked as API keys are."""
    deployment = {name: value for name, value in row.items() if not name.startswith("_")}
    secret = row["_secret"]
    return {**deployment, "credentials": {"client_auth": f"{secret[:2]}*****{secret[-3:]}"}}


def seed(seeder: Seeder) -> None:
    """One deployment."""
    settings = {"gateway_base_url": "https://gateway.acme.example"}
    body = {"name": "Europe", "tags": {"region": "eu"}, "auth_settings": settings}
    seeder.request("POST /v2/deployments", body)
