"""API keys, and their rotation; a secret is shown once, when it is created."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from .configs import bound_config
from .core.answers import Refusal, forbidden, invalid
from .core.api_key_rows import add_api_key, index_secret, new_api_key
from .core.bodies import Body
from .core.routing import ADMIN, Call, route
from .core.rows import Row
from .core.store import moment
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table
from .shared.limits import (
    Amount,
    Budget,
    KeyRate,
    Midnight,
    Time,
    new_row_budget,
    next_reset,
    reset_usage,
    shown_limits,
    spent,
    status_now,
)
from .shared.security import may_use_key

MIN_TRANSITION_MS = 1_800_000
MAX_TRANSITION_MS = 365 * 86_400_000
"""Portkey documents no maximum; without one, the end could be after the year 9999."""
KEY_TYPES = {
    ("organisation", "service"): ADMIN,
    ("workspace", "service"): "workspace-service",
    ("workspace", "user"): "workspace-user",
}


class KeyDefaults(Body):
    """What applies to requests with a key that set nothing themselves."""

    metadata: dict[str, Any] | None = None
    config_id: str | None = None
    allow_config_override: bool | None = None


class RotationPolicy(Body):
    """When a key is rotated automatically. The emulator stores this, but never rotates."""

    rotation_period: Literal["monthly", "weekly"] | None = None
    rotation_period_days: int | None = Field(None, ge=1, le=365)
    next_rotation_at: Midnight | None = None
    key_transition_period_ms: int | None = Field(None, ge=MIN_TRANSITION_MS, le=MAX_TRANSITION_MS)


class KeyBody(Body):
    """The body of a key, new or changed."""

    name: str | None = Field(None, max_length=100)
    description: str | None = Field(None, max_length=200)
    workspace_id: str | None = None
    user_id: str | None = None
    scopes: list[str] | None = Field(None, min_length=1)
    usage_limits: Budget | None = None
    rate_limits: list[KeyRate] | None = None
    defaults: KeyDefaults | None = None
    alert_emails: list[str] | None = None
    expires_at: Time | None = None
    rotation_policy: RotationPolicy | None = None
    reset_usage: bool | None = None


class RotationBody(Body):
    """The body of a rotation."""

    key_transition_period_ms: int = Field(
        MIN_TRANSITION_MS, ge=MIN_TRANSITION_MS, le=MAX_TRANSITION_MS
    )


def scopes_of_all_types(action: str) -> tuple[str, ...]:
    """The scopes for an action on each type of key; the type of the key decides which is needed."""
    return tuple(f"{_scope_prefix(kind)}.{action}" for kind in KEY_TYPES.values())


def _scope_prefix(kind: str) -> str:
    """The name of a type of key in scopes, before the action."""
    return kind.replace("-", "_") + "_api_keys"


@route("GET /api-keys", scope=scopes_of_all_types("list"))
def list_api_keys(call: Call) -> Row:
    """The keys of the types that this key may list."""
    workspace = call.named_workspace() if call.is_admin else call.workspace()
    keys = call.table("api_keys")
    rows = keys.rows() if workspace is None else keys.where(workspace_id=workspace["id"])
    return call.listing(
        rows,
        keep=lambda key: (
            call.may(_scope(key, "list")) and may_use_key(call, key["type"], key["user_id"])
        ),
        render=lambda key: _answer(call, key),
    )


@route("GET /api-keys/{id}", scope=scopes_of_all_types("read"))
def get_api_key(call: Call) -> Row:
    """One key, with its secret masked."""
    return _answer(call, _find(call, "read"))


@route("POST /api-keys/{type}/{sub_type}", scope=scopes_of_all_types("create"))
def create_api_key(call: Call) -> Row:
    """Create a key. Only this answer, and that of a rotation, contains the secret."""
    kind = KEY_TYPES.get((call.ids["type"], call.ids["sub_type"]))
    if kind is None:
        raise invalid("type", "no such type of API key")
    call.require(f"{_scope_prefix(kind)}.create")
    if kind == ADMIN and not call.is_admin:
        raise forbidden()
    body = call.read(KeyBody)
    workspace = None if kind == ADMIN else _workspace_of(call)
    if not body.name or not body.scopes:
        missing = "scopes" if body.name else "name"
        raise invalid(missing, "Field required")
    user_id = _user_id_of(call, body) if kind == "workspace-user" else None
    if not may_use_key(call, kind, user_id):
        raise forbidden()
    key = {
        **new_api_key(call.store, body.name, kind, call.organisation),
        "workspace_id": workspace and workspace["id"],
        "user_id": user_id,
    }
    key = {**key, **_changes(call, key, body)}
    if kind == "workspace-user" and workspace and not key["defaults"]["config_id"]:
        inherited = workspace["defaults"]["user_api_key_config"]
        key = {**key, "defaults": {**key["defaults"], "config_id": inherited}}
    secret = call.store.secret()
    add_api_key(call.store, key, secret)
    return {"id": key["id"], "key": secret, "object": "api-key"}


@route("PUT /api-keys/{id}", scope=scopes_of_all_types("update"))
def update_api_key(call: Call) -> Row:
    """Change the given fields; type and user cannot change."""
    key = _find(call, "update")
    changes = _changes(call, key, call.read(KeyBody))
    call.table("api_keys").change(key, {**changes, "last_updated_at": call.store.stamp()})
    return {}


@route("DELETE /api-keys/{id}", scope=scopes_of_all_types("delete"))
def delete_api_key(call: Call) -> Row:
    """Delete a key; it stops working at once."""
    call.store.delete("api_keys", _find(call, "delete"))
    return {}


@route("POST /api-keys/{id}/rotate", scope=scopes_of_all_types("rotate"))
def rotate_api_key(call: Call) -> Row:
    """Create a second secret. The first works until the transition ends; until then, no third."""
    key = _find(call, "rotate")
    body = call.read(RotationBody)
    _check_transition(key["rotation_policy"] or {}, body.key_transition_period_ms)
    now = call.store.now()
    alive = [s for s in key["_secrets"] if s["until"] is None or s["until"] > moment(now)]
    if len(alive) > 1:
        raise Refusal(409, "A key transition is already in progress")
    until = moment(now + timedelta(milliseconds=body.key_transition_period_ms))
    secret = call.store.secret()
    secrets = [{"value": secret, "until": None}, {**alive[0], "until": until}]
    call.table("api_keys").change(key, {"_secrets": secrets, "last_updated_at": moment(now)})
    index_secret(call.store, key, secret)
    return {"id": key["id"], "key": secret, "key_transition_expires_at": until}


def _scope(key: Row, action: str) -> str:
    return f"{_scope_prefix(key['type'])}.{action}"


def _find(call: Call, action: str) -> Row:
    """The key, if the calling key may do this to keys of its type."""
    key = call.find("api_keys", call.ids["id"])
    if not call.is_admin and key["type"] == ADMIN:
        raise forbidden()
    if not may_use_key(call, key["type"], key["user_id"]):
        raise forbidden()
    call.require(_scope(key, action))
    return key


def _workspace_of(call: Call) -> Row:
    if call.is_admin and not call.body.get("workspace_id"):
        raise invalid("workspace_id", "Field required")
    return call.workspace()


def _user_id_of(call: Call, body: KeyBody) -> str:
    if not body.user_id:
        raise invalid("user_id", "Field required")
    user = call.table("users").find(body.user_id)
    if user is None:
        raise invalid("user_id", "no such user")
    return str(user["id"])


def _changes(call: Call, key: Row, body: KeyBody) -> dict[str, Any]:
    """The changes to a key that a body asks for."""
    values = body.model_dump(exclude_unset=True)
    fields = ("name", "description", "scopes", "alert_emails")
    new: dict[str, Any] = {name: values[name] for name in fields if values.get(name) is not None}
    if "usage_limits" in values:
        new |= _budget(call, key, values["usage_limits"])
    if "rate_limits" in values:
        new["rate_limits"] = values["rate_limits"] or []
    if "expires_at" in values:
        new["expires_at"] = values["expires_at"] and _future(call, values["expires_at"])
    if "rotation_policy" in values:
        policy = values["rotation_policy"]
        new["rotation_policy"] = None if policy is None else _policy(call, policy)
    if values.get("defaults"):
        new["defaults"] = key["defaults"] | _defaults(call, key, values["defaults"])
        new["api_key_defaults_id"] = key["api_key_defaults_id"] or call.store.uuid()
    if body.reset_usage:
        new |= reset_usage(key, call.store.now())
    return new


def _budget(call: Call, key: Row, limits: Row | None) -> dict[str, Any]:
    """The changes to a budget; null takes it away, and a key that it exhausted works again."""
    if limits is not None and "credit_limit" not in limits:
        raise invalid("usage_limits.credit_limit", "Field required")
    return new_row_budget(key, limits, call.store.now())


def _defaults(call: Call, key: Row, values: Row) -> Row:
    if not values.get("config_id"):
        return values
    return {**values, "config_id": bound_config(call, values["config_id"], key["workspace_id"])}


def _policy(call: Call, policy: Row) -> Row:
    """The rotation policy with its next rotation, always at 00:00 UTC."""
    if policy.get("rotation_period") and policy.get("rotation_period_days"):
        raise invalid(
            "rotation_policy", "must not have both rotation_period and rotation_period_days"
        )
    _check_transition(policy, policy.get("key_transition_period_ms") or MIN_TRANSITION_MS)
    if policy.get("next_rotation_at"):
        return policy
    period, days = policy.get("rotation_period"), policy.get("rotation_period_days")
    next_rotation = next_reset(period, days, call.store.now())
    if next_rotation is None:
        raise invalid("rotation_policy", "needs a period or a next rotation")
    return {**policy, "next_rotation_at": next_rotation}


def _check_transition(policy: Row, milliseconds: int) -> None:
    """Refuse a transition that would not end before the next rotation."""
    named = {"weekly": 7, "monthly": 28}.get(policy.get("rotation_period") or "")
    days = policy.get("rotation_period_days") or named
    if days and milliseconds >= days * 86_400_000:
        raise invalid("key_transition_period_ms", "must be shorter than the rotation period")


def _future(call: Call, when: str) -> str:
    if when <= call.store.stamp():
        raise invalid("expires_at", "must be in the future")
    return when


def _answer(call: Call, key: Row) -> Row:
    """A key in answers. The secret is masked as Portkey does: `ab*****xyz` (seen live)."""
    secret = key["_secrets"][0]["value"]
    override = key["defaults"].get("allow_config_override")
    return {
        **{k: v for k, v in key.items() if k[0] != "_"},
        "key": f"{secret[:2]}*****{secret[-3:]}",
        "status": status_now(key, call.store.now()),
        "usage_limits": shown_limits(key["usage_limits"]),
        "allow_config_override": None if override is None else int(override),
    }


def _spend(call: Call, key: Row, amount: Amount) -> None:
    call.table("api_keys").change(key, spent(key, amount, call.store.now()))


TABLES = (
    Table(
        "api_keys",
        (
            OWNED_BY_WORKSPACE,
            Reference("user_id", "users", OnDelete.DELETE),
            Reference(
                "defaults.config_id",
                "configs",
                OnDelete.REFUSE,
                "Config is attached to an API key",
            ),
        ),
        spend=_spend,
    ),
    Table("_secrets", (Reference("key_id", "api_keys", OnDelete.DELETE),), is_part=True),
)
