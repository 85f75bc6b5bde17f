"""Providers: AI providers of a workspace, stored in the same table as virtual keys."""

from typing import Any

from .core.answers import forbidden, invalid
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .integrations import add_provider, may_use
from .shared.limits import (
    Budget,
    Rate,
    Time,
    changed_limits,
    reset_usage,
    shown_limits,
    status_now,
)
from .shared.secret_mappings import masked


class ProviderBody(Body):
    """The body of a provider, new or changed."""

    name: str | None = None
    integration_id: str | None = None
    slug: str | None = None
    note: str | None = None
    usage_limits: Budget | None = None
    # The OpenAPI file says one object, live answers and clients say a list.
    rate_limits: list[Rate] | Rate | None = None
    expires_at: Time | None = None
    reset_usage: bool | None = None


@route("GET /providers", scope="providers.list")
def list_providers(call: Call) -> Row:
    """The providers of a workspace: its virtual keys that belong to an integration."""
    return call.listing(
        call.table("virtual_keys").where(workspace_id=call.workspace()["id"]),
        keep=lambda row: row.get("integration_id") is not None,
        render=lambda row: _answer(call, row),
    )


@route("POST /providers", scope="providers.create")
def create_provider(call: Call) -> Row:
    """Create a provider of an integration that the workspace may use."""
    workspace, body = call.workspace(), call.read(ProviderBody)
    for name in ("name", "integration_id"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    integration = call.find("integrations", body.integration_id or "")
    if not may_use(integration, workspace):
        raise forbidden()
    name = body.name or ""
    slug = body.slug or call.store.slug("", name, 40).removeprefix("-")
    row = add_provider(call, integration, workspace, name, slug, body.note or "")
    call.table("virtual_keys").change(row, _changes(call, row, body))
    return {"id": row["id"], "slug": slug}


@route("GET /providers/{slug}", scope="providers.read")
def get_provider(call: Call) -> Row:
    """One provider; on request with its integration's settings (their place is an assumption)."""
    row = call.find_within("virtual_keys", call.ids["slug"])
    integration = call.table("integrations").get(row.get("integration_id"))
    if integration is None or call.query.get("include_configurations") != "true":
        return _answer(call, row)
    return {**_answer(call, row), "configurations": masked(integration["configurations"])}


@route("PUT /providers/{slug}", scope="providers.update")
def update_provider(call: Call) -> Row:
    """Change the given fields; the slug cannot change."""
    row = call.find_within("virtual_keys", call.ids["slug"])
    body = call.read(ProviderBody)
    changes = _changes(call, row, body)
    if body.reset_usage:
        changes |= reset_usage(row, call.store.now())
    call.table("virtual_keys").change(row, changes)
    return {"id": row["id"], "slug": row["slug"]}


@route("DELETE /providers/{slug}", scope="providers.delete")
def delete_provider(call: Call) -> Row:
    """Delete a provider; its integration stays."""
    call.store.delete("virtual_keys", call.find_within("virtual_keys", call.ids["slug"]))
    return {}


def _changes(call: Call, row: Row, body: ProviderBody) -> dict[str, Any]:
    fields = {"name", "note", "usage_limits", "rate_limits", "expires_at"}
    changes = body.model_dump(include=fields, exclude_unset=True)
    if changes.get("name", ...) is None:
        raise invalid("name", "must not be null")
    changes |= changed_limits(row, changes, call.store.now())
    if changes.get("rate_limits", ...) is None:
        changes["rate_limits"] = []
    return changes


def _answer(call: Call, row: Row) -> dict[str, Any]:
    names = ("name", "note", "reset_usage", "last_reset_at", "created_at", "slug")
    return {
        **{name: row[name] for name in (*names, "integration_id", "expires_at")},
        "usage_limits": shown_limits(row["usage_limits"]),
        # Null without limits: both SDKs refuse to read an empty list.
        "rate_limits": row["rate_limits"] or None,
        "status": status_now(row, call.store.now()),
        "object": "provider",
    }
