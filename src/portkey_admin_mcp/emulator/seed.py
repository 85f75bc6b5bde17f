"""The organisations an emulator may start with, made through its own endpoints."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from ..domains import DOMAINS
from .founder import Founder, all_scopes, lay_foundations, workspace_scopes
from .store import Store, moment
from .tables import Row

PEOPLE = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, a default workspace, and one key."""
    founder = Founder(store)
    founder.owner_key(founder.user("Ada", "Okafor", "owner"))
    lay_foundations(founder)
    _default(founder)


def acme(store: Store) -> None:
    """A small company, forty days in."""
    ahead = store.ahead
    founder = Founder(store)
    founder.until = store.stamp()
    founder.days(-40)
    ada, _ben, chitra, diego, emi = (founder.user(*person) for person in PEOPLE)
    founder.owner_key(ada)
    lay_foundations(founder)
    shared = _default(founder)
    founder.days(5)
    science = founder.workspace("🔬 Science", description="Research and evaluation", users=[chitra])
    support = founder.workspace(
        "Support",
        description="Answers customers",
        defaults={"metadata": {"team": "support"}},
        users=[diego, emi],
        usage_limits=[{"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}],
    )
    founder.days(5)
    providers = _virtual_keys(founder, shared, support)
    routes = _configs(founder, support, providers)
    founder.days(5)
    _api_keys(founder, shared, support, emi, routes[0])
    founder.does(
        "POST /admin/users/invites",
        {
            "email": "farid@acme.example",
            "role": "member",
            "workspaces": [{"id": science["slug"], "role": "member"}],
        },
    )
    for name in DOMAINS:
        fill = getattr(import_module(f"{__package__}.{name}"), "seed", None)
        if fill is not None:
            fill(founder)
    store.ahead = ahead
    (invite,) = store.table("invites").rows()
    founder.changed(
        "invites", invite["id"], {"expires_at": moment(store.now() + timedelta(days=5))}
    )


def _default(founder: Founder) -> Row:
    made = founder.workspace("Shared Team Workspace")
    return founder.changed(
        "workspaces", made["id"], {"defaults": {**made["defaults"], "is_default": 1}}
    )


def _virtual_keys(founder: Founder, shared: Row, support: Row) -> list[str]:
    wanted = (
        ("OpenAI main", "openai", support),
        ("Anthropic main", "anthropic", support),
        ("OpenAI shared", "openai", shared),
    )
    return [
        founder.does(
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


def _configs(founder: Founder, support: Row, providers: list[str]) -> list[str]:
    content = {
        "strategy": {"mode": "fallback"},
        "targets": [{"virtual_key": providers[0]}, {"virtual_key": providers[1]}],
    }
    cached = {"cache": {"mode": "simple", "max_age": 3600}, "virtual_key": providers[0]}
    return [
        founder.does(
            "POST /configs", {"name": name, "config": config, "workspace_id": support["id"]}
        )["slug"]
        for name, config in (("Support fallback", content), ("Cached answers", cached))
    ]


def _api_keys(founder: Founder, shared: Row, support: Row, user_id: str, config: str) -> None:
    """The keys a sandbox can be tried with, by name."""
    founder.api_key("admin", "organisation", "service", scopes=all_scopes())
    founder.api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=workspace_scopes(),
        defaults={"config_id": config},
    )
    founder.api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=workspace_scopes(),
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    scopeless = founder.api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    founder.changed("api_keys", scopeless["id"], {"scopes": []})
    revoked = founder.api_key("revoked", "organisation", "service", scopes=all_scopes())
    founder.changed("api_keys", revoked["id"], {"status": "expired"})


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}
