"""The rows of API keys: those that requests create, and the `owner` key, which none creates."""

from .rows import Row
from .store import Store


def new_api_key(store: Store, name: str, kind: str, organisation: str) -> Row:
    """A new active key of this kind with the default value of each field, without a secret."""
    now = store.stamp()
    return {
        "id": store.uuid(),
        "name": name,
        "description": None,
        "type": kind,
        "organisation_id": organisation,
        "workspace_id": None,
        "user_id": None,
        "status": "active",
        "created_at": now,
        "last_updated_at": now,
        "creation_mode": "api",
        "rate_limits": [],
        "usage_limits": None,
        "reset_usage": None,
        "last_reset_at": None,
        "next_usage_reset_at": None,
        "expiry_enforced": 1,
        "api_key_defaults_id": None,
        "scopes": [],
        "defaults": {"metadata": None, "config_id": None, "allow_config_override": True},
        "alert_emails": [],
        "expires_at": None,
        "rotation_policy": None,
        "object": "api-key",
        "_usage": 0,
    }


def add_api_key(store: Store, key: Row, secret: str) -> Row:
    """Add a key with its secret, by which it is found; returns the row."""
    row = {**key, "_secrets": [{"value": secret, "until": None}]}
    store.table("api_keys").add(row)
    index_secret(store, row, secret)
    return row


def index_secret(store: Store, key: Row, secret: str) -> None:
    """Make a key findable by its secret; the row of the key says whether the secret is valid."""
    store.table("_secrets").add({"id": secret, "key_id": key["id"]})
