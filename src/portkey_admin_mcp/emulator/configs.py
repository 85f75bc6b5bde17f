"""Configs and their versions."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from .core.answers import Refusal, invalid, list_answer
from .core.bodies import Body, StrictBody
from .core.routing import Call, route
from .core.rows import Row
from .core.tables import OWNED_BY_WORKSPACE, Table
from .shared.versions import Versions

VERSIONS = Versions("config_versions", "configs")
TABLES = (Table("configs", (OWNED_BY_WORKSPACE,)), VERSIONS.declaration)


class Retry(Body):
    """How often a request is retried, and after which status codes."""

    attempts: int | None = Field(None, ge=0, le=5)
    on_status_codes: list[int] | None = None


class Cache(Body):
    """How answers are cached."""

    mode: Literal["simple", "semantic"]
    max_age: int | float | None = None


class Strategy(Body):
    """How a target is selected."""

    mode: Literal["single", "loadbalance", "fallback", "conditional"]


class Content(StrictBody):
    """The top level of a config. Other keys are refused (an assumption)."""

    retry: Retry | None = None
    cache: Cache | None = None
    strategy: Strategy | None = None
    targets: list[dict[str, Any]] | None = None
    name: str | None = None
    virtual_key: str | None = None
    provider: str | None = None
    api_key: str | None = None
    weight: float | None = None
    override_params: dict[str, Any] | None = None
    default_params: dict[str, Any] | None = None
    drop_params: list[str] | None = None
    input_guardrails: list[Any] | None = None
    output_guardrails: list[Any] | None = None
    before_request_hooks: list[Any] | None = None
    after_request_hooks: list[Any] | None = None
    request_timeout: int | None = None
    custom_host: str | None = None
    forward_headers: list[str] | None = None
    metadata: dict[str, Any] | None = None
    strict_open_ai_compliance: bool | None = None
    passthrough: Any = None


class ConfigBody(Body):
    """The body of a config, new or changed."""

    name: str | None = None
    config: dict[str, Any] | None = None
    is_default: int | None = Field(None, alias="isDefault")
    status: Literal["active", "inactive"] | None = None


@route("GET /configs", scope="configs.list")
def list_configs(call: Call) -> Row:
    """All configs of a workspace, without their content; this list has no paging."""
    return list_answer(reversed(call.table("configs").where(workspace_id=call.workspace()["id"])))


@route("GET /configs/{slug}", scope="configs.read")
def get_config(call: Call) -> Row:
    """One config in its latest version, with the content as JSON text."""
    config = call.find_within("configs", call.ids["slug"])
    return _shown(config, VERSIONS.latest(call, config))


@route("POST /configs", scope="configs.create")
def create_config(call: Call) -> Row:
    """Create a config; names need not be unique."""
    workspace = call.workspace()
    body = call.read(ConfigBody)
    if not body.name or body.config is None:
        missing = "config" if body.name else "name"
        raise invalid(missing, "Field required")
    _check(call, body.config, workspace["id"])
    now = call.store.stamp()
    config = {
        "id": call.store.uuid(),
        "name": body.name,
        "slug": call.store.slug("pc", body.name, 6),
        "organisation_id": call.organisation,
        "workspace_id": workspace["id"],
        "is_default": int(bool(body.is_default)),
        "status": "active",
        "owner_id": call.author,
        "updated_by": call.author,
        "created_at": now,
        "last_updated_at": now,
        "object": "config",
    }
    call.table("configs").add(config)
    return _written(config, _add_version(call, config, body.config))


@route("PUT /configs/{slug}", scope="configs.update")
def update_config(call: Call) -> Row:
    """Change a config. Content always makes a new version, even if it is the same."""
    config = call.find_within("configs", call.ids["slug"])
    body = call.read(ConfigBody)
    if body.config is not None:
        _check(call, body.config, config["workspace_id"])
    changes = body.model_dump(include={"name", "status"}, exclude_none=True)
    stamps = {"updated_by": call.author, "last_updated_at": call.store.stamp()}
    config = call.table("configs").change(config, {**changes, **stamps})
    if body.config is not None:
        return _written(config, _add_version(call, config, body.config))
    return _written(config, VERSIONS.latest(call, config)["id"])


@route("DELETE /configs/{slug}", scope="configs.delete")
def delete_config(call: Call) -> Row:
    """Delete a config; refused while an API key or a workspace has it as its default."""
    config = call.find_within("configs", call.ids["slug"])
    if reason := call.store.reason_to_refuse("configs", config):
        raise Refusal(409, f"Unable to delete. {reason}")
    call.store.delete("configs", config)
    return {}


@route("GET /configs/{slug}/versions", scope="configs.list")
def list_config_versions(call: Call) -> Row:
    """All versions with their content, newest first."""
    config = call.find_within("configs", call.ids["slug"])
    return list_answer([_shown(config, version) for version in VERSIONS.all(call, config)])


def bound_config(call: Call, named: str, workspace_id: str | None) -> str:
    """The slug of a config that is named by slug or id.

    Refused with 400 if it does not exist or is in another workspace; a `workspace_id` of None
    allows all workspaces.
    """
    config = call.table("configs").find(named)
    if config is None or workspace_id not in (None, config["workspace_id"]):
        raise invalid("config_id", "no such config in this workspace")
    return str(config["slug"])


def _check(call: Call, config: Row, workspace_id: str) -> None:
    Call.shaped(Content, config)
    if config.get("passthrough") and any(config.get(key) for key in ("targets", "strategy")):
        raise invalid("passthrough", "excludes targets and strategy")
    for slug in _providers_in(config):
        provider = call.table("virtual_keys").find(slug)
        # A name that nothing has is accepted: a config outlives the virtual keys that it names.
        if provider is not None and provider["workspace_id"] != workspace_id:
            raise invalid("virtual_key", f"{slug} is not in the config's workspace")


def _providers_in(config: Any) -> Iterator[str]:
    """The slugs of virtual keys and providers that a config and its targets name."""
    if not isinstance(config, dict):
        return
    if isinstance(config.get("virtual_key"), str):
        yield config["virtual_key"]
    if isinstance(config.get("provider"), str) and config["provider"].startswith("@"):
        yield config["provider"].removeprefix("@")
    for target in config.get("targets") or ():
        yield from _providers_in(target)


def _shown(config: Row, version: Row) -> dict[str, Any]:
    return {
        **config,
        "config": version["content"]["config"],
        "format": "json",
        "type": "ORG_CONFIG",
        "version_id": version["id"],
    }


def _add_version(call: Call, config: Row, content: Row) -> str:
    version = VERSIONS.add(call, config, {"config": json.dumps(content)}, publish=True)
    return str(version["id"])


def _written(config: Row, version_id: str) -> Row:
    """The answer to a write in two forms: the documented envelope, and flat (sources disagree)."""
    ref = {"id": config["id"], "slug": config["slug"], "version_id": version_id}
    return {"success": True, "data": ref, **ref}
