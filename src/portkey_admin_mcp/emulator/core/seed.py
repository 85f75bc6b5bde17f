"""The organisations an emulator may start with, made through its own endpoints."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from .. import domain_modules
from .rows import Row
from .seeder import Seeder, all_scopes, workspace_scopes
from .store import Store, moment

PEOPLE = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, a default workspace, and one key."""
    seeder = Seeder(store)
    seeder.owner_key(seeder.user("Ada", "Okafor", "owner"))
    seeder.create_defaults()
    _default(seeder)


def acme(store: Store) -> None:
    """A small company, forty days in."""
    ahead = store.ahead
    seeder = Seeder(store)
    seeder.until = store.stamp()
    seeder.days(-40)
    ada, _ben, chitra, diego, emi = (seeder.user(*person) for person in PEOPLE)
    seeder.owner_key(ada)
    seeder.create_defaults()
    shared = _default(seeder)
    seeder.days(5)
    science = seeder.workspace("🔬 Science", description="Research and evaluation", users=[chitra])
    support = seeder.workspace(
        "Support",
        description="Answers customers",
        defaults={"metadata": {"team": "support"}},
        users=[diego, emi],
        usage_limits=[{"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}],
    )
    seeder.days(5)
    providers = _virtual_keys(seeder, shared, support)
    routes = _configs(seeder, support, providers)
    seeder.days(5)
    _api_keys(seeder, shared, support, emi, routes[0])
    seeder.does(
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
    store.ahead = ahead
    (invite,) = store.table("invites").rows()
    seeder.changed("invites", invite["id"], {"expires_at": moment(store.now() + timedelta(days=5))})


def _default(seeder: Seeder) -> Row:
    made = seeder.workspace("Shared Team Workspace")
    return seeder.changed(
        "workspaces", made["id"], {"defaults": {**made["defaults"], "is_default": 1}}
    )


def _virtual_keys(seeder: Seeder, shared: Row, support: Row) -> list[str]:
    wanted = (
        ("OpenAI main", "openai", support),
        ("Anthropic main", "anthropic", support),
        ("OpenAI shared", "openai", shared),
    )
    return [
        seeder.does(
            "POST /virtual-keys",
            {
                "name": name,
                "provider": provider,
                "key": "sk-not-a-real-key",
                "workspace_id": home["id"],
            },
        )["data"]["slug"]
        for name, provider, home in wanted
    ]


def _configs(seeder: Seeder, support: Row, providers: list[str]) -> list[str]:
    content = {
        "strategy": {"mode": "fallback"},
        "targets": [{"virtual_key": providers[0]}, {"virtual_key": providers[1]}],
    }
    cached = {"cache": {"mode": "simple", "max_age": 3600}, "virtual_key": providers[0]}
    return [
        seeder.does(
            "POST /configs", {"name": name, "config": config, "workspace_id": support["id"]}
        )["slug"]
        for name, config in (("Support fallback", content), ("Cached answers", cached))
    ]


def _api_keys(seeder: Seeder, shared: Row, support: Row, user_id: str, config: str) -> None:
    """The keys a sandbox can be tried with, by name."""
    seeder.api_key("admin", "organisation", "service", scopes=all_scopes())
    seeder.api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=workspace_scopes(),
        defaults={"config_id": config},
    )
    seeder.api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=workspace_scopes(),
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    scopeless = seeder.api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    seeder.changed("api_keys", scopeless["id"], {"scopes": []})
    revoked = seeder.api_key("revoked", "organisation", "service", scopes=all_scopes())
    seeder.changed("api_keys", revoked["id"], {"status": "expired"})


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}


@lru_cache(maxsize=4)
def seeded_state(seed: str, now: datetime) -> Row:
    """The state (`Store.dump`) of an organisation that was seeded at a time, in whole seconds.

    A seed makes the same rows each time, and rows are never changed in place: the emulators of a
    process that start at the same time share them.
    """
    store = Store(lambda: now)
    with store.transaction():
        SEEDS[seed](store)
    return store.dump()
