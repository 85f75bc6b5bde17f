"""Configs and their versions."""

import json
from typing import Any, Literal

from pydantic import Field

from .kernel import Body, Call, Refusal, Strict, by_name, route, whole_list
from .store import Row


class Retry(Body):
    """How often, and on which answers."""

    attempts: int | None = Field(None, ge=0, le=5)
    on_status_codes: list[int] | None = None


class Cache(Body):
    """How answers are kept."""

    mode: Literal["simple", "semantic"]
    max_age: int | float | None = None


class Strategy(Body):
    """How a target is chosen."""

    mode: Literal["single", "loadbalance", "fallback", "conditional"]


class Content(Strict):
    """A config's top level: other keys are refused, which is an assumption of this emulator."""

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
    """A workspace's configs without their content: all of them, for there is no paging."""
    workspace = call.workspace()
    rows = [c for c in call.table("configs").values() if c["workspace_id"] == workspace["id"]]
    return whole_list(reversed(rows))


@route("GET /configs/{slug}", scope="configs.read")
def get_config(call: Call) -> Row:
    """The current version, flat, with the content as JSON text."""
    config = call.find_within("configs", call.ids["slug"])
    return _version(call, config)[-1]


@route("POST /configs", scope="configs.create")
def create_config(call: Call) -> Row:
    """A config; names need not be unique."""
    workspace = call.workspace()
    wanted = call.read(ConfigBody)
    if not wanted.name or wanted.config is None:
        missing = "config" if wanted.name else "name"
        raise Refusal(400, f"Invalid request. {missing}: Field required")
    _check(wanted.config)
    now = call.store.stamp()
    config = {
        "id": call.store.uuid(),
        "name": wanted.name,
        "slug": call.store.slug("pc", wanted.name, 6),
        "organisation_id": call.organisation,
        "workspace_id": workspace["id"],
        "is_default": int(bool(wanted.is_default)),
        "status": "active",
        "owner_id": call.actor,
        "updated_by": call.actor,
        "created_at": now,
        "last_updated_at": now,
        "object": "config",
    }
    call.table("configs")[config["id"]] = config
    return _written(config, _add_version(call, config, wanted.config))


@route("PUT /configs/{slug}", scope="configs.update")
def update_config(call: Call) -> Row:
    """Every update with content makes a version, even the same content again."""
    config = call.find_within("configs", call.ids["slug"])
    wanted = call.read(ConfigBody)
    if wanted.config is not None:
        _check(wanted.config)
    config |= wanted.model_dump(include={"name", "status"}, exclude_none=True)
    config |= {"updated_by": call.actor, "last_updated_at": call.store.stamp()}
    if wanted.config is not None:
        return _written(config, _add_version(call, config, wanted.config))
    return _written(config, _versions(call, config)[-1]["id"])


@route("DELETE /configs/{slug}", scope="configs.delete")
def delete_config(call: Call) -> Row:
    """Refused while an API key or a workspace has it as its default."""
    config = call.find_within("configs", call.ids["slug"])
    names = (config["slug"], config["id"])
    if any(key["defaults"].get("config_id") in names for key in call.table("api_keys").values()):
        raise Refusal(409, "Unable to delete. Config is attached to an API key")
    homes = call.table("workspaces").values()
    if any(home["defaults"]["user_api_key_config"] in names for home in homes):
        raise Refusal(409, "Unable to delete. Config is the default of a workspace")
    for version in _versions(call, config):
        del call.table("config_versions")[version["id"]]
    call.store.bury("configs", config)
    return {}


@route("GET /configs/{slug}/versions", scope="configs.read")
def list_config_versions(call: Call) -> Row:
    """All versions with their content, newest first."""
    return whole_list(reversed(_version(call, call.find_within("configs", call.ids["slug"]))))


def bound_config(call: Call, named: str, workspace_id: str | None) -> str:
    """The slug of a config that a key or a workspace refers to by slug or id."""
    config = by_name(call.table("configs"), named)
    if config is None or workspace_id not in (None, config["workspace_id"]):
        raise Refusal(400, "Invalid request. config_id: no such config in this workspace")
    return str(config["slug"])


def _check(config: Row) -> None:
    Call.shaped(Content, config)
    if config.get("passthrough") and any(config.get(key) for key in ("targets", "strategy")):
        raise Refusal(400, "Invalid request. passthrough: excludes targets and strategy")


def _versions(call: Call, config: Row) -> list[Row]:
    return [v for v in call.table("config_versions").values() if v["config_id"] == config["id"]]


def _version(call: Call, config: Row) -> list[Row]:
    return [
        {
            **config,
            "config": version["config"],
            "format": "json",
            "type": "ORG_CONFIG",
            "version_id": version["id"],
        }
        for version in _versions(call, config)
    ]


def _add_version(call: Call, config: Row, content: Row) -> str:
    version_id = call.store.uuid()
    call.table("config_versions")[version_id] = {
        "id": version_id,
        "config_id": config["id"],
        "config": json.dumps(content),
    }
    return version_id


def _written(config: Row, version_id: str) -> Row:
    """Both forms that clients read: the documented envelope, and flat (sources disagree)."""
    ref = {"id": config["id"], "slug": config["slug"], "version_id": version_id}
    return {"success": True, "data": ref, **ref}
