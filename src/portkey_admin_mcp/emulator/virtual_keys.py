"""Virtual keys: the keys of AI providers, named by a slug."""

from typing import Any

from .core.answers import invalid
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.limits import (
    Amount,
    Budget,
    Rate,
    Time,
    changed_limits,
    shown_limits,
    spent,
    status_now,
)
from .shared.secret_mappings import (
    SecretMapping,
    mapped_by,
    masked_secret,
    stored_mappings,
)


class Deployment(Body):
    """One Azure OpenAI deployment."""

    apiVersion: str
    deploymentName: str
    alias: str | None = None
    is_default: bool | None = None


class VirtualKeyBody(Body):
    """The body of a virtual key, new or changed."""

    name: str | None = None
    provider: str | None = None
    key: str | None = None
    note: str | None = None
    apiVersion: str | None = None
    resourceName: str | None = None
    deploymentName: str | None = None
    deploymentConfig: list[Deployment] | None = None
    usage_limits: Budget | None = None
    # The OpenAPI file says one object, live answers and clients say a list.
    rate_limits: list[Rate] | Rate | None = None
    expires_at: Time | None = None
    secret_mappings: list[SecretMapping] | None = None


MODEL_CONFIG = ("apiVersion", "resourceName", "deploymentName", "deploymentConfig")


@route("GET /virtual-keys", scope="virtual_keys.list")
def list_virtual_keys(call: Call) -> Row:
    """The virtual keys of a workspace, without the provider's keys."""
    keys = call.table("virtual_keys").where(workspace_id=call.workspace()["id"])
    return call.listing(keys, render=lambda key: _answer(call, key))


@route("GET /virtual-keys/{slug}", scope="virtual_keys.read")
def get_virtual_key(call: Call) -> Row:
    """One virtual key."""
    key = call.find_within("virtual_keys", call.ids["slug"])
    integration = call.table("integrations").get(key["integration_id"]) or {}
    masked = masked_secret(key.get("_key") or integration.get("_key") or "")
    return {
        **_answer(call, key),
        "ai_provider_name": key["_provider"],
        "key": masked,
        "masked_api_key": masked,
    }


@route("POST /virtual-keys", scope="virtual_keys.create")
def create_virtual_key(call: Call) -> Row:
    """Create a virtual key; no answer shows the provider's key."""
    workspace = call.workspace()
    body = call.read(VirtualKeyBody)
    for name in ("name", "provider"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    key = new_key(call, workspace, body.name or "", body.provider or "")
    key = {**key, **_changes(call, key, body)}
    if not body.key and "key" not in {each["target_field"] for each in key["secret_mappings"]}:
        raise invalid("key", "Field required")
    call.table("virtual_keys").add(key)
    # The OpenAPI file says an envelope, the official SDK reads the top level.
    return {"success": True, "data": {"slug": key["slug"]}, "slug": key["slug"]}


def new_key(
    call: Call, workspace: Row, name: str, provider: str, *, slug: str = "", note: str | None = None
) -> Row:
    """The row of a new virtual key or provider, not yet added to the table."""
    return {
        "id": call.store.uuid(),
        "slug": slug or call.store.slug("", name, 40).removeprefix("-"),
        "name": name,
        "note": note,
        "status": "active",
        "usage_limits": None,
        "reset_usage": None,
        "last_reset_at": None,
        "next_usage_reset_at": None,
        "tags": None,
        "integration_id": None,
        "rate_limits": [],
        "created_at": call.store.stamp(),
        "expires_at": None,
        "model_config": {},
        "secret_mappings": [],
        "workspace_id": workspace["id"],
        "object": "virtual-key",
        "_provider": provider,
    }


@route("PUT /virtual-keys/{slug}", scope="virtual_keys.update")
def update_virtual_key(call: Call) -> Row:
    """Change the given fields."""
    key = call.find_within("virtual_keys", call.ids["slug"])
    body = call.read(VirtualKeyBody)
    call.table("virtual_keys").change(key, _changes(call, key, body))
    return {}


@route("DELETE /virtual-keys/{slug}", scope="virtual_keys.delete")
def delete_virtual_key(call: Call) -> Row:
    """Delete a virtual key; configs that refer to it stay, and fail when they are used."""
    call.store.delete("virtual_keys", call.find_within("virtual_keys", call.ids["slug"]))
    return {}


def _changes(call: Call, key: Row, body: VirtualKeyBody) -> dict[str, Any]:
    values = body.model_dump(exclude_unset=True)
    if values.get("name", ...) is None:
        raise invalid("name", "must not be null")
    new = {k: v for k, v in values.items() if k in key}
    new |= changed_limits(key, values, call.store.now())
    if "secret_mappings" in values:
        workspace = call.table("workspaces")[key["workspace_id"]]
        new["secret_mappings"] = stored_mappings(
            call, body.secret_mappings, "model_config", workspace
        )
    settings = {k: v for k, v in values.items() if k in MODEL_CONFIG}
    new["model_config"] = {**key["model_config"], **settings}
    if body.key:
        new["_key"] = body.key
    return new


def spend(call: Call, key: Row, amount: Amount) -> None:
    """Count an amount against the budget of a virtual key."""
    call.table("virtual_keys").change(key, spent(key, amount, call.store.now()))


TABLES = (
    Table(
        "virtual_keys",
        (
            OWNED_BY_WORKSPACE,
            Reference("integration_id", "integrations", OnDelete.DELETE),
            mapped_by("A virtual key"),
        ),
        spend=spend,
    ),
)


def _answer(call: Call, key: Row) -> Row:
    """A virtual key in answers, with the names of its provider and workspace."""
    fields = {k: v for k, v in key.items() if k[0] != "_" and k != "next_usage_reset_at"}
    return {
        **fields,
        "organisation_id": call.organisation,
        "provider": key["_provider"],
        "workspace_name": call.table("workspaces")[key["workspace_id"]]["name"],
        "status": status_now(key, call.store.now()),
        "usage_limits": shown_limits(key["usage_limits"]),
    }
