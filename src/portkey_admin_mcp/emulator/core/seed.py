"""The organisations that an emulator can start with, created through its own endpoints."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from .. import domain_modules
from ..audit_logs import record_seeded
from .rows import Row
from .seeder import Seeder, all_scopes, workspace_scopes
from .store import Store, moment

USERS = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, the default workspace, and the `owner` key."""
    seeder = Seeder(store)
    seeder.add_owner_key(seeder.add_user("Ada", "Okafor", "owner"))
    seeder.create_defaults()
    _add_default_workspace(seeder)


def acme(store: Store) -> None:
    """A small company that has used Portkey for forty days."""
    ahead = store.ahead
    seeder = Seeder(store)
    seeder.observers.append(record_seeded)
    seeder.advance(-40)
    ada, _ben, chitra, diego, emi = (seeder.add_user(*person) for person in USERS)
    seeder.add_owner_key(ada)
    seeder.create_defaults()
    shared = _add_default_workspace(seeder)
    seeder.advance(2)
    science = seeder.add_workspace("🔬 Science", description="Research", users=[chitra])
    support = seeder.add_workspace(
        "Support",
        description="Answers customers",
        defaults={"metadata": {"team": "support"}},
        users=[diego, emi],
        usage_limits=[{"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}],
    )
    seeder.request(
        "PUT /admin/workspaces/{workspace_id}/users/{user_id}",
        {"role": "manager"},
        workspace_id=support["id"],
        user_id=emi,
    )
    seeder.advance(2)
    providers = _add_virtual_keys(seeder, shared, support)
    routes = _add_configs(seeder, support, providers)
    seeder.advance(2)
    _add_api_keys(seeder, shared, support, emi, routes[0])
    seeder.request(
        "POST /admin/users/invites",
        {
            "email": "farid@acme.example",
            "role": "member",
            "workspaces": [{"id": science["slug"], "role": "member"}],
        },
    )
    for module in domain_modules():
        if hasattr(module, "seed"):
            module.seed(seeder)
    _make_later_changes(seeder, science)
    store.ahead = ahead
    (invite,) = store.table("invites").rows()
    seeder.change("invites", invite["id"], {"expires_at": moment(store.now() + timedelta(days=5))})


def _make_later_changes(seeder: Seeder, science: Row) -> None:
    """Some changes in the weeks after the organisation was set up."""
    with seeder.days_before_end(20):
        changes = {"description": "Research and evaluation"}
        seeder.request("PUT /admin/workspaces/{workspace_id}", changes, workspace_id=science["id"])
    with seeder.days_before_end(11):
        (dashboard,) = seeder.store.table("api_keys").where(name="Dashboard")
        changes = {"description": "Charts for the management"}
        seeder.request("PUT /api-keys/{id}", changes, id=dashboard["id"])


def _add_default_workspace(seeder: Seeder) -> Row:
    workspace = seeder.add_workspace("Shared Team Workspace")
    return seeder.change(
        "workspaces", workspace["id"], {"defaults": {**workspace["defaults"], "is_default": 1}}
    )


def _add_virtual_keys(seeder: Seeder, shared: Row, support: Row) -> list[str]:
    virtual_keys = (
        ("OpenAI main", "openai", support),
        ("Anthropic main", "anthropic", support),
        ("OpenAI shared", "openai", shared),
    )
    return [
        seeder.request(
            "POST /virtual-keys",
            {
                "name": name,
                "provider": provider,
                "key": "sk-not-a-real-key",
                "workspace_id": workspace["id"],
            },
        )["data"]["slug"]
        for name, provider, workspace in virtual_keys
    ]


def _add_configs(seeder: Seeder, support: Row, providers: list[str]) -> list[str]:
    content = {
        "strategy": {"mode": "fallback"},
        "targets": [{"virtual_key": providers[0]}, {"virtual_key": providers[1]}],
    }
    cached = {"cache": {"mode": "simple", "max_age": 3600}, "virtual_key": providers[0]}
    return [
        seeder.request(
            "POST /configs", {"name": name, "config": config, "workspace_id": support["id"]}
        )["slug"]
        for name, config in (("Support fallback", content), ("Cached answers", cached))
    ]


def _add_api_keys(seeder: Seeder, shared: Row, support: Row, user_id: str, config: str) -> None:
    """The keys that `GET /emulator/keys` lists besides `owner`."""
    seeder.add_api_key("admin", "organisation", "service", scopes=all_scopes())
    seeder.add_api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=workspace_scopes(),
        defaults={"config_id": config},
    )
    seeder.add_api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=workspace_scopes(),
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    key_without_scopes = seeder.add_api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    seeder.change("api_keys", key_without_scopes["id"], {"scopes": []})
    revoked = seeder.add_api_key("revoked", "organisation", "service", scopes=all_scopes())
    seeder.change("api_keys", revoked["id"], {"status": "expired"})


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}


@lru_cache(maxsize=4)
def seeded_state(seed: str, now: datetime) -> Row:
    """The state (see `Store.dump`) of an organisation that is seeded at a time in whole seconds.

    The same seed and time always give the same rows, and rows are never changed in place:
    therefore all emulators of a process can share them.
    """
    store = Store(lambda: now)
    with store.transaction():
        SEEDS[seed](store)
    return store.dump()
