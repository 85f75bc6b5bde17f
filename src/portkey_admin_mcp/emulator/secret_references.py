"""Secret references: where to find a secret in the organisation's own vault."""

from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OnDelete, Reference, Table
from .shared.filters import tag_filter
from .shared.secret_mappings import masked

TABLES = (
    Table(
        "secret_references",
        (Reference("_allowed_workspaces", "workspaces", OnDelete.CLEAR),),
    ),
)
AUTH_FIELDS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "aws_sm": (
        "aws_auth_type",
        {
            "accessKey": ("aws_access_key_id", "aws_secret_access_key", "aws_region"),
            "assumedRole": ("aws_role_arn", "aws_region"),
            "serviceRole": (),
        },
    ),
    "azure_kv": (
        "azure_auth_mode",
        {
            "entra": (
                "azure_entra_tenant_id",
                "azure_entra_client_id",
                "azure_entra_client_secret",
                "azure_vault_url",
            ),
            "managed": ("azure_vault_url",),
            "default": ("azure_vault_url",),
        },
    ),
    "hashicorp_vault": (
        "vault_auth_type",
        {
            "token": ("vault_addr", "vault_token"),
            "approle": ("vault_addr", "vault_role_id", "vault_secret_id"),
            "kubernetes": ("vault_addr", "vault_role"),
        },
    ),
}
"""By secret manager: the field with the kind of sign-in, and the fields that each kind needs."""


class SecretReferenceBody(Body):
    """The body of a secret reference, new or changed."""

    name: str | None = Field(None, min_length=1, max_length=255)
    manager_type: Literal["aws_sm", "azure_kv", "hashicorp_vault"] | None = None
    auth_config: dict[str, Any] | None = None
    secret_path: str | None = Field(None, max_length=1024)
    slug: str | None = Field(None, max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")
    description: str | None = Field(None, max_length=1024)
    secret_key: str | None = Field(None, max_length=255)
    allow_all_workspaces: bool | None = None
    allowed_workspaces: list[str] | None = None
    tags: dict[str, str] | None = None


@route("GET /secret-references", scope="secret_references.list", who="admin", enterprise=True)
def list_secret_references(call: Call) -> Row:
    """The secret references without their details, by default 20 a page."""
    search, manager = call.query.get("search", "").lower(), call.query.get("manager_type")
    tags = tag_filter(call)
    call.query = {"page_size": "20", **call.query}
    return call.listing(
        call.table("secret_references").rows(),
        keep=lambda row: (
            search in row["name"].lower()
            and manager in (None, row["manager_type"])
            and tags.items() <= (row["tags"] or {}).items()
        ),
        render=_list_entry,
    )


@route("POST /secret-references", scope="secret_references.create", who="admin", enterprise=True)
def create_secret_reference(call: Call) -> Row:
    """Create a secret reference, for all workspaces unless the body names some.

    A slug that is in use is refused with 400.
    """
    body = call.read(SecretReferenceBody)
    for name in ("name", "manager_type", "auth_config", "secret_path"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    slug = body.slug or call.store.slug("sr", body.name or "", 10)
    if call.table("secret_references").find(slug):
        raise invalid("slug", "already exists")
    _check_auth_config(body.manager_type or "", body.auth_config or {})
    now = call.store.stamp()
    row: dict[str, Any] = {
        "id": call.store.uuid(),
        "organisation_id": call.organisation,
        "name": body.name,
        "slug": slug,
        "description": body.description,
        "manager_type": body.manager_type,
        "secret_path": body.secret_path,
        "secret_key": body.secret_key,
        "allow_all_workspaces": True,
        "tags": body.tags,
        "status": "ACTIVE",
        "created_by": call.author,
        "created_at": now,
        "last_updated_at": now,
        "auth_config": body.auth_config,
        "object": "secret-reference",
        "_allowed_workspaces": [],
    }
    call.table("secret_references").add({**row, **_access(call, body)})
    return {"id": row["id"], "slug": slug, "object": "secret-reference"}


@route("GET /secret-references/{id}", scope="secret_references.read", who="admin", enterprise=True)
def get_secret_reference(call: Call) -> Row:
    """One secret reference, with credentials masked."""
    row = call.find("secret_references", call.ids["id"])
    return {**public(row), "auth_config": masked(row["auth_config"])}


@route(
    "PUT /secret-references/{id}", scope="secret_references.update", who="admin", enterprise=True
)
def update_secret_reference(call: Call) -> Row:
    """Change the given fields; `auth_config` is merged with the stored one."""
    row = call.find("secret_references", call.ids["id"])
    body = call.read(SecretReferenceBody)
    if not body.model_fields_set:
        raise invalid("body", "must contain a field to change")
    fields = {"name", "description", "secret_path", "secret_key", "tags"}
    changes = body.model_dump(include=fields, exclude_unset=True)
    for name in ("name", "secret_path"):
        if changes.get(name, name) is None:
            raise invalid(name, "must not be null")
    if body.auth_config is not None:
        changes["auth_config"] = {**row["auth_config"], **body.auth_config}
        _check_auth_config(row["manager_type"], changes["auth_config"])
    changes |= {**_access(call, body), "last_updated_at": call.store.stamp()}
    call.table("secret_references").change(row, changes)
    return {}


@route(
    "DELETE /secret-references/{id}",
    scope="secret_references.delete",
    who="admin",
    enterprise=True,
)
def delete_secret_reference(call: Call) -> Row:
    """Delete a secret reference; refused with 400 while it is in use (the OpenAPI file)."""
    row = call.find("secret_references", call.ids["id"])
    if reason := call.store.reason_to_refuse("secret_references", row):
        raise Refusal(400, f"Secret reference is in use. {reason}")
    call.store.delete("secret_references", row)
    return {}


def _check_auth_config(manager: str, config: Row) -> None:
    """Refuse an `auth_config` without all fields that its kind of sign-in needs."""
    type_field, fields_by_type = AUTH_FIELDS[manager]
    required_fields = fields_by_type.get(config.get(type_field, ""))
    if required_fields is None:
        raise invalid(f"auth_config.{type_field}", f"must be one of {', '.join(fields_by_type)}")
    for name in required_fields:
        if not config.get(name):
            raise invalid(f"auth_config.{name}", "Field required")


def _access(call: Call, body: SecretReferenceBody) -> dict[str, Any]:
    """The changes to who may use it: either all workspaces, or those in a list."""
    named = body.allowed_workspaces
    if named is None:
        all_workspaces = body.allow_all_workspaces
        if all_workspaces is None:
            return {}
        cleared: dict[str, Any] = {"_allowed_workspaces": []} if all_workspaces else {}
        return {"allow_all_workspaces": all_workspaces, **cleared}
    if not named or body.allow_all_workspaces:
        raise invalid(
            "allowed_workspaces", "must name a workspace, and excludes allow_all_workspaces"
        )
    workspaces = [call.table("workspaces").find(name) for name in named]
    if None in workspaces:
        raise forbidden()
    ids = [row["id"] for row in workspaces if row is not None]
    return {"allow_all_workspaces": False, "_allowed_workspaces": ids}


def _list_entry(row: Row) -> dict[str, Any]:
    names = ("id", "name", "slug", "manager_type", "status", "created_at", "last_updated_at")
    return {name: row[name] for name in (*names, "object")}


def seed(seeder: Seeder) -> None:
    """The key to OpenAI, kept in a vault."""
    seeder.request(
        "POST /secret-references",
        {
            "name": "OpenAI key",
            "slug": "openai-key",
            "manager_type": "hashicorp_vault",
            "auth_config": {
                "vault_auth_type": "kubernetes",
                "vault_addr": "https://vault.acme.example",
                "vault_role": "portkey",
            },
            "secret_path": "kv/data/openai",
            "tags": {"team": "platform"},
        },
    )
